#include "server_private.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLOT_BITS 24

/// The number of an exchange is that of its connection's slot below the count of exchanges: found without a
/// search of the server, and never again another's.
void jc_exchange_open(struct jc_exchange *exchange, struct jc_connection *connection, struct jw_slice method)
{
    *exchange = (struct jc_exchange){
        .connection = connection,
        .id = ++connection->server->exchanges << SLOT_BITS | connection->slot,
        .bodiless = method.length == 4 && memcmp(method.bytes, "HEAD", 4) == 0,
        .file = {.fd = -1},
    };
    LIST_INSERT_HEAD(&connection->exchanges, exchange, link);
}

static void refuse_large(struct jc_connection *connection)
{
    char detail[64];
    snprintf(detail, sizeof detail, "the request body is larger than %zu bytes",
             connection->server->options.max_body);
    connection->codec->refuse(connection, 413, detail);
}

const struct jw_field jc_retry_later = {{"Retry-After", 11}, {"1", 1}};

/// Answers with what the connection was refused for.
static void turn_away(struct jc_exchange *exchange)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_reply_head head = {
        .status = connection->refusal,
        .fields = &jc_retry_later,
        .count = connection->refusal != 403,
    };
    connection->last = true;
    jc_reply_problem(exchange, &head, connection->refusal_detail, strlen(connection->refusal_detail));
}

void jc_exchange_begin(struct jc_exchange *exchange, const struct jc_request *request)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_server *server = connection->server;
    if (connection->refusal != 0) {
        turn_away(exchange);
        return;
    }
    if (!jc_connection_has_room(connection)) {
        const char *why = jc_connection_no_room(connection);
        jc_reply_problem(exchange, &(struct jc_reply_head){503, .fields = &jc_retry_later, .count = 1}, why,
                         strlen(why));
        return;
    }
    enum jc_body mode = server->handler.head(server->context, exchange, request);
    if (exchange->answer == JC_ANSWER_NONE || exchange->answer == JC_ANSWER_STREAMING)
        exchange->mode = mode;
    if (exchange->mode == JC_BODY_WHOLE && request->content_length > (int64_t)server->options.max_body)
        refuse_large(connection);
    else if (exchange->mode != JC_BODY_NONE && !request->has_body)
        server->handler.body(server->context, exchange, NULL, 0, true);
}

void jc_exchange_body(struct jc_exchange *exchange, const char *bytes, size_t length, bool last)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_server *server = connection->server;
    struct jc_bytes *body = &exchange->body;
    const size_t held = jc_bytes_length(body);
    if (exchange->mode == JC_BODY_STREAM) {
        exchange->passed = length;
        if (length > 0 || last)
            server->handler.body(server->context, exchange, (const uint8_t *)bytes, length, last);
    } else if (held + length > server->options.max_body) {
        refuse_large(connection);
    } else if (held == 0 && last) {
        exchange->passed = length;
        server->handler.body(server->context, exchange, (const uint8_t *)bytes, length, true);
    } else if (!jc_connection_has_room(connection)) {
        connection->codec->refuse(connection, 503, jc_connection_no_room(connection));
    } else if (jc_bytes_append(body, bytes, length) < 0) {
        connection->phase = JC_PHASE_BROKEN;
    } else if (last) {
        server->handler.body(server->context, exchange, body->data, jc_bytes_length(body), true);
    }
}

void jc_exchange_close(struct jc_exchange *exchange, bool complete)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_server *server = connection->server;
    const enum jc_end early = connection->transport.peer_closed ? JC_END_LEFT : JC_END_CUT;
    if (exchange->user != NULL)
        server->handler.ended(server->context, exchange, complete ? JC_END_COMPLETE : early);
    if (exchange->file.fd >= 0)
        close(exchange->file.fd);
    jc_bytes_free(&exchange->body);
    // What is still queued of a reply that is complete, its last chunk, is sent after it is closed.
    if (!complete || jc_bytes_length(&connection->queue) == 0)
        jc_bytes_free(&connection->queue);
    exchange->id = 0;
    LIST_REMOVE(exchange, link);
    const bool last = connection->last || server->drained != NULL;
    if (last && connection->phase == JC_PHASE_OPEN)
        connection->phase = JC_PHASE_CLOSING;
}

void *jc_exchange_peer(struct jc_exchange *exchange)
{
    return exchange->connection->user;
}

void jc_exchange_set_user(struct jc_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *jc_exchange_user(struct jc_exchange *exchange)
{
    return exchange->user;
}

uint64_t jc_exchange_id(struct jc_exchange *exchange)
{
    return exchange->id;
}

struct jc_exchange *jc_server_exchange(struct jc_server *server, uint64_t id)
{
    const uint64_t slot = id & (((uint64_t)1 << SLOT_BITS) - 1);
    if (slot >= server->slots_used || server->slots[slot].connection == NULL)
        return NULL;
    struct jc_exchange *exchange = LIST_FIRST(&server->slots[slot].connection->exchanges);
    while (exchange != NULL && exchange->id != id)
        exchange = LIST_NEXT(exchange, link);
    return exchange;
}

void jc_exchange_wake(struct jc_exchange *exchange)
{
    exchange->woken = true;
    jc_connection_enqueue(exchange->connection);
}

void jc_exchange_pause_body(struct jc_exchange *exchange)
{
    exchange->paused = true;
}

void jc_exchange_resume_body(struct jc_exchange *exchange)
{
    exchange->paused = false;
    exchange->passed = 0;
    jc_connection_ready(exchange->connection);
}
