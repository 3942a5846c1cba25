#define _GNU_SOURCE
#include "client_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct jw_client *make(struct jw_error *error)
{
    struct jw_client *client = calloc(1, sizeof *client);
    if (client != NULL) {
        client->transport.socket = -1;
        client->in = malloc(JW_HEAD_SIZE);
        client->out = malloc(JW_HEAD_SIZE);
        client->body_done = true;
        if (client->in != NULL && client->out != NULL)
            return client;
    }
    jw_set_error(error, JW_FAIL_CONNECT, "out of memory");
    jw_client_free(client);
    return NULL;
}

static bool connect_client(struct jw_client *client, const struct jw_client_options *options,
                           struct jw_error *error)
{
    int64_t deadline = jw_deadline(options->connect_ms);
    // The files first: what is wrong with them is better known before anything else is.
    client->ctx = jw_client_context(options, error);
    if (client->ctx == NULL)
        return false;
    client->transport.socket = jw_connect(options, deadline, error);
    if (client->transport.socket < 0)
        return false;
    client->transport.ssl = jw_transport_ssl(&client->transport, client->ctx);
    if (client->transport.ssl == NULL) {
        jw_set_error(error, JW_FAIL_CONNECT, "out of memory");
        return false;
    }
    bool bracketed = strchr(options->host, ':') != NULL;
    snprintf(client->host, sizeof client->host, bracketed ? "[%s]:%u" : "%s:%u", options->host,
             options->port);
    return jw_handshake(&client->transport, options, deadline, error);
}

bool jw_client_open(const struct jw_client_options *options, struct jw_client **out, struct jw_error *error)
{
    struct jw_client *client = make(error);
    if (client == NULL)
        return false;
    client->transport.io_ms = options->io_ms;
    if (!connect_client(client, options, error)) {
        client->broken = true;
        jw_client_free(client);
        return false;
    }
    *out = client;
    return true;
}

void jw_client_free(struct jw_client *client)
{
    if (client == NULL)
        return;
    jw_transport_close(&client->transport, !client->broken);
    SSL_CTX_free(client->ctx);
    free(client->head);
    free(client->in);
    free(client->out);
    free(client);
}

bool jw_client_reusable(struct jw_client *client)
{
    return !client->broken && client->body_done && client->head_count == 0 && !client->response.closes &&
           client->unsent == 0 && client->in_start == client->in_end && jw_is_quiet(&client->transport);
}
