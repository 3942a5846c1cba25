#include "server_private.h"

#include <jobcore/loop_base.h>

/// Of a round of the loop, what one client's connections may use before the others have had their turn. What
/// a turn used beyond it is paid for in the next rounds, which are short when all have to pay (deficit round
/// robin). Those whose client is not known yet, because they shake hands, have one share together.
#define SHARE_NS 5000000

static struct jc_share *share_of(struct jc_connection *connection)
{
    // Dense numbers, for which this is exact up to the size of the table; beyond it some clients share one.
    return &connection->server->shares[(uint64_t)(connection->tag + 1) % JC_SHARES];
}

/// A new round pays off a share of what was used.
static void pay(struct jc_share *share, uint64_t round)
{
    const uint64_t rounds = round - share->round;
    share->round = round;
    if (rounds > (uint64_t)(share->used_ns / SHARE_NS))
        share->used_ns = 0;
    else
        share->used_ns -= (int64_t)rounds * SHARE_NS;
}

struct jc_share *jc_share_take(struct jc_connection *connection)
{
    struct jc_share *share = share_of(connection);
    pay(share, jc_loop_round(connection->server->loop));
    if (share->used_ns >= SHARE_NS)
        return NULL;
    share->since_ns = jp_monotonic_ns();
    return share;
}

void jc_share_give(struct jc_share *share)
{
    share->used_ns += jp_monotonic_ns() - share->since_ns;
}
