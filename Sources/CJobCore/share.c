#include "server_private.h"

#include "loop_private.h"

#include <time.h>

/// Of a round of the loop, what one client's connections may use before the others have had their turn. Those
/// that do not know their client yet, because they shake hands, have one share together.
#define SHARE_NS 5000000

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static struct jc_share *share_of(struct jc_connection *connection)
{
    // Dense numbers, for which this is exact up to the size of the table; beyond it some clients share one.
    return &connection->server->shares[(uint64_t)(connection->tag + 1) % JC_SHARES];
}

struct jc_share *jc_share_take(struct jc_connection *connection)
{
    struct jc_share *share = share_of(connection);
    const uint64_t round = jc_loop_round(connection->server->loop);
    if (share->round != round)
        *share = (struct jc_share){.round = round};
    if (share->used_ns >= SHARE_NS)
        return NULL;
    share->since_ns = now_ns();
    return share;
}

void jc_share_give(struct jc_share *share)
{
    share->used_ns += now_ns() - share->since_ns;
}
