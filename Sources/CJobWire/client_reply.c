#define _GNU_SOURCE
#include "client_private.h"

#include <stdlib.h>
#include <string.h>

static bool fail(struct jw_client *client, struct jw_error *error, const char *why)
{
    client->broken = true;
    jw_set_error(error, JW_FAIL_PROTOCOL, "the reply is not understood: %s", why);
    return false;
}

/// Reads more behind what there is. 1, 0 at the connection's end, or -1.
static int fill(struct jw_client *client, bool started, struct jw_error *error)
{
    if (client->in_start > 0) {
        memmove(client->in, client->in + client->in_start, client->in_end - client->in_start);
        client->in_end -= client->in_start;
        client->in_start = 0;
    }
    ssize_t count = jw_receive(&client->transport, client->in + client->in_end, JW_HEAD_SIZE - client->in_end,
                               started, error);
    if (count <= 0) {
        client->broken = true;
        return (int)count;
    }
    client->in_end += (size_t)count;
    return 1;
}

static bool closed(struct jw_error *error, bool started)
{
    jw_set_error(error, JW_FAIL_CLOSED, "the server closed the connection%s",
                 started ? " in the middle of a reply" : "");
    return false;
}

/// The head's own copy, since fields are read while the body comes.
static bool keep_head(struct jw_client *client, size_t length, bool is_head, struct jw_error *error)
{
    const char *why = NULL;
    char *head = malloc(length + 1);
    if (head == NULL)
        return fail(client, error, "out of memory");
    memcpy(head, client->in + client->in_start, length);
    free(client->head);
    client->head = head;
    client->in_start += length;
    if (jw_response_parse(head, length, is_head, &client->response, &why) <= 0)
        return fail(client, error, why != NULL ? why : "incomplete head");
    // Each value is followed by the end of its line at least.
    for (size_t i = 0; i < client->response.count; i++) {
        struct jw_slice value = client->response.fields[i].value;
        head[(size_t)(value.bytes - head) + value.length] = '\0';
    }
    return true;
}

static bool read_head(struct jw_client *client, bool is_head, struct jw_error *error)
{
    for (;;) {
        const char *why = NULL;
        size_t length = client->in_end - client->in_start;
        ssize_t taken =
            jw_response_parse(client->in + client->in_start, length, is_head, &client->response, &why);
        if (taken < 0)
            return fail(client, error, why);
        if (taken > 0)
            return keep_head(client, (size_t)taken, is_head, error);
        if (length == JW_HEAD_SIZE)
            return fail(client, error, "its head is too large");
        int filled = fill(client, length > 0, error);
        if (filled == 0)
            return closed(error, length > 0);
        if (filled < 0)
            return false;
    }
}

bool jw_client_reply(struct jw_client *client, int *status, struct jw_error *error)
{
    char skipped[4096];
    ssize_t left;
    while ((left = jw_client_read(client, skipped, sizeof skipped, error)) > 0) {
    }
    if (left < 0)
        return false;
    if (client->head_count == 0)
        return fail(client, error, "no request waits for it");
    bool is_head = client->heads[client->first_head];
    do {
        if (!read_head(client, is_head, error))
            return false;
    } while (client->response.status < 200);
    client->first_head = (client->first_head + 1) % (sizeof client->heads / sizeof *client->heads);
    client->head_count--;
    client->left = client->response.length;
    client->chunked = (struct jw_chunked){0};
    client->ended = false;
    client->chunk_end = client->chunk_next = client->in_start;
    enum jw_body_kind body = client->response.body;
    client->body_done = body == JW_BODY_NONE || (body == JW_BODY_LENGTH && client->left == 0);
    *status = client->response.status;
    return true;
}

const char *jw_client_header(struct jw_client *client, const char *name)
{
    for (size_t i = 0; i < client->response.count; i++) {
        const struct jw_field *field = &client->response.fields[i];
        if (field->name.length == strlen(name) &&
            strncasecmp(field->name.bytes, name, field->name.length) == 0)
            return field->value.bytes;
    }
    return NULL;
}

static size_t take(struct jw_client *client, char *buffer, size_t capacity, size_t end)
{
    size_t count = end - client->in_start < capacity ? end - client->in_start : capacity;
    memcpy(buffer, client->in + client->in_start, count);
    client->in_start += count;
    return count;
}

static ssize_t read_length(struct jw_client *client, char *buffer, size_t capacity, struct jw_error *error)
{
    if (client->response.body == JW_BODY_LENGTH && (uint64_t)client->left < capacity)
        capacity = (size_t)client->left;
    ssize_t count = (ssize_t)take(client, buffer, capacity, client->in_end);
    if (count == 0)
        count = jw_receive(&client->transport, buffer, capacity, true, error);
    if (count <= 0)
        client->broken = true;
    if (count == 0 && client->response.body == JW_BODY_CLOSE)
        client->body_done = true;
    else if (count == 0)
        return closed(error, true) ? 0 : -1;
    client->left -= count > 0 ? count : 0;
    if (client->response.body == JW_BODY_LENGTH && client->left == 0)
        client->body_done = true;
    return count;
}

static ssize_t read_chunked(struct jw_client *client, char *buffer, size_t capacity, struct jw_error *error)
{
    while (client->in_start == client->chunk_end) {
        size_t used = 0, made = 0;
        client->in_start = client->chunk_next;
        if (client->in_start == client->in_end) {
            int filled = fill(client, true, error);
            if (filled <= 0)
                return filled < 0 || !closed(error, true) ? -1 : 0;
        }
        int ended = jw_chunked_decode(&client->chunked, client->in + client->in_start,
                                      client->in_end - client->in_start, &used, &made);
        if (ended < 0)
            return fail(client, error, "malformed chunk") ? 0 : -1;
        client->chunk_end = client->in_start + made;
        client->chunk_next = client->in_start + used;
        if (ended == 1 && made == 0) {
            client->in_start = client->chunk_next;
            client->body_done = true;
            return 0;
        }
        client->ended = ended == 1;
    }
    ssize_t count = (ssize_t)take(client, buffer, capacity, client->chunk_end);
    if (client->in_start == client->chunk_end && client->ended) {
        client->in_start = client->chunk_next;
        client->body_done = true;
    }
    return count;
}

ssize_t jw_client_read(struct jw_client *client, void *buffer, size_t capacity, struct jw_error *error)
{
    if (client->body_done || capacity == 0)
        return 0;
    return client->response.body == JW_BODY_CHUNKED ? read_chunked(client, buffer, capacity, error)
                                                    : read_length(client, buffer, capacity, error);
}
