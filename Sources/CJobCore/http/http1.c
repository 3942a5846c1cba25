#include "http1.h"
#include "server_private.h"

#include <stdio.h>
#include <string.h>

/// A chunk of a file has a size line of fixed width before it, written when its length is known.
#define SIZE_LINE 6
#define CHUNK_FRAME (SIZE_LINE + 2)
#define CHUNK_MAX ((size_t)0xffff)

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

static void put_body(struct jc_exchange *exchange, const void *bytes, size_t length)
{
    struct jc_connection *connection = exchange->connection;
    const struct jc_http1 *http1 = connection->codec_state;
    char size[24];
    if (http1->sends_chunks)
        jc_output_put(connection, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", length));
    jc_output_put(connection, bytes, length);
    if (http1->sends_chunks)
        jc_output_put(connection, "\r\n", 2);
}

static void put_end(struct jc_exchange *exchange)
{
    const struct jc_http1 *http1 = exchange->connection->codec_state;
    if (http1->sends_chunks)
        jc_output_put(exchange->connection, "0\r\n\r\n", 5);
}

static void fill_from_queue(struct jc_bytes *queue, struct jc_bytes *batch, size_t room)
{
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

static void fill_from_file(struct jc_http1 *http1, struct jc_bytes *batch, size_t room)
{
    const size_t overhead = http1->sends_chunks ? CHUNK_FRAME : 0;
    if (!jc_exchange_has_file(&http1->exchange) || room <= overhead)
        return;
    uint8_t *at = batch->data + batch->end + (http1->sends_chunks ? SIZE_LINE : 0);
    const size_t most = http1->sends_chunks ? least(room - overhead, CHUNK_MAX) : room;
    ssize_t got = jc_exchange_read_file(&http1->exchange, at, most);
    if (got >= 0)
        frame(batch, (size_t)got, http1->sends_chunks);
}

static void fill(struct jc_connection *connection, struct jc_bytes *batch)
{
    struct jc_http1 *http1 = connection->codec_state;
    const size_t length = jc_bytes_length(batch);
    if (jc_bytes_length(&connection->transport.unsent) == 0 && length < JC_BATCH_SIZE) {
        fill_from_queue(&connection->queue, batch, JC_BATCH_SIZE - length);
        if (jc_bytes_length(&connection->queue) == 0)
            fill_from_file(http1, batch, JC_BATCH_SIZE - jc_bytes_length(batch));
    }
    jc_exchange_finish(&http1->exchange);
}

const struct jc_codec_operations jc_http1 = {
    .state_size = sizeof(struct jc_http1),
    .take = jc_http1_take,
    .awaits_body = jc_http1_awaits_body,
    .refuse = jc_http1_refuse,
    .put_head = jc_http1_put_head,
    .put_interim = jc_http1_put_interim,
    .put_body = put_body,
    .put_end = put_end,
    .fill = fill,
};
