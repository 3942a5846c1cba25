#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool fail(struct jw_client *client, struct jw_error *error, const char *text)
{
    client->broken = true;
    jw_set_error(error, JW_FAIL_PROTOCOL, "%s", text);
    return false;
}

/// With a length the rest of the body is dropped, and jw_client_reply gives the answer; who sends chunks is
/// told not to go on.
static bool is_answered(struct jw_client *client, struct jw_error *error)
{
    jw_set_error(error, JW_FAIL_CLOSED, "the server answered before the request was complete");
    return client->unsent != JW_IN_CHUNKS;
}

/// A server that refuses a certificate or a request says so and closes: a write may find the connection
/// closed before what was said is read.
static bool hear_out(struct jw_client *client, struct jw_error *error)
{
    struct jw_error said;
    client->broken = true;
    if (error->kind != JW_FAIL_CLOSED)
        return false;
    int filled = client->in_end - client->in_start < JW_HEAD_SIZE ? jw_fill(client, false, &said) : 1;
    if (filled < 0 && said.kind == JW_FAIL_REFUSED)
        *error = said;
    if (filled <= 0)
        return false;
    client->answered = true;
    return is_answered(client, error);
}

/// Sends all, as long as the server takes some of it or says that it is still there.
static bool send_all(struct jw_client *client, const char *bytes, size_t length, struct jw_error *error)
{
    struct jw_transport *transport = &client->transport;
    const bool listens = jw_listens(client);
    int64_t deadline = jw_deadline(transport->io_ms);
    while (length > 0) {
        ssize_t count = jw_send(transport, bytes, length, error);
        if (count == -EAGAIN && !jw_await(transport, listens ? POLLIN : 0, deadline, error))
            return false;
        int heard = count == -EAGAIN && listens ? jw_hear(client, error) : 0;
        if (count == -1 || heard < 0 || client->answered)
            return false;
        bytes += count > 0 ? count : 0;
        length -= count > 0 ? (size_t)count : 0;
        if (count > 0 || heard > 0)
            deadline = jw_deadline(transport->io_ms);
    }
    return true;
}

static bool deliver(struct jw_client *client, const char *bytes, size_t length, struct jw_error *error)
{
    if (!client->answered && send_all(client, bytes, length, error))
        return true;
    return client->answered ? is_answered(client, error) : hear_out(client, error);
}

static bool send_out(struct jw_client *client, struct jw_error *error)
{
    size_t length = client->out_length;
    client->out_length = 0;
    return deliver(client, client->out, length, error);
}

static bool note_request(struct jw_client *client, bool is_head, struct jw_error *error)
{
    const unsigned most = sizeof client->heads / sizeof *client->heads;
    if (client->head_count == most)
        return fail(client, error, "too many requests without a reply on this connection");
    client->heads[(client->first_head + client->head_count++) % most] = is_head;
    return true;
}

static bool is_word(const char *text)
{
    const char *at = text;
    while (*at > ' ' && *at < 0x7f)
        at++;
    return at > text && *at == '\0';
}

/// Writes the head to `out`. What the caller gave can't make of it two requests or another one.
static bool write_head(struct jw_client *client, const char *method, const char *target, const char *headers,
                       const char *body, struct jw_error *error)
{
    struct jw_field fields[JW_FIELDS];
    size_t count = 0;
    const char *why = NULL;
    if (!is_word(method) || !is_word(target))
        return fail(client, error, "the request's method or target holds a space or control character");
    int line = snprintf(client->out, JW_HEAD_SIZE, "%s %s HTTP/1.1\r\n", method, target);
    if (line < 0 || line >= JW_HEAD_SIZE)
        return fail(client, error, "the request's target is too long");
    int rest = snprintf(client->out + line, JW_HEAD_SIZE - (size_t)line, "Host: %s\r\n%s%s\r\n", client->host,
                        body, headers != NULL ? headers : "");
    if (rest < 0 || rest >= JW_HEAD_SIZE - line)
        return fail(client, error, "the request's head is too large");
    if (jw_fields_parse(client->out + line, (size_t)rest, fields, JW_FIELDS, &count, &why) != rest)
        return fail(client, error, "the request's headers are malformed");
    client->out_length = (size_t)(line + rest);
    return true;
}

bool jw_client_request(struct jw_client *client, const char *method, const char *target, const char *headers,
                       int64_t body_length, struct jw_error *error)
{
    char body[64] = "";
    if (client->unsent != 0)
        return fail(client, error, "the last request's body was not written");
    // A method that defines a meaning for a body says that there is none (RFC 9110, section 8.6).
    bool may_have_body = strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
    if (body_length < 0)
        snprintf(body, sizeof body, "Transfer-Encoding: chunked\r\n");
    else if (body_length > 0 || may_have_body)
        snprintf(body, sizeof body, "Content-Length: %lld\r\n", (long long)body_length);
    if (!write_head(client, method, target, headers, body, error) ||
        !note_request(client, strcmp(method, "HEAD") == 0, error))
        return false;
    client->unsent = body_length < 0 ? JW_IN_CHUNKS : body_length;
    client->answered = client->interim = false;
    return body_length > 0 || send_out(client, error);
}

/// With the head, if that still waits, and in one piece if it is small: one record, one segment.
static bool send_with_head(struct jw_client *client, const char *bytes, size_t length, struct jw_error *error)
{
    if (length <= JW_HEAD_SIZE - client->out_length) {
        memcpy(client->out + client->out_length, bytes, length);
        client->out_length += length;
        return send_out(client, error);
    }
    return (client->out_length == 0 || send_out(client, error)) && deliver(client, bytes, length, error);
}

static bool send_chunk(struct jw_client *client, const char *bytes, size_t length, struct jw_error *error)
{
    while (length > 0) {
        size_t piece = length < JW_HEAD_SIZE - 32 ? length : JW_HEAD_SIZE - 32;
        int head = snprintf(client->out, 32, "%zx\r\n", piece);
        memcpy(client->out + head, bytes, piece);
        memcpy(client->out + head + piece, "\r\n", 2);
        client->out_length = (size_t)head + piece + 2;
        if (!send_out(client, error))
            return false;
        bytes += piece;
        length -= piece;
    }
    return true;
}

bool jw_client_write(struct jw_client *client, const void *bytes, size_t length, struct jw_error *error)
{
    if (client->unsent == JW_IN_CHUNKS)
        return send_chunk(client, bytes, length, error);
    if (length > (uint64_t)client->unsent)
        return fail(client, error, "the request's body is longer than was said");
    client->unsent -= (int64_t)length;
    return send_with_head(client, bytes, length, error);
}

bool jw_client_write_end(struct jw_client *client, struct jw_error *error)
{
    if (client->unsent == JW_IN_CHUNKS) {
        if (!send_with_head(client, "0\r\n\r\n", 5, error))
            return false;
        client->unsent = 0;
    }
    return client->unsent == 0 || fail(client, error, "the request's body is shorter than was said");
}
