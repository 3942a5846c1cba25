#include "server_private.h"

#include <stdio.h>
#include <unistd.h>

void jc_reply_begin(struct jc_exchange *exchange, int status, const char *type, const char *headers,
                    int64_t length)
{
    if (exchange->answer != JC_ANSWER_NONE)
        return;
    exchange->answer = JC_ANSWER_STREAMING;
    jc_reply_head(exchange, status, type, headers, length);
}

static bool sends_body(const struct jc_exchange *exchange)
{
    return !exchange->head_only && exchange->framing != JC_FRAMING_NO_BODY;
}

bool jc_reply_write(struct jc_exchange *exchange, const void *bytes, size_t length)
{
    struct jc_connection *connection = jc_connection_of(exchange);
    if (exchange->answer != JC_ANSWER_STREAMING || !sends_body(exchange))
        return true;
    if (exchange->framing == JC_FRAMING_LENGTH) {
        if (length > exchange->reply_left)
            length = (size_t)exchange->reply_left;
        exchange->reply_left -= length;
    }
    if (length == 0)
        return true;
    char size[24];
    if (exchange->framing == JC_FRAMING_CHUNKED)
        jc_reply_put(connection, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", length));
    jc_reply_put(connection, bytes, length);
    if (exchange->framing == JC_FRAMING_CHUNKED)
        jc_reply_put(connection, "\r\n", 2);
    const size_t queued = jc_bytes_length(&connection->queue);
    exchange->wants_writable = exchange->wants_writable || queued >= JC_HIGH_WATER;
    return queued < JC_HIGH_WATER;
}

bool jc_reply_waits(struct jc_exchange *exchange)
{
    return exchange->wants_writable;
}

void jc_reply_file(struct jc_exchange *exchange, int fd, uint64_t offset, uint64_t limit)
{
    if (exchange->file.fd >= 0)
        close(exchange->file.fd);
    exchange->file.fd = -1;
    if (exchange->answer != JC_ANSWER_STREAMING || !sends_body(exchange)) {
        close(fd);
        return;
    }
    exchange->file = (struct jc_file){fd, offset, limit};
    jc_connection_ready(jc_connection_of(exchange));
}

void jc_reply_file_extend(struct jc_exchange *exchange, uint64_t limit)
{
    if (limit <= exchange->file.limit)
        return;
    exchange->file.limit = limit;
    jc_connection_ready(jc_connection_of(exchange));
}

void jc_reply_end(struct jc_exchange *exchange)
{
    if (exchange->answer != JC_ANSWER_STREAMING)
        return;
    exchange->answer = JC_ANSWER_ENDING;
    jc_connection_ready(jc_connection_of(exchange));
}

void jc_reply_abort(struct jc_exchange *exchange)
{
    struct jc_connection *connection = jc_connection_of(exchange);
    connection->phase = JC_PHASE_BROKEN;
    jc_connection_ready(connection);
}

void jc_stream_finish(struct jc_connection *connection)
{
    struct jc_exchange *exchange = &connection->exchange;
    const bool left = jc_bytes_length(&connection->queue) > 0 ||
                      (exchange->file.fd >= 0 && exchange->file.offset < exchange->file.limit);
    if (exchange->id == 0 || exchange->answer != JC_ANSWER_ENDING || left ||
        connection->phase == JC_PHASE_BROKEN)
        return;
    if (exchange->framing == JC_FRAMING_LENGTH && exchange->reply_left > 0 && sends_body(exchange)) {
        connection->phase = JC_PHASE_BROKEN;
        return;
    }
    if (exchange->framing == JC_FRAMING_CHUNKED && sends_body(exchange))
        jc_reply_put(connection, "0\r\n\r\n", 5);
    jc_exchange_close(connection, true);
}
