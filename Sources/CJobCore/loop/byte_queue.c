#include <jobcore/byte_queue.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int jc_bytes_reserve(struct jc_bytes *bytes, size_t more)
{
    if (bytes->capacity - bytes->end >= more)
        return 0;
    size_t length = jc_bytes_length(bytes);
    if (bytes->capacity - length >= more) {
        memmove(bytes->data, bytes->data + bytes->start, length);
        bytes->start = 0;
        bytes->end = length;
        return 0;
    }
    size_t needed = bytes->end + more;
    size_t capacity = bytes->capacity * 2 > needed ? bytes->capacity * 2 : needed;
    uint8_t *data = realloc(bytes->data, capacity);
    if (data == NULL)
        return -ENOMEM;
    bytes->data = data;
    bytes->capacity = capacity;
    return 0;
}

int jc_bytes_append(struct jc_bytes *bytes, const void *more, size_t length)
{
    if (length == 0)
        return 0;
    int status = jc_bytes_reserve(bytes, length);
    if (status < 0)
        return status;
    memcpy(bytes->data + bytes->end, more, length);
    bytes->end += length;
    return 0;
}

void jc_bytes_consume(struct jc_bytes *bytes, size_t length)
{
    bytes->start += length;
    if (bytes->start < bytes->end)
        return;
    bytes->start = bytes->end = 0;
    if (bytes->capacity > JC_BYTES_KEPT)
        jc_bytes_free(bytes);
}

void jc_bytes_free(struct jc_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct jc_bytes){0};
}
