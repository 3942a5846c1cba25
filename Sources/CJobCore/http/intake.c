#define _GNU_SOURCE
#include "server_private.h"

#include <stdio.h>
#include <string.h>

void jc_intake_refuse(struct jc_connection *connection, int status, const char *detail)
{
    struct jc_exchange *exchange = &connection->exchange;
    jc_connection_failed(connection, detail);
    connection->intake.at = JC_INTAKE_DONE;
    if (exchange->id != 0 && exchange->answer != JC_ANSWER_NONE) {
        connection->phase = JC_PHASE_BROKEN;
        return;
    }
    if (exchange->id == 0)
        jc_exchange_open(connection, &(struct jc_head){.keep_alive = false});
    exchange->keep_alive = false;
    jc_reply_problem(exchange, status, NULL, detail, strlen(detail));
}

/// Whether an incomplete head should be parsed again: when its end has come, or when there is twice as much
/// of it, so that a head that comes byte by byte costs no more than a few times its length.
static bool worth_parsing(struct jc_intake *intake, const char *bytes, size_t length)
{
    const size_t from = intake->scanned > 3 ? intake->scanned - 3 : 0;
    if (intake->tried == 0 || length >= 2 * intake->tried)
        return true;
    intake->scanned = length;
    return memmem(bytes + from, length - from, "\r\n\r\n", 4) != NULL;
}

static void deliver(struct jc_connection *connection, const char *bytes, size_t length, bool last)
{
    struct jc_server *server = connection->server;
    struct jc_exchange *exchange = &connection->exchange;
    struct jc_bytes *body = &exchange->body;
    if (exchange->mode == JC_BODY_STREAM) {
        if (length > 0 || last)
            server->handler.body(server->context, exchange, (const uint8_t *)bytes, length, last);
        return;
    }
    if (jc_bytes_length(body) == 0 && last) {
        server->handler.body(server->context, exchange, (const uint8_t *)bytes, length, true);
        return;
    }
    if (!jc_bytes_reserve(body, length)) {
        connection->phase = JC_PHASE_BROKEN;
        return;
    }
    memcpy(body->data + body->end, bytes, length);
    body->end += length;
    if (last)
        server->handler.body(server->context, exchange, body->data, jc_bytes_length(body), true);
}

static void skip(struct jc_connection *connection, bool last)
{
    if (last || connection->intake.taken <= JC_SKIP_MAX)
        return;
    connection->exchange.keep_alive = false;
    if (connection->exchange.id == 0)
        connection->phase = JC_PHASE_CLOSING;
}

/// Takes the next piece of the body out of what came. Its length, or -1 when the chunks are malformed.
static ssize_t next_piece(struct jc_intake *intake, char *bytes, size_t length, size_t *taken)
{
    size_t made = 0;
    if (!intake->chunked) {
        made = *taken = intake->left < length ? (size_t)intake->left : length;
        intake->left -= made;
        if (intake->left == 0)
            intake->at = JC_INTAKE_DONE;
    } else {
        int ended = jw_chunked_decode(&intake->decoder, bytes, length, taken, &made);
        if (ended < 0)
            return -1;
        if (ended == 1)
            intake->at = JC_INTAKE_DONE;
    }
    intake->taken += made;
    return (ssize_t)made;
}

static void refuse_large(struct jc_connection *connection)
{
    char detail[64];
    snprintf(detail, sizeof detail, "the request body is larger than %zu bytes",
             connection->server->options.max_body);
    jc_intake_refuse(connection, 413, detail);
}

static bool take_body(struct jc_connection *connection, char *bytes, size_t length, size_t *taken)
{
    struct jc_exchange *exchange = &connection->exchange;
    const bool wanted = exchange->id != 0 && exchange->mode != JC_BODY_NONE;
    if (length == 0 || (wanted && exchange->mode == JC_BODY_STREAM && exchange->paused))
        return false;
    ssize_t made = next_piece(&connection->intake, bytes, length, taken);
    connection->progress = true;
    const bool last = connection->intake.at == JC_INTAKE_DONE;
    if (made < 0)
        jc_intake_refuse(connection, 400, "malformed chunked body");
    else if (!wanted)
        skip(connection, last);
    else if (exchange->mode == JC_BODY_WHOLE &&
             connection->intake.taken > connection->server->options.max_body)
        refuse_large(connection);
    else
        deliver(connection, bytes, (size_t)made, last);
    return true;
}

