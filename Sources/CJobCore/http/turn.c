#include "server_private.h"

#include <event2/event.h>

/// Encrypted bytes kept for a peer that does not read; past it nothing is read from it either.
#define UNSENT_MAX ((size_t)256 << 10)

static enum jc_deadline_kind due(const struct jc_connection *connection)
{
    if (connection->phase == JC_PHASE_SHAKING)
        return JC_DEADLINE_HANDSHAKE;
    if (connection->phase == JC_PHASE_LINGERING)
        return JC_DEADLINE_LINGER;
    if (jc_bytes_length(&connection->transport.unsent) > 0)
        return JC_DEADLINE_WRITE;
    if (connection->codec->awaits_body(connection))
        return JC_DEADLINE_BODY;
    if (!LIST_EMPTY(&connection->exchanges))
        return JC_DEADLINE_NONE;
    return jc_bytes_length(&connection->in) > 0 ? JC_DEADLINE_HEAD : JC_DEADLINE_IDLE;
}

static void set_deadline(struct jc_connection *connection)
{
    const enum jc_deadline_kind kind = due(connection);
    const bool stall = kind == JC_DEADLINE_WRITE || kind == JC_DEADLINE_BODY || kind == JC_DEADLINE_HEAD;
    if (kind == JC_DEADLINE_IDLE && connection->deadline.kind == kind)
        jc_deadline_put_off(&connection->deadline);
    else if (connection->deadline.kind != kind || (stall && connection->progress))
        jc_deadline_start(&connection->server->deadlines, &connection->deadline, kind);
    connection->progress = false;
}

static bool wants_input(const struct jc_connection *connection)
{
    const size_t head = connection->server->options.max_head;
    return connection->phase != JC_PHASE_OPEN ||
           (jc_bytes_length(&connection->in) < (head > JC_PENDING_MAX ? head : JC_PENDING_MAX) &&
            jc_bytes_length(&connection->transport.unsent) < UNSENT_MAX);
}

/// The events are changed only when they have to be: each change is a system call.
static bool set_events(struct jc_connection *connection)
{
    const bool read = wants_input(connection), write = jc_bytes_length(&connection->transport.unsent) > 0;
    int failed = 0;
    if (read != connection->reading)
        failed |= read ? event_add(&connection->readable, NULL) : event_del(&connection->readable);
    if (write != connection->writing)
        failed |= write ? event_add(&connection->writable, NULL) : event_del(&connection->writable);
    connection->reading = read;
    connection->writing = write;
    return failed == 0;
}

/// Nothing of a connection that broke may be left for the next one.
static void clear_shared(struct jc_server *server)
{
    server->current = NULL;
    server->batch.start = server->batch.end = 0;
    server->wire.out.start = server->wire.out.end = 0;
    server->wire.in_at = server->wire.in_end = 0;
}

/// The end of each turn of a connection, and the only place where one is freed by its own events.
void jc_connection_settle(struct jc_connection *connection)
{
    const bool speaks = connection->phase != JC_PHASE_BROKEN && connection->phase != JC_PHASE_LINGERING;
    if (speaks && jc_transport_flush(&connection->transport) < 0)
        connection->phase = JC_PHASE_BROKEN;
    if (connection->phase == JC_PHASE_CLOSING)
        jc_connection_close_in_order(connection);
    clear_shared(connection->server);
    if (connection->phase == JC_PHASE_BROKEN || !set_events(connection)) {
        jc_connection_free(connection);
        return;
    }
    if (jc_bytes_length(&connection->in) == 0 && connection->in.data != NULL)
        jc_bytes_free(&connection->in);
    jc_connection_account(connection);
    set_deadline(connection);
}

/// What wakes again meanwhile has its next turn for that.
static void call_woken(struct jc_connection *connection)
{
    const struct jc_server *server = connection->server;
    struct jc_exchange *exchange;
    LIST_FOREACH(exchange, &connection->exchanges, link)
    {
        if (!exchange->woken)
            continue;
        exchange->woken = false;
        server->handler.woken(server->context, exchange);
    }
}

/// Takes requests and sends replies until neither goes on. The length taken of `bytes`.
static size_t work(struct jc_connection *connection, char *bytes, size_t length)
{
    size_t used = 0, before;
    const struct jc_exchange *exchange;
    connection->server->current = connection;
    call_woken(connection);
    do {
        before = used;
        exchange = LIST_FIRST(&connection->exchanges);
        used += connection->codec->take(connection, bytes + used, length - used);
        jc_pump(connection);
    } while (connection->phase == JC_PHASE_OPEN &&
             (used > before || LIST_FIRST(&connection->exchanges) != exchange));
    return used;
}

void jc_connection_work(struct jc_connection *connection)
{
    static char nothing[1];
    struct jc_bytes *in = &connection->in;
    char *bytes = in->data != NULL ? (char *)in->data + in->start : nothing;
    jc_bytes_consume(in, work(connection, bytes, jc_bytes_length(in)));
}

void jc_connection_take_in(struct jc_connection *connection)
{
    struct jc_transport *transport = &connection->transport;
    char *plain = connection->server->plain;
    ssize_t got = transport->wire->operations->read(transport, plain, JC_PLAIN_SIZE);
    if (got < 0) {
        jc_connection_failed(connection, "broken TLS record");
        connection->phase = JC_PHASE_CLOSING;
        jc_connection_drop_exchanges(connection);
        return;
    }
    int status = 0;
    if (connection->phase != JC_PHASE_OPEN)
        return;
    if (jc_bytes_length(&connection->in) == 0) {
        size_t used = work(connection, plain, (size_t)got);
        if (used < (size_t)got && connection->phase == JC_PHASE_OPEN)
            status = jc_bytes_append(&connection->in, plain + used, (size_t)got - used);
    } else {
        status = jc_bytes_append(&connection->in, plain, (size_t)got);
        jc_connection_work(connection);
    }
    if (status < 0)
        connection->phase = JC_PHASE_BROKEN;
    if (transport->peer_closed)
        jc_connection_peer_left(connection);
}
