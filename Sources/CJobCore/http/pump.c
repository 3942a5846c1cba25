#include "server_private.h"

static bool has_more(const struct jc_connection *connection)
{
    const struct jc_exchange *exchange;
    LIST_FOREACH(exchange, &connection->exchanges, link)
    {
        if (jc_exchange_has_file(exchange))
            return true;
    }
    return jc_bytes_length(&connection->queue) > 0;
}

static bool send_batch(struct jc_connection *connection, struct jc_bytes *batch)
{
    struct jc_transport *transport = &connection->transport;
    const struct jc_transport_operations *operations = transport->wire->operations;
    int status = operations->write(transport, batch->data + batch->start, jc_bytes_length(batch));
    if (status == 0 && connection->phase == JC_PHASE_CLOSING && !has_more(connection)) {
        connection->said_goodbye = true;
        operations->close(transport);
    }
    if (status == 0)
        status = jc_transport_flush(transport);
    batch->start = batch->end = 0;
    if (status < 0)
        connection->phase = JC_PHASE_BROKEN;
    return status == 0;
}

static void offer(struct jc_connection *connection)
{
    const struct jc_server *server = connection->server;
    struct jc_exchange *exchange;
    if (jc_bytes_length(&connection->queue) >= JC_LOW_WATER)
        return;
    LIST_FOREACH(exchange, &connection->exchanges, link)
    {
        if (!exchange->wants_writable || exchange->answer != JC_ANSWER_STREAMING)
            continue;
        exchange->wants_writable = false;
        server->handler.writable(server->context, exchange);
    }
}

void jc_pump(struct jc_connection *connection)
{
    struct jc_bytes *batch = &connection->server->batch;
    size_t turn = JC_TURN_BYTES;
    while (connection->phase == JC_PHASE_OPEN || connection->phase == JC_PHASE_CLOSING) {
        const bool stuck = jc_bytes_length(&connection->transport.unsent) > 0;
        if (!LIST_EMPTY(&connection->exchanges) || jc_bytes_length(&connection->queue) > 0)
            connection->codec->fill(connection, batch);
        const size_t length = jc_bytes_length(batch);
        if (length == 0 || !send_batch(connection, batch) || stuck)
            return;
        offer(connection);
        if (length >= turn) {
            if (has_more(connection))
                jc_connection_enqueue(connection);
            return;
        }
        turn -= length;
    }
}
