#include "http1.h"
#include "server_private.h"

#include <errno.h>
#include <string.h>

static char *put(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

static char *put_slice(char *at, struct jw_slice text)
{
    return text.length > 0 ? put(at, text.bytes, text.length) : at;
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

/// How the body ends (RFC 9112 section 6.3): what HTTP/1.0 can't be told by a length ends with the
/// connection.
static char *put_framing(char *at, struct jc_exchange *exchange, int status, int64_t length)
{
    struct jc_http1 *http1 = exchange->connection->codec_state;
    http1->sends_chunks = false;
    if (status == 204 || status == 304)
        return at;
    if (length >= 0)
        return put(put_number(put_text(at, "Content-Length: "), (uint64_t)length), "\r\n", 2);
    if (http1->http_1_0) {
        exchange->connection->last = true;
        return at;
    }
    http1->sends_chunks = true;
    return put_text(at, "Transfer-Encoding: chunked\r\n");
}

/// Whether too much of the request's body is left to be skipped, or it is not known whether it comes.
static bool leaves_body(const struct jc_exchange *exchange)
{
    const struct jc_http1 *http1 = exchange->connection->codec_state;
    return http1->at == JC_HTTP1_BODY && exchange->mode != JC_BODY_STREAM &&
           (http1->waits_for_100 || http1->left > JC_SKIP_MAX);
}

static char *put_connection(char *at, const struct jc_exchange *exchange)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_http1 *http1 = connection->codec_state;
    if (connection->server->drained != NULL || leaves_body(exchange))
        connection->last = true;
    if (connection->last)
        return put_text(at, "Connection: close\r\n");
    if (http1->http_1_0)
        at = put_text(at, "Connection: keep-alive\r\n");
    const unsigned idle_s = connection->server->options.idle_ms / 1000;
    // A client that knows when its connection is closed sends no request into the close.
    return idle_s > 0 ? put(put_number(put_text(at, "Keep-Alive: timeout="), idle_s), "\r\n", 2) : at;
}

/// The room that a head needs, or -EINVAL.
static ssize_t measure(const struct jc_reply_head *head, size_t reason)
{
    size_t size = 512 + reason + head->type.length;
    if (!jw_is_value(head->type))
        return -EINVAL;
    for (size_t i = 0; i < head->count; i++) {
        const struct jw_field *field = &head->fields[i];
        if (!jw_is_token(field->name) || !jw_is_value(field->value))
            return -EINVAL;
        size += field->name.length + field->value.length + 4;
    }
    return (ssize_t)size;
}

static char *put_status(char *at, int status, const char *reason)
{
    at = put(put_number(put(at, "HTTP/1.1 ", 9), (uint64_t)status), " ", 1);
    return put(put_text(at, reason), "\r\n", 2);
}

static char *put_fields(char *at, const struct jc_reply_head *head)
{
    for (size_t i = 0; i < head->count; i++) {
        at = put(put_slice(at, head->fields[i].name), ": ", 2);
        at = put(put_slice(at, head->fields[i].value), "\r\n", 2);
    }
    return at;
}

int jc_http1_put_interim(struct jc_exchange *exchange, const struct jc_reply_head *head)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_http1 *http1 = connection->codec_state;
    const char *reason = jc_reason(head->status);
    ssize_t size = measure(head, strlen(reason));
    if (size < 0 || http1->http_1_0)
        return size < 0 ? (int)size : 0;
    char *at = jc_output_room(connection, (size_t)size);
    if (at == NULL)
        return -ENOMEM;
    at = put_fields(put_status(at, head->status, reason), head);
    jc_output_commit(connection, put(at, "\r\n", 2));
    return 0;
}

int jc_http1_put_head(struct jc_exchange *exchange, const struct jc_reply_head *head, int64_t length,
                      const void *body)
{
    struct jc_connection *connection = exchange->connection;
    const char *reason = jc_reason(head->status);
    const size_t body_length = body != NULL ? (size_t)length : 0;
    ssize_t size = measure(head, strlen(reason));
    if (size < 0)
        return (int)size;
    char *at = jc_output_room(connection, (size_t)size + body_length);
    if (at == NULL)
        return -ENOMEM;
    at = put(put_status(at, head->status, reason), "Date: ", 6);
    at = put(put(at, jc_server_date(connection->server), JC_DATE_LENGTH), "\r\n", 2);
    if (head->type.length > 0)
        at = put(put_slice(put(at, "Content-Type: ", 14), head->type), "\r\n", 2);
    // A page of another site in a browser with a client's certificate shows nothing of ours, and no browser
    // takes what a job wrote for a script.
    at = put_text(at,
                  "Content-Security-Policy: frame-ancestors 'none'\r\nX-Content-Type-Options: nosniff\r\n");
    at = put_framing(at, exchange, head->status, length);
    at = put_fields(at, head);
    at = put(put_connection(at, exchange), "\r\n", 2);
    if (body_length > 0)
        at = put(at, body, body_length);
    jc_output_commit(connection, at);
    return 0;
}
