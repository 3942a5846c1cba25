#include "server_private.h"

#include <string.h>

/// Where the next reply bytes of a connection belong: behind those it has, in the batch while it is at work.
/// Not there while the peer does not take what it was sent: of the queue it is known when it is full.
static struct jc_bytes *sink(struct jc_connection *connection, size_t length)
{
    struct jc_server *server = connection->server;
    const bool batched = server->current == connection && jc_bytes_length(&connection->queue) == 0 &&
                         jc_bytes_length(&connection->transport.unsent) == 0 &&
                         jc_bytes_length(&server->batch) + length <= 2 * JC_BATCH_SIZE;
    return batched ? &server->batch : &connection->queue;
}

char *jc_output_room(struct jc_connection *connection, size_t length)
{
    struct jc_bytes *bytes = sink(connection, length);
    if (jc_bytes_reserve(bytes, length) < 0) {
        connection->phase = JC_PHASE_BROKEN;
        jc_connection_ready(connection);
        return NULL;
    }
    connection->sink = bytes;
    return (char *)bytes->data + bytes->end;
}

void jc_output_commit(struct jc_connection *connection, const char *end)
{
    struct jc_bytes *bytes = connection->sink;
    bytes->end = (size_t)((const uint8_t *)end - bytes->data);
    jc_connection_ready(connection);
}

void jc_output_put(struct jc_connection *connection, const void *bytes, size_t length)
{
    char *at = jc_output_room(connection, length);
    if (at == NULL)
        return;
    memcpy(at, bytes, length);
    jc_output_commit(connection, at + length);
}