static void expect_body(struct jc_connection *connection, const struct jc_request *request, bool more)
{
    struct jc_server *server = connection->server;
    struct jc_exchange *exchange = &connection->exchange;
    const int64_t most = (int64_t)server->options.max_body;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (exchange->mode == JC_BODY_WHOLE && request->content_length > most) {
        refuse_large(connection);
        return;
    }
    if (!request->has_body)
        server->handler.body(server->context, exchange, NULL, 0, true);
    else if (exchange->waits_for_100 && !more)
        jc_reply_put(connection, go_on, sizeof go_on - 1);
    exchange->waits_for_100 = false;
}

static void begin(struct jc_connection *connection, const struct jc_head *head, bool more)
{
    struct jc_server *server = connection->server;
    struct jc_exchange *exchange = &connection->exchange;
    const struct jc_request *request = &head->request;
    connection->intake = (struct jc_intake){
        .at = request->has_body ? JC_INTAKE_BODY : JC_INTAKE_DONE,
        .chunked = request->content_length<0, .left = request->content_length> 0
                       ? (uint64_t)request->content_length
                       : 0,
    };
    connection->progress = true;
    jc_exchange_open(connection, head);
    if (connection->refusal != 0) {
        jc_reply_refused(connection);
        return;
    }
    enum jc_body mode = server->handler.head(server->context, exchange, request);
    if (exchange->answer == JC_ANSWER_NONE || exchange->answer == JC_ANSWER_STREAMING)
        exchange->mode = mode;
    if (exchange->mode != JC_BODY_NONE)
        expect_body(connection, request, more);
}

static bool take_head(struct jc_connection *connection, const char *bytes, size_t length, size_t *taken)
{
    struct jc_server *server = connection->server;
    struct jc_intake *intake = &connection->intake;
    const char *why = NULL;
    struct jc_head head;
    if (!worth_parsing(intake, bytes, length))
        return false;
    ssize_t parsed =
        jc_request_parse(bytes, length, server->options.max_head, server->fields, JC_FIELDS_MAX, &head, &why);
    if (parsed == 0) {
        intake->tried = intake->scanned = length;
        return false;
    }
    if (parsed < 0) {
        jc_intake_refuse(connection, (int)-parsed, why);
        return false;
    }
    *taken = (size_t)parsed;
    connection->asked_to_close = !head.keep_alive && !head.request.has_body && length == *taken;
    begin(connection, &head, length > (size_t)parsed);
    return true;
}

/// One exchange at a time, and none while the peer does not take the replies it has.
static bool may_begin(const struct jc_connection *connection)
{
    return connection->exchange.id == 0 && jc_bytes_length(&connection->unsent) == 0 &&
           jc_bytes_length(&connection->queue) == 0 &&
           jc_bytes_length(&connection->server->batch) < JC_BATCH_SIZE;
}

static bool step(struct jc_connection *connection, char *bytes, size_t length, size_t *taken)
{
    switch (connection->intake.at) {
    case JC_INTAKE_HEAD:
        return length > 0 && may_begin(connection) && take_head(connection, bytes, length, taken);
    case JC_INTAKE_BODY:
        return take_body(connection, bytes, length, taken);
    default:
        if (connection->exchange.id != 0)
            return false;
        connection->intake = (struct jc_intake){.at = JC_INTAKE_HEAD};
        return true;
    }
}

size_t jc_intake_take(struct jc_connection *connection, char *bytes, size_t length)
{
    size_t used = 0, taken = 0;
    while (connection->phase == JC_PHASE_OPEN && step(connection, bytes + used, length - used, &taken)) {
        used += taken;
        taken = 0;
        jc_stream_finish(connection);
    }
    return used;
}
