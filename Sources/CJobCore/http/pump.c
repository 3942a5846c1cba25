#include "server_private.h"
#include "transport.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/// A chunk of a file has a size line of fixed width before it, written when its length is known.
#define SIZE_LINE 6
#define CHUNK_FRAME (SIZE_LINE + 2)
#define CHUNK_MAX ((size_t)0xffff)

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

static void fill_from_queue(struct jc_connection *connection, struct jc_bytes *batch, size_t room)
{
    struct jc_bytes *queue = &connection->queue;
    const size_t length = least(jc_bytes_length(queue), room);
    if (length == 0)
        return;
    memcpy(batch->data + batch->end, queue->data + queue->start, length);
    batch->end += length;
    jc_bytes_consume(queue, length);
}

static void frame(struct jc_bytes *batch, size_t length, bool chunked)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *at = batch->data + batch->end;
    if (chunked) {
        for (unsigned i = 0; i < 4; i++)
            at[i] = (uint8_t)hex[length >> (12 - 4 * i) & 15];
        memcpy(at + 4, "\r\n", 2);
        memcpy(at + SIZE_LINE + length, "\r\n", 2);
    }
    batch->end += length + (chunked ? CHUNK_FRAME : 0);
}

/// A file that is shorter than was said, or cannot be read, breaks the reply off: the peer sees it is
/// unfinished.
static void fill_from_file(struct jc_connection *connection, struct jc_bytes *batch, size_t room)
{
    struct jc_exchange *exchange = &connection->exchange;
    struct jc_file *file = &exchange->file;
    const bool chunked = exchange->framing == JC_FRAMING_CHUNKED;
    const size_t overhead = chunked ? CHUNK_FRAME : 0;
    if (exchange->id == 0 || file->fd < 0 || file->offset >= file->limit || room <= overhead)
        return;
    const uint64_t left = file->limit - file->offset;
    size_t wanted = left < room - overhead ? (size_t)left : room - overhead;
    if (chunked)
        wanted = least(wanted, CHUNK_MAX);
    ssize_t got =
        pread(file->fd, batch->data + batch->end + (chunked ? SIZE_LINE : 0), wanted, (off_t)file->offset);
    if (got <= 0) {
        jc_connection_failed(connection, got == 0 ? "the file of a reply ended early"
                                                  : "the file of a reply could not be read");
        connection->phase = JC_PHASE_BROKEN;
        return;
    }
    file->offset += (uint64_t)got;
    if (exchange->framing == JC_FRAMING_LENGTH) {
        got = (ssize_t)((uint64_t)got < exchange->reply_left ? (uint64_t)got : exchange->reply_left);
        exchange->reply_left -= (uint64_t)got;
    }
    frame(batch, (size_t)got, chunked);
}

static void fill(struct jc_connection *connection, struct jc_bytes *batch)
{
    const size_t length = jc_bytes_length(batch);
    if (length >= JC_BATCH_SIZE)
        return;
    fill_from_queue(connection, batch, JC_BATCH_SIZE - length);
    if (jc_bytes_length(&connection->queue) == 0)
        fill_from_file(connection, batch, JC_BATCH_SIZE - jc_bytes_length(batch));
}

static bool has_more(const struct jc_connection *connection)
{
    const struct jc_exchange *exchange = &connection->exchange;
    return jc_bytes_length(&connection->queue) > 0 ||
           (exchange->id != 0 && exchange->file.fd >= 0 && exchange->file.offset < exchange->file.limit);
}

static bool send_batch(struct jc_connection *connection, struct jc_bytes *batch)
{
    bool held = jc_transport_write(connection, batch->data + batch->start, jc_bytes_length(batch));
    if (held && connection->phase == JC_PHASE_CLOSING && !has_more(connection)) {
        connection->said_goodbye = true;
        jc_transport_close(connection);
    }
    held = held && jc_transport_flush(connection);
    batch->start = batch->end = 0;
    if (!held)
        connection->phase = JC_PHASE_BROKEN;
    return held;
}

static void offer(struct jc_connection *connection)
{
    const struct jc_server *server = connection->server;
    struct jc_exchange *exchange = &connection->exchange;
    if (exchange->id == 0 || !exchange->wants_writable || exchange->answer != JC_ANSWER_STREAMING ||
        jc_bytes_length(&connection->queue) >= JC_LOW_WATER)
        return;
    exchange->wants_writable = false;
    server->handler.writable(server->context, exchange);
}

void jc_pump(struct jc_connection *connection)
{
    struct jc_bytes *batch = &connection->server->batch;
    size_t turn = JC_TURN_BYTES;
    while (connection->phase == JC_PHASE_OPEN || connection->phase == JC_PHASE_CLOSING) {
        const bool stuck = jc_bytes_length(&connection->unsent) > 0;
        if (!stuck)
            fill(connection, batch);
        jc_stream_finish(connection);
        const size_t length = jc_bytes_length(batch);
        if (length == 0 || !send_batch(connection, batch) || stuck)
            return;
        offer(connection);
        if (length >= turn) {
            if (has_more(connection))
                jc_connection_enqueue(connection);
            return;
        }
        turn -= length;
    }
}
