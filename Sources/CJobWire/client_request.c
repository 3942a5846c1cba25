#define _GNU_SOURCE
#include "client_private.h"

#include <stdio.h>
#include <string.h>

static bool fail(struct jw_client *client, struct jw_error *error, const char *text)
{
    client->broken = true;
    jw_set_error(error, JW_FAIL_PROTOCOL, "%s", text);
    return false;
}

static bool send_out(struct jw_client *client, struct jw_error *error)
{
    size_t length = client->out_length;
    client->out_length = 0;
    if (jw_send(&client->transport, client->out, length, error))
        return true;
    client->broken = true;
    return false;
}

static bool note_request(struct jw_client *client, bool is_head, struct jw_error *error)
{
    const unsigned most = sizeof client->heads / sizeof *client->heads;
    if (client->head_count == most)
        return fail(client, error, "too many requests without a reply on this connection");
    client->heads[(client->first_head + client->head_count++) % most] = is_head;
    return true;
}

bool jw_client_request(struct jw_client *client, const char *method, const char *target, const char *headers,
                       int64_t body_length, struct jw_error *error)
{
    char body[64] = "";
    if (client->out_length > 0)
        return fail(client, error, "the last request's body was not written");
    // A method that defines a meaning for a body says that there is none (RFC 9110, section 8.6).
    bool may_have_body = strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;
    if (body_length < 0)
        snprintf(body, sizeof body, "Transfer-Encoding: chunked\r\n");
    else if (body_length > 0 || may_have_body)
        snprintf(body, sizeof body, "Content-Length: %lld\r\n", (long long)body_length);
    int length = snprintf(client->out, JW_HEAD_SIZE, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s\r\n", method, target,
                          client->host, body, headers != NULL ? headers : "");
    if (length < 0 || length >= JW_HEAD_SIZE)
        return fail(client, error, "the request's head is too large");
    if (!note_request(client, strcmp(method, "HEAD") == 0, error))
        return false;
    client->out_length = (size_t)length;
    client->writes_chunks = body_length < 0;
    return body_length > 0 || send_out(client, error);
}

/// With the head, if that still waits, and in one piece if it is small: one record, one segment.
static bool send_with_head(struct jw_client *client, const char *bytes, size_t length, struct jw_error *error)
{
    if (client->out_length + length <= JW_HEAD_SIZE) {
        memcpy(client->out + client->out_length, bytes, length);
        client->out_length += length;
        return send_out(client, error);
    }
    if (client->out_length > 0 && !send_out(client, error))
        return false;
    if (jw_send(&client->transport, bytes, length, error))
        return true;
    client->broken = true;
    return false;
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
    if (client->writes_chunks)
        return send_chunk(client, bytes, length, error);
    return send_with_head(client, bytes, length, error);
}

bool jw_client_write_end(struct jw_client *client, struct jw_error *error)
{
    return !client->writes_chunks || send_with_head(client, "0\r\n\r\n", 5, error);
}
