#include "loadgen.h"
#include "meter.h"

#include <stdlib.h>
#include <string.h>

char *bytes_room(struct bytes *b, size_t count)
{
    if (b->from == b->to)
        b->from = b->to = 0;
    if (b->capacity - b->to >= count)
        return b->start + b->to;
    if (b->from > 0)
        memmove(b->start, b->start + b->from, b->to - b->from);
    b->to -= b->from;
    b->from = 0;
    if (b->capacity - b->to < count) {
        b->capacity = b->to + count;
        b->start = realloc(b->start, b->capacity);
        if (b->start == NULL)
            fail("out of memory");
    }
    return b->start + b->to;
}
