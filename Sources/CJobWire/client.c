#include "client_private.h"

#include <stdlib.h>

bool jw_client_open(const struct jw_client_options *options, struct jw_client **out, struct jw_error *error)
{
    struct jw_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        jw_set_error(error, JW_FAIL_CONNECT, "out of memory");
        return false;
    }
    client->body_done = true;
    if (!jw_transport_open(&client->transport, options, error)) {
        client->broken = true;
        jw_client_free(client);
        return false;
    }
    jw_authority(options, client->host, sizeof client->host);
    *out = client;
    return true;
}

void jw_client_free(struct jw_client *client)
{
    if (client == NULL)
        return;
    jw_transport_close(&client->transport, !client->broken);
    free(client->head);
    free(client);
}

bool jw_client_reusable(struct jw_client *client)
{
    return !client->broken && client->body_done && client->head_count == 0 && !client->response.closes &&
           client->unsent == 0 && client->in_start == client->in_end && jw_is_quiet(&client->transport);
}
