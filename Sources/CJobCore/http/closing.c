#include "server_private.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/// Ends all but the socket.
static void part(struct jc_connection *connection)
{
    struct jc_server *server = connection->server;
    jc_connection_drop_exchanges(connection);
    free(connection->codec_state);
    connection->codec_state = NULL;
    server->wire.operations->free(&connection->transport);
    jc_bytes_free(&connection->in);
    jc_bytes_free(&connection->queue);
    jc_bytes_free(&connection->transport.unsent);
    jc_connection_account(connection);
    if (connection->tag >= 0)
        server->handler.closed(server->context, connection->user);
    connection->tag = -1;
}

void jc_connection_free(struct jc_connection *connection)
{
    struct jc_server *server = connection->server;
    part(connection);
    event_del(&connection->readable);
    event_del(&connection->writable);
    close(connection->transport.fd);
    jc_deadline_stop(&server->deadlines, &connection->deadline);
    if (connection->ready)
        TAILQ_REMOVE(&server->ready, connection, ready_link);
    jc_server_remove(server, connection);
    free(connection);
}

/// Closing a socket with bytes unread resets it, and the reset may overtake the last reply: so the peer is
/// told that all is said, and what it still sends is read for a while.
void jc_connection_linger(struct jc_connection *connection)
{
    const bool silent = connection->transport.peer_closed || connection->asked_to_close;
    part(connection);
    connection->phase = JC_PHASE_LINGERING;
    if (silent || shutdown(connection->transport.fd, SHUT_WR) < 0)
        connection->phase = JC_PHASE_BROKEN;
}

void jc_connection_drop_exchanges(struct jc_connection *connection)
{
    struct jc_exchange *exchange;
    while ((exchange = LIST_FIRST(&connection->exchanges)) != NULL)
        jc_exchange_close(exchange, false);
}

void jc_connection_close_in_order(struct jc_connection *connection)
{
    struct jc_transport *transport = &connection->transport;
    if (!LIST_EMPTY(&connection->exchanges) || jc_bytes_length(&connection->queue) > 0 ||
        jc_bytes_length(&transport->unsent) > 0)
        return;
    if (!connection->said_goodbye) {
        connection->said_goodbye = true;
        transport->wire->operations->close(transport);
        if (jc_transport_flush(transport) < 0)
            connection->phase = JC_PHASE_BROKEN;
    }
    if (connection->phase == JC_PHASE_CLOSING && jc_bytes_length(&transport->unsent) == 0)
        jc_connection_linger(connection);
}
