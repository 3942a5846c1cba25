#ifndef JOBCORE_BYTE_QUEUE_H
#define JOBCORE_BYTE_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/// Bytes that come in at the end and leave at the start. Zero-initialize; free `data` at last.
struct jc_bytes {
    uint8_t *data;
    size_t start, end, capacity;
};

/// A queue with more capacity than this gives its memory back when it becomes empty.
#define JC_BYTES_KEPT ((size_t)1 << 20)

static inline size_t jc_bytes_length(const struct jc_bytes *bytes)
{
    return bytes->end - bytes->start;
}

/// Makes room for `more` bytes behind the end. 0, or -ENOMEM and nothing changed.
int jc_bytes_reserve(struct jc_bytes *bytes, size_t more) __attribute__((warn_unused_result));
/// Copies `more` behind the end. 0, or -ENOMEM and nothing changed.
int jc_bytes_append(struct jc_bytes *bytes, const void *more, size_t length)
    __attribute__((warn_unused_result));
/// Takes `length` bytes away at the start.
void jc_bytes_consume(struct jc_bytes *bytes, size_t length);
void jc_bytes_free(struct jc_bytes *bytes);

#endif
