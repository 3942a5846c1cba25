#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool fail(struct jw_client *client, struct jw_error *error, const char *why)
{
    client->broken = true;
    jw_set_error(error, JW_FAIL_PROTOCOL, "the reply is not understood: %s", why);
    return false;
}

static char *make_room(struct jw_client *client)
{
    if (client->in_start > 0) {
        memmove(client->in, client->in + client->in_start, client->in_end - client->in_start);
        client->in_end -= client->in_start;
        client->in_start = 0;
    }
    return client->in + client->in_end;
}

static int filled(struct jw_client *client, ssize_t count, bool started, struct jw_error *error)
{
    if (count <= 0) {
        client->broken = true;
        if (count == 0)
            jw_explain_end(&client->transport, 0, started, error);
        return (int)count;
    }
    client->in_end += (size_t)count;
    return 1;
}

int jw_fill(struct jw_client *client, bool started, struct jw_error *error)
{
    char *room = make_room(client);
    ssize_t count = jw_receive(&client->transport, room, JW_HEAD_SIZE - client->in_end, started, error);
    return filled(client, count, started, error);
}

int jw_fill_now(struct jw_client *client, bool started, struct jw_error *error)
{
    char *room = make_room(client);
    ssize_t count = jw_receive_now(&client->transport, room, JW_HEAD_SIZE - client->in_end, started, error);
    return count == -EAGAIN ? -EAGAIN : filled(client, count, started, error);
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
        if (jw_fill(client, length > 0, error) <= 0)
            return false;
    }
}

bool jw_take_interim(struct jw_client *client, struct jw_error *error)
{
    // Until another head is kept, the fields of the last one are asked for.
    struct jw_response response;
    for (;;) {
        const char *why = NULL;
        size_t length = client->in_end - client->in_start;
        ssize_t taken = jw_response_parse(client->in + client->in_start, length, false, &response, &why);
        if (taken < 0)
            return fail(client, error, why);
        if (taken == 0)
            return length < JW_HEAD_SIZE || fail(client, error, "its head is too large");
        client->answered = response.status >= 200;
        if (client->answered)
            return true;
        if (!keep_head(client, (size_t)taken, false, error))
            return false;
        client->interim = true;
    }
}

bool jw_client_reply(struct jw_client *client, int *status, struct jw_error *error)
{
    char skipped[4096];
    ssize_t left;
    client->transport.patience_ms = client->transport.io_ms;
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
    enum jw_body_kind body = client->response.body;
    client->body_done = body == JW_BODY_NONE || (body == JW_BODY_LENGTH && client->left == 0);
    *status = client->response.status;
    return true;
}

void jw_client_set_patience(struct jw_client *client, unsigned milliseconds)
{
    client->transport.patience_ms = milliseconds;
}

const char *jw_client_header(struct jw_client *client, const char *name)
{
    for (size_t i = 0; i < client->response.count; i++) {
        const struct jw_field *field = &client->response.fields[i];
        if (jw_is(field->name, name))
            return field->value.bytes;
    }
    return NULL;
}

/// What came with the head, else what comes.
static ssize_t get(struct jw_client *client, char *buffer, size_t capacity, struct jw_error *error)
{
    size_t waiting = client->in_end - client->in_start;
    if (waiting == 0) {
        ssize_t count = jw_receive(&client->transport, buffer, capacity, true, error);
        client->broken = client->broken || count <= 0;
        client->in_start = client->in_end = JW_HEAD_SIZE;
        return count;
    }
    size_t count = waiting < capacity ? waiting : capacity;
    memcpy(buffer, client->in + client->in_start, count);
    client->in_start += count;
    return (ssize_t)count;
}

/// What was read into the caller's buffer, but belongs behind the body.
static void put_back(struct jw_client *client, const char *bytes, size_t length)
{
    client->in_start -= length;
    memcpy(client->in + client->in_start, bytes, length);
}

/// Decodes chunks in the caller's buffer. Body bytes, or -1.
static ssize_t decode(struct jw_client *client, char *buffer, size_t count, struct jw_error *error)
{
    size_t used, made;
    int ended = jw_chunked_decode(&client->chunked, buffer, count, &used, &made);
    if (ended < 0) {
        (void)fail(client, error, "malformed chunk");
        return -1;
    }
    put_back(client, buffer + used, count - used);
    client->body_done = ended == 1;
    return (ssize_t)made;
}

ssize_t jw_client_read(struct jw_client *client, void *buffer, size_t capacity, struct jw_error *error)
{
    const enum jw_body_kind body = client->response.body;
    ssize_t made = 0;
    if (body == JW_BODY_LENGTH && (uint64_t)client->left < capacity)
        capacity = (size_t)client->left;
    if (body == JW_BODY_CHUNKED && capacity > JW_HEAD_SIZE) // What is put back finds room in `in`.
        capacity = JW_HEAD_SIZE;
    while (made == 0 && !client->body_done && capacity > 0) {
        ssize_t count = made = get(client, buffer, capacity, error);
        const bool cut = count == 0 && body != JW_BODY_CLOSE;
        if (cut)
            jw_explain_end(&client->transport, 0, true, error);
        if (cut || count < 0)
            return -1;
        if (body == JW_BODY_CHUNKED && (made = decode(client, buffer, (size_t)count, error)) < 0)
            return -1;
        if (body == JW_BODY_CLOSE)
            client->body_done = count == 0;
        if (body == JW_BODY_LENGTH)
            client->body_done = (client->left -= count) == 0;
    }
    return made;
}
