#include "server_private.h"

#include <unistd.h>

void jc_reply_begin(struct jc_exchange *exchange, const struct jc_reply_head *head, int64_t length)
{
    if (exchange->answer != JC_ANSWER_NONE)
        return;
    exchange->answer = JC_ANSWER_STREAMING;
    jc_exchange_put_head(exchange, head, length, NULL);
}

bool jc_reply_write(struct jc_exchange *exchange, const void *bytes, size_t length)
{
    struct jc_connection *connection = exchange->connection;
    if (exchange->answer != JC_ANSWER_STREAMING || exchange->bodiless)
        return true;
    if (exchange->left >= 0) {
        if (length > (uint64_t)exchange->left)
            length = (size_t)exchange->left;
        exchange->left -= (int64_t)length;
    }
    if (length == 0)
        return true;
    connection->codec->put_body(exchange, bytes, length);
    const size_t queued = jc_bytes_length(&connection->queue);
    const bool full =
        queued >= JC_HIGH_WATER || (queued >= JC_LOW_WATER && !jc_connection_has_room(connection));
    exchange->wants_writable = exchange->wants_writable || full;
    return !full;
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
    if (exchange->answer != JC_ANSWER_STREAMING || exchange->bodiless) {
        close(fd);
        return;
    }
    exchange->file = (struct jc_file){fd, offset, limit};
    jc_connection_ready(exchange->connection);
}

void jc_reply_file_extend(struct jc_exchange *exchange, uint64_t limit)
{
    if (limit <= exchange->file.limit)
        return;
    exchange->file.limit = limit;
    jc_connection_ready(exchange->connection);
}

bool jc_exchange_has_file(const struct jc_exchange *exchange)
{
    return exchange->id != 0 && exchange->file.fd >= 0 && exchange->file.offset < exchange->file.limit;
}

/// A file that is shorter than was said, or cannot be read, breaks the reply off: the peer sees it is
/// unfinished.
ssize_t jc_exchange_read_file(struct jc_exchange *exchange, void *bytes, size_t most)
{
    struct jc_connection *connection = exchange->connection;
    struct jc_file *file = &exchange->file;
    const uint64_t left = file->limit - file->offset;
    ssize_t got = pread(file->fd, bytes, left < most ? (size_t)left : most, (off_t)file->offset);
    if (got <= 0) {
        jc_connection_failed(connection, got == 0 ? "the file of a reply ended early"
                                                  : "the file of a reply could not be read");
        connection->phase = JC_PHASE_BROKEN;
        return -1;
    }
    file->offset += (uint64_t)got;
    if (exchange->left >= 0) {
        got = got < exchange->left ? got : (ssize_t)exchange->left;
        exchange->left -= got;
    }
    return got;
}

void jc_reply_end(struct jc_exchange *exchange)
{
    if (exchange->answer != JC_ANSWER_STREAMING)
        return;
    exchange->answer = JC_ANSWER_ENDING;
    jc_connection_ready(exchange->connection);
}

void jc_reply_abort(struct jc_exchange *exchange)
{
    exchange->connection->phase = JC_PHASE_BROKEN;
    jc_connection_ready(exchange->connection);
}

void jc_exchange_finish(struct jc_exchange *exchange)
{
    struct jc_connection *connection = exchange->connection;
    if (exchange->id == 0 || exchange->answer != JC_ANSWER_ENDING || jc_exchange_has_file(exchange) ||
        jc_bytes_length(&connection->queue) > 0 || connection->phase == JC_PHASE_BROKEN)
        return;
    if (!exchange->bodiless && exchange->left > 0) {
        connection->phase = JC_PHASE_BROKEN;
        return;
    }
    if (!exchange->bodiless)
        connection->codec->put_end(exchange);
    jc_exchange_close(exchange, true);
}
