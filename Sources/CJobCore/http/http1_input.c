#define _GNU_SOURCE
#include "http1.h"
#include "server_private.h"

#include <string.h>

void jc_http1_refuse(struct jc_connection *connection, int status, const char *detail)
{
    struct jc_http1 *http1 = connection->codec_state;
    struct jc_exchange *exchange = &http1->exchange;
    const bool answered = exchange->id == 0 && http1->at == JC_HTTP1_BODY;
    jc_connection_failed(connection, detail);
    http1->at = JC_HTTP1_DONE;
    // What was wrong is the rest of a request that has had its reply.
    if (answered) {
        connection->last = true;
        connection->phase = JC_PHASE_CLOSING;
        return;
    }
    if (exchange->id != 0 && exchange->answer != JC_ANSWER_NONE) {
        connection->phase = JC_PHASE_BROKEN;
        return;
    }
    if (exchange->id == 0) {
        jc_exchange_open(exchange, connection, (struct jw_slice){0});
        http1->http_1_0 = http1->waits_for_100 = false;
    }
    connection->last = true;
    const struct jc_reply_head head = {status, .fields = &jc_retry_later, .count = status == 503};
    jc_reply_problem(exchange, &head, detail, strlen(detail));
}

/// Whether an incomplete head should be parsed again: when its end has come, or when there is twice as much
/// of it, so that a head that comes byte by byte costs no more than a few times its length.
static bool worth_parsing(struct jc_http1 *http1, const char *bytes, size_t length)
{
    const size_t from = http1->scanned > 3 ? http1->scanned - 3 : 0;
    if (http1->tried == 0 || length >= 2 * http1->tried)
        return true;
    http1->scanned = length;
    return memmem(bytes + from, length - from, "\r\n\r\n", 4) != NULL;
}

static void skip(struct jc_connection *connection, const struct jc_http1 *http1)
{
    if (http1->at == JC_HTTP1_DONE || http1->taken <= JC_SKIP_MAX)
        return;
    connection->last = true;
    if (http1->exchange.id == 0)
        connection->phase = JC_PHASE_CLOSING;
}

/// Takes the next piece of the body out of what came. Its length, or -EBADMSG when the chunks are malformed.
static ssize_t next_piece(struct jc_http1 *http1, char *bytes, size_t length, size_t *taken)
{
    size_t made = 0;
    if (!http1->chunked) {
        made = *taken = http1->left < length ? (size_t)http1->left : length;
        http1->left -= made;
        if (http1->left == 0)
            http1->at = JC_HTTP1_DONE;
    } else {
        int ended = jw_chunked_decode(&http1->decoder, bytes, length, taken, &made);
        if (ended < 0)
            return ended;
        if (ended == 1)
            http1->at = JC_HTTP1_DONE;
    }
    http1->taken += made;
    return (ssize_t)made;
}

static bool take_body(struct jc_connection *connection, char *bytes, size_t length, size_t *taken)
{
    struct jc_http1 *http1 = connection->codec_state;
    struct jc_exchange *exchange = &http1->exchange;
    const bool wanted = exchange->id != 0 && exchange->mode != JC_BODY_NONE;
    if (length == 0 || (wanted && exchange->mode == JC_BODY_STREAM && exchange->paused))
        return false;
    ssize_t made = next_piece(http1, bytes, length, taken);
    connection->progress = true;
    if (made < 0)
        jc_http1_refuse(connection, 400, "malformed chunked body");
    else if (wanted)
        jc_exchange_body(exchange, bytes, (size_t)made, http1->at == JC_HTTP1_DONE);
    else
        skip(connection, http1);
    return true;
}

/// `more`: the body has begun to come, unasked.
static void begin(struct jc_connection *connection, const struct jc_head *head, bool more)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct jc_http1 *http1 = connection->codec_state;
    struct jc_exchange *exchange = &http1->exchange;
    const struct jc_request *request = &head->request;
    http1->at = request->has_body ? JC_HTTP1_BODY : JC_HTTP1_DONE;
    http1->chunked = request->content_length < 0;
    http1->decoder = (struct jw_chunked){0};
    http1->left = http1->chunked ? 0 : (uint64_t)request->content_length;
    http1->taken = 0;
    http1->http_1_0 = head->http_1_0;
    http1->waits_for_100 = head->expect_continue;
    connection->progress = true;
    connection->last = !head->keep_alive;
    jc_exchange_open(exchange, connection, request->method);
    jc_exchange_begin(exchange, request);
    if (exchange->mode == JC_BODY_NONE)
        return;
    if (http1->waits_for_100 && !more)
        jc_output_put(connection, go_on, sizeof go_on - 1);
    http1->waits_for_100 = false;
}

static bool take_head(struct jc_connection *connection, const char *bytes, size_t length, size_t *taken)
{
    struct jc_server *server = connection->server;
    struct jc_http1 *http1 = connection->codec_state;
    const char *why = NULL;
    struct jc_head head;
    if (!worth_parsing(http1, bytes, length))
        return false;
    ssize_t parsed =
        jc_request_parse(bytes, length, server->options.max_head, server->fields, JC_FIELDS_MAX, &head, &why);
    if (parsed == 0) {
        http1->tried = http1->scanned = length;
        return false;
    }
    if (parsed < 0) {
        jc_http1_refuse(connection, (int)-parsed, why);
        return false;
    }
    *taken = (size_t)parsed;
    connection->asked_to_close = !head.keep_alive && !head.request.has_body && length == *taken;
    begin(connection, &head, length > *taken);
    return true;
}

/// One exchange at a time, and none while the peer does not take the replies it has.
static bool may_begin(const struct jc_connection *connection)
{
    return LIST_EMPTY(&connection->exchanges) && jc_bytes_length(&connection->transport.unsent) == 0 &&
           jc_bytes_length(&connection->queue) == 0 &&
           jc_bytes_length(&connection->server->batch) < JC_BATCH_SIZE;
}

static bool step(struct jc_connection *connection, char *bytes, size_t length, size_t *taken)
{
    struct jc_http1 *http1 = connection->codec_state;
    switch (http1->at) {
    case JC_HTTP1_HEAD:
        return length > 0 && may_begin(connection) && take_head(connection, bytes, length, taken);
    case JC_HTTP1_BODY:
        return take_body(connection, bytes, length, taken);
    default:
        if (http1->exchange.id != 0)
            return false;
        http1->at = JC_HTTP1_HEAD;
        http1->tried = http1->scanned = 0;
        return true;
    }
}

size_t jc_http1_take(struct jc_connection *connection, char *bytes, size_t length)
{
    struct jc_http1 *http1 = connection->codec_state;
    size_t used = 0, taken = 0;
    while (connection->phase == JC_PHASE_OPEN && step(connection, bytes + used, length - used, &taken)) {
        used += taken;
        taken = 0;
        jc_exchange_finish(&http1->exchange);
    }
    return used;
}

/// Not while the handler has paused it.
bool jc_http1_awaits_body(const struct jc_connection *connection)
{
    const struct jc_http1 *http1 = connection->codec_state;
    return http1->at == JC_HTTP1_BODY && !(http1->exchange.id != 0 && http1->exchange.paused);
}
