#include "client_private.h"

#include <errno.h>

bool jw_listens(const struct jw_client *client)
{
    return client->unsent == JW_IN_CHUNKS && client->head_count == 1 && client->body_done;
}

int jw_hear(struct jw_client *client, struct jw_error *error)
{
    int filled, heard = 0;
    do {
        if (!jw_take_interim(client, error))
            return -1;
        if (client->answered)
            return 1;
        filled = jw_fill_now(client, client->in_end > client->in_start, error);
        heard = filled > 0 ? 1 : heard;
    } while (filled > 0);
    return filled == -EAGAIN ? heard : -1;
}

bool jw_client_listen(struct jw_client *client, int input, unsigned milliseconds, enum jw_heard *heard,
                      struct jw_error *error)
{
    const int64_t deadline = jw_deadline(milliseconds);
    struct pollfd both[] = {{.fd = client->transport.socket, .events = POLLIN},
                            {.fd = input, .events = POLLIN}};
    int ready = 1;
    *heard = JW_HEARD_NOTHING;
    while (*heard == JW_HEARD_NOTHING && ready > 0) {
        if (!client->answered && jw_hear(client, error) < 0)
            return false;
        if (client->interim)
            *heard = JW_HEARD_INTERIM;
        else if (client->answered)
            *heard = JW_HEARD_REPLY;
        else if ((ready = jw_wait_any(both, 2, deadline)) > 0 && both[1].revents != 0)
            *heard = JW_HEARD_INPUT;
    }
    client->interim = false;
    return true;
}
