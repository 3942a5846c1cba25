// sources: Sources/CJobWire/http_fields.c
#include <jobwire/http.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 16

static void require(bool held)
{
    if (!held)
        abort();
}

static bool inside(struct jw_slice slice, const char *bytes, ssize_t length)
{
    return slice.bytes >= bytes && slice.bytes + slice.length <= bytes + length;
}

/// A head that parses must parse the same with more after it, and be incomplete, never wrong, when cut short.
static void check_prefixes(const char *head, size_t length)
{
    struct jw_field fields[CAPACITY];
    const char *why = NULL;
    size_t count = 0;
    for (size_t cut = 0; cut < length; cut++) {
        char *copy = malloc(cut + 1);
        require(copy != NULL);
        memcpy(copy, head, cut);
        require(jw_fields_parse(copy, cut, fields, CAPACITY, &count, &why) == 0);
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    struct jw_field fields[CAPACITY];
    const char *why = NULL;
    size_t count = 0;
    int64_t number = -1;
    ssize_t taken = jw_fields_parse(bytes, size, fields, CAPACITY, &count, &why);
    require((taken < 0) == (why != NULL));
    require(taken <= (ssize_t)size);
    for (size_t i = 0; taken > 0 && i < count; i++) {
        require(fields[i].name.length > 0 && inside(fields[i].name, bytes, taken));
        require(inside(fields[i].value, bytes, taken));
        require(memchr(fields[i].value.bytes, '\n', fields[i].value.length) == NULL);
        (void)jw_is(fields[i].name, "content-length");
        if (jw_number_parse(fields[i].value, &number) == 0)
            require(number >= 0 && number <= INT64_C(1) << 62);
    }
    if (taken > 0 && taken < 512)
        check_prefixes(bytes, (size_t)taken);
    return 0;
}
