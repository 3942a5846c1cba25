#include "server_private.h"
#include <jobcore/loop_base.h>

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/// What is read from a peer that lingers.
#define LINGER_BYTES ((size_t)4 << 20)
#define ADDRESS_MAX (INET6_ADDRSTRLEN + 16)

void jc_connection_enqueue(struct jc_connection *connection)
{
    struct jc_server *server = connection->server;
    if (!connection->ready)
        TAILQ_INSERT_TAIL(&server->ready, connection, ready_link);
    connection->ready = true;
    jc_server_wake(server);
}

void jc_connection_ready(struct jc_connection *connection)
{
    if (connection->server->current != connection)
        jc_connection_enqueue(connection);
}

static void put_address(const union jc_address *peer, char text[ADDRESS_MAX])
{
    char address[INET6_ADDRSTRLEN];
    const bool v6 = peer->any.sa_family == AF_INET6;
    const void *bytes = v6 ? (const void *)&peer->v6.sin6_addr : &peer->v4.sin_addr;
    const in_port_t port = v6 ? peer->v6.sin6_port : peer->v4.sin_port;
    if (inet_ntop(peer->any.sa_family, bytes, address, sizeof address) == NULL)
        strcpy(address, "unknown");
    snprintf(text, ADDRESS_MAX, v6 ? "[%s]:%u" : "%s:%u", address, (unsigned)ntohs(port));
}

static void report(struct jc_server *server, const union jc_address *peer, struct jc_failure failure)
{
    char address[ADDRESS_MAX];
    put_address(peer, address);
    failure.address = address;
    server->handler.peer_failed(server->context, &failure);
}

void jc_peer_failed(struct jc_server *server, const union jc_address *peer, const char *reason)
{
    report(server, peer, (struct jc_failure){.reason = reason});
}

void jc_connection_failed(struct jc_connection *connection, const char *reason)
{
    jc_peer_failed(connection->server, &connection->peer, reason);
}

/// `shown`: by its certificate, with empty texts where there are none; NULL: it showed none.
static void not_let_in(struct jc_connection *connection, const char *reason, const struct jc_peer_text *shown)
{
    struct jc_failure failure = {.reason = reason, .handshake = true};
    if (shown != NULL && shown->name[0] != '\0')
        failure.name = shown->name;
    if (shown != NULL && shown->serial[0] != '\0')
        failure.serial = shown->serial;
    report(connection->server, &connection->peer, failure);
}

static void handshake_failed(struct jc_connection *connection, const char *reason,
                             const struct jc_peer_text *shown)
{
    jc_server_count(connection->server, JC_COUNT_FAILED_HANDSHAKES);
    not_let_in(connection, reason, shown);
}

static void refuse_all(struct jc_connection *connection, int status, const char *detail)
{
    connection->refusal = status;
    connection->refusal_detail = detail;
}

static void turn_away(struct jc_connection *connection, int status, const char *detail)
{
    refuse_all(connection, status, detail);
    jc_connection_failed(connection, detail);
}

/// A peer that may not come in is told so in HTTP, which its user sees, and not by an alert.
static void established(struct jc_connection *connection)
{
    const struct jc_server *server = connection->server;
    struct jc_peer_text text;
    char address[ADDRESS_MAX];
    const char *why = NULL;
    connection->codec_state = calloc(1, connection->codec->state_size);
    connection->phase = connection->codec_state != NULL ? JC_PHASE_OPEN : JC_PHASE_BROKEN;
    if (server->wire.operations->peer(&connection->transport, &text, &why) < 0) {
        refuse_all(connection, 403, why);
        not_let_in(connection, why, &text);
        return;
    }
    put_address(&connection->peer, address);
    const struct jc_peer peer = {
        .name = text.name, .serial = text.serial, .fingerprint = text.fingerprint, .address = address};
    int64_t tag = server->handler.opened(server->context, &peer, &connection->user);
    connection->until_s = server->wire.operations->peer_until(&connection->transport);
    if (tag >= 0)
        connection->tag = tag;
    else if (tag == -2)
        turn_away(connection, 429, "too many connections of this client");
    else if (tag == -3)
        turn_away(connection, 503, "the daemon cannot look this client up; its log says why");
    else
        turn_away(connection, 403, "this client is not let in");
}

static void shake(struct jc_connection *connection)
{
    char reason[256];
    struct jc_transport *transport = &connection->transport;
    int done = transport->wire->operations->shake(transport, reason, sizeof reason);
    if (done == 1)
        established(connection);
    if (done >= 0)
        return;
    handshake_failed(connection, reason, &transport->wire->shown);
    if (jc_transport_flush(transport) < 0)
        connection->phase = JC_PHASE_BROKEN;
    else
        jc_connection_linger(connection);
}

static void lost(struct jc_connection *connection, ssize_t got)
{
    struct jc_transport *transport = &connection->transport;
    if (connection->phase == JC_PHASE_SHAKING && transport->session != NULL)
        handshake_failed(connection, "the peer left in the middle of the handshake", NULL);
    const bool open = connection->phase == JC_PHASE_OPEN || connection->phase == JC_PHASE_CLOSING;
    if (open && got == 0 && jc_bytes_length(&transport->unsent) == 0 && !connection->said_goodbye) {
        transport->wire->operations->close(transport);
        (void)!jc_transport_flush(transport);
    }
    connection->phase = JC_PHASE_BROKEN;
}

