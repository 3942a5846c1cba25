#include "reason.h"
#include "server_private.h"

#include <string.h>
#include <time.h>

/// Where the next reply bytes of a connection belong: behind those it has, in the batch while it is at work.
static struct jc_bytes *sink(struct jc_connection *connection, size_t length)
{
    struct jc_server *server = connection->server;
    const bool batched = server->current == connection && jc_bytes_length(&connection->queue) == 0 &&
                         jc_bytes_length(&server->batch) + length <= 2 * JC_BATCH_SIZE;
    return batched ? &server->batch : &connection->queue;
}

char *jc_reply_room(struct jc_connection *connection, size_t length)
{
    struct jc_bytes *bytes = sink(connection, length);
    if (!jc_bytes_reserve(bytes, length)) {
        connection->phase = JC_PHASE_BROKEN;
        jc_connection_ready(connection);
        return NULL;
    }
    connection->sink = bytes;
    return (char *)bytes->data + bytes->end;
}

void jc_reply_commit(struct jc_connection *connection, const char *end)
{
    struct jc_bytes *bytes = connection->sink;
    bytes->end = (size_t)((const uint8_t *)end - bytes->data);
    jc_connection_ready(connection);
}

void jc_reply_put(struct jc_connection *connection, const void *bytes, size_t length)
{
    char *at = jc_reply_room(connection, length);
    if (at == NULL)
        return;
    memcpy(at, bytes, length);
    jc_reply_commit(connection, at + length);
}

static char *put(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t from = sizeof digits;
    do {
        digits[--from] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return put(at, digits + from, sizeof digits - from);
}

static char *put_two(char *at, int number)
{
    *at++ = (char)('0' + number / 10);
    *at++ = (char)('0' + number % 10);
    return at;
}

/// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", made once a second.
static char *put_date(char *at, struct jc_server *server)
{
    static const char days[] = "Sun, Mon, Tue, Wed, Thu, Fri, Sat, ";
    static const char months[] = " Jan  Feb  Mar  Apr  May  Jun  Jul  Aug  Sep  Oct  Nov  Dec ";
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != server->date_s) {
        struct tm tm;
        gmtime_r(&now.tv_sec, &tm);
        const int year = tm.tm_year + 1900;
        char *to = put(server->date, "Date: ", 6);
        to = put(to, days + 5 * tm.tm_wday, 5);
        to = put(put_two(to, tm.tm_mday), months + 5 * tm.tm_mon, 5);
        to = put(put_two(put_two(to, year / 100), year % 100), " ", 1);
        to = put(put_two(to, tm.tm_hour), ":", 1);
        to = put(put_two(to, tm.tm_min), ":", 1);
        server->date_length = (size_t)(put(put_two(to, tm.tm_sec), " GMT\r\n", 6) - server->date);
        server->date_s = now.tv_sec;
    }
    return put(at, server->date, server->date_length);
}

/// After this reply the connection closes when the client or the server wants it, or when too much of the
/// request's body is left to be skipped.
static bool closes(const struct jc_exchange *exchange, const struct jc_connection *connection)
{
    const struct jc_intake *intake = &connection->intake;
    const bool unread = intake->at == JC_INTAKE_BODY && exchange->mode != JC_BODY_STREAM;
    return !exchange->keep_alive || connection->server->drained != NULL ||
           (unread && (exchange->waits_for_100 || intake->left > JC_SKIP_MAX));
}

static char *put_framing(char *at, const struct jc_exchange *exchange, int64_t length)
{
    switch (exchange->framing) {
    case JC_FRAMING_LENGTH:
        return put(put_number(put_text(at, "Content-Length: "), (uint64_t)length), "\r\n", 2);
    case JC_FRAMING_CHUNKED:
        return put_text(at, "Transfer-Encoding: chunked\r\n");
    default:
        return at;
    }
}

static void choose_framing(struct jc_exchange *exchange, int status, int64_t length)
{
    exchange->framing = length >= 0 ? JC_FRAMING_LENGTH : JC_FRAMING_CHUNKED;
    exchange->reply_left = length >= 0 ? (uint64_t)length : 0;
    if (status == 204 || status == 304) {
        exchange->framing = JC_FRAMING_NO_BODY;
    } else if (length < 0 && exchange->http_1_0) {
        exchange->framing = JC_FRAMING_CLOSE;
        exchange->keep_alive = false;
    }
}

void jc_reply_head(struct jc_exchange *exchange, int status, const char *type, const char *headers,
                   int64_t length)
{
    struct jc_connection *connection = jc_connection_of(exchange);
    const char *reason = jc_reason(status);
    const size_t size =
        256 + strlen(reason) + (type != NULL ? strlen(type) : 0) + (headers != NULL ? strlen(headers) : 0);
    jc_server_count(connection->server, JC_COUNT_REPLIES + (unsigned)status);
    choose_framing(exchange, status, length);
    if (closes(exchange, connection))
        exchange->keep_alive = false;
    char *at = jc_reply_room(connection, size);
    if (at == NULL)
        return;
    at = put(put_number(put(at, "HTTP/1.1 ", 9), (uint64_t)status), " ", 1);
    at = put(put_text(at, reason), "\r\n", 2);
    at = put_date(at, connection->server);
    if (type != NULL)
        at = put(put_text(put(at, "Content-Type: ", 14), type), "\r\n", 2);
    at = put_framing(at, exchange, length);
    if (headers != NULL)
        at = put_text(at, headers);
    if (!exchange->keep_alive)
        at = put_text(at, "Connection: close\r\n");
    else if (exchange->http_1_0)
        at = put_text(at, "Connection: keep-alive\r\n");
    jc_reply_commit(connection, put(at, "\r\n", 2));
}

void jc_reply(struct jc_exchange *exchange, int status, const char *type, const char *headers,
              const void *body, size_t length)
{
    if (exchange->answer != JC_ANSWER_NONE)
        return;
    jc_reply_head(exchange, status, type, headers, (int64_t)length);
    if (length > 0 && !exchange->head_only && exchange->framing == JC_FRAMING_LENGTH)
        jc_reply_put(jc_connection_of(exchange), body, length);
    exchange->reply_left = 0;
    exchange->mode = JC_BODY_NONE;
    exchange->answer = JC_ANSWER_ENDING;
}

void jc_reply_problem(struct jc_exchange *exchange, int status, const char *headers, const char *detail,
                      size_t length)
{
    struct jc_bytes json = {0};
    if (!jc_problem_json(status, detail, length, &json)) {
        jc_reply_abort(exchange);
        return;
    }
    jc_reply(exchange, status, "application/problem+json", headers, json.data, jc_bytes_length(&json));
    jc_bytes_free(&json);
}

void jc_reply_refused(struct jc_connection *connection)
{
    struct jc_exchange *exchange = &connection->exchange;
    const char *headers = connection->refusal != 403 ? "Retry-After: 1\r\n" : NULL;
    exchange->keep_alive = false;
    jc_reply_problem(exchange, connection->refusal, headers, connection->refusal_detail,
                     strlen(connection->refusal_detail));
}