void jc_connection_peer_left(struct jc_connection *connection)
{
    jc_connection_drop_exchanges(connection);
    if (connection->phase == JC_PHASE_OPEN)
        connection->phase = JC_PHASE_CLOSING;
}

static void read_some(struct jc_connection *connection)
{
    ssize_t got = jc_transport_receive(&connection->transport);
    if (got == -EAGAIN || got == -EINTR)
        return;
    if (got <= 0) {
        lost(connection, got);
    } else if (connection->phase == JC_PHASE_LINGERING) {
        connection->lingered += (size_t)got;
        if (connection->lingered > LINGER_BYTES)
            connection->phase = JC_PHASE_BROKEN;
    } else {
        if (connection->phase == JC_PHASE_SHAKING)
            shake(connection);
        if (connection->phase == JC_PHASE_OPEN || connection->phase == JC_PHASE_CLOSING)
            jc_connection_take_in(connection);
    }
    jc_connection_settle(connection);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_share *share = jc_share_take(context);
    if (share == NULL)
        return;
    read_some(context);
    jc_share_give(share);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_connection *connection = context;
    struct jc_share *share = jc_share_take(connection);
    if (share == NULL)
        return;
    ssize_t sent = jc_transport_send_rest(&connection->transport);
    if (sent < 0)
        connection->phase = JC_PHASE_BROKEN;
    if (sent > 0)
        connection->progress = true;
    if (sent >= 0 && jc_bytes_length(&connection->transport.unsent) == 0)
        jc_connection_work(connection);
    jc_connection_settle(connection);
    jc_share_give(share);
}

void jc_connection_resume(struct jc_connection *connection)
{
    TAILQ_REMOVE(&connection->server->ready, connection, ready_link);
    connection->ready = false;
    struct jc_share *share = jc_share_take(connection);
    if (share == NULL) {
        jc_connection_enqueue(connection);
        return;
    }
    if (connection->phase == JC_PHASE_OPEN || connection->phase == JC_PHASE_CLOSING)
        jc_connection_work(connection);
    jc_connection_settle(connection);
    jc_share_give(share);
}

void jc_connection_cut(struct jc_connection *connection, const char *reason)
{
    jc_connection_failed(connection, reason);
    connection->phase = JC_PHASE_BROKEN;
    jc_connection_enqueue(connection);
}

void jc_connection_drain(struct jc_connection *connection)
{
    if (connection->phase == JC_PHASE_SHAKING)
        connection->phase = JC_PHASE_BROKEN;
    if (connection->phase == JC_PHASE_OPEN && LIST_EMPTY(&connection->exchanges))
        connection->phase = JC_PHASE_CLOSING;
    jc_connection_enqueue(connection);
}

void jc_connection_apply_trust(struct jc_connection *connection, const struct jc_trust *trust)
{
    struct jc_transport *transport = &connection->transport;
    const bool goes_on =
        connection->tag >= 0 && !LIST_EMPTY(&connection->exchanges) && connection->phase != JC_PHASE_BROKEN;
    const char *why = goes_on ? transport->wire->operations->peer_refused(transport, trust) : NULL;
    if (why == NULL)
        return;
    char reason[256];
    snprintf(reason, sizeof reason, "the client is let in no more: %s", why);
    jc_connection_cut(connection, reason);
}

void jc_connection_expired(struct jc_connection *connection, enum jc_deadline_kind kind)
{
    const bool skipping = kind == JC_DEADLINE_BODY && LIST_EMPTY(&connection->exchanges);
    if (kind == JC_DEADLINE_IDLE || skipping) {
        connection->phase = JC_PHASE_CLOSING;
    } else if (kind == JC_DEADLINE_HEAD) {
        connection->codec->refuse(connection, 408, "the request head did not come in time");
    } else if (kind == JC_DEADLINE_BODY) {
        connection->codec->refuse(connection, 408, "the request body did not come in time");
    } else {
        if (kind == JC_DEADLINE_HANDSHAKE)
            handshake_failed(connection, "the handshake took too long", NULL);
        if (kind == JC_DEADLINE_WRITE)
            jc_connection_failed(connection, "the peer does not read its reply");
        connection->phase = JC_PHASE_BROKEN;
    }
    jc_connection_enqueue(connection);
}

int jc_connection_new(struct jc_server *server, int fd, const union jc_address *peer)
{
    struct jc_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return -ENOMEM;
    connection->server = server;
    connection->transport = (struct jc_transport){.wire = &server->wire, .fd = fd};
    connection->codec = &jc_http1;
    connection->tag = -1;
    connection->peer = *peer;
    struct event_base *base = jc_loop_base(server->loop);
    event_assign(&connection->readable, base, fd, EV_READ | EV_PERSIST, on_readable, connection);
    event_assign(&connection->writable, base, fd, EV_WRITE | EV_PERSIST, on_writable, connection);
    if (event_add(&connection->readable, NULL) != 0) {
        free(connection);
        return -ENOMEM;
    }
    connection->reading = true;
    jc_server_count(server, JC_COUNT_CONNECTIONS);
    jc_server_add(server, connection);
    jc_deadline_start(&server->deadlines, &connection->deadline, JC_DEADLINE_HANDSHAKE);
    return 0;
}
