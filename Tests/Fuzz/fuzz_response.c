// sources: Sources/CJobWire/http_response.c Sources/CJobWire/http_fields.c
#include "client_private.h"

#include <stdlib.h>
#include <string.h>

static void require(bool held)
{
    if (!held)
        abort();
}

static size_t count_named(const struct jw_response *response, const char *lower)
{
    size_t count = 0;
    for (size_t i = 0; i < response->count; i++)
        count += jw_is(response->fields[i].name, lower);
    return count;
}

/// What must hold of each reply that is believed: nothing about its end is ambiguous.
static void check(const struct jw_response *response, const char *bytes, size_t length, bool is_head)
{
    const size_t sized = count_named(response, "content-length");
    const size_t coded = count_named(response, "transfer-encoding");
    const bool bodiless =
        is_head || response->status < 200 || response->status == 204 || response->status == 304;
    require(length >= 17 && response->status >= 100 && response->status <= 999 && response->status != 101);
    require(memchr(bytes, '\0', length) == NULL && memcmp(bytes + length - 4, "\r\n\r\n", 4) == 0);
    require(sized + coded <= 1);
    require((response->body == JW_BODY_NONE) == bodiless);
    require(response->body != JW_BODY_LENGTH || (sized == 1 && response->length >= 0));
    require(response->body != JW_BODY_CHUNKED || coded == 1);
    require(response->body != JW_BODY_CLOSE || (sized + coded == 0 && response->closes));
    for (size_t i = 0; i < response->count; i++) {
        const struct jw_slice value = response->fields[i].value;
        require(value.bytes > bytes && value.bytes + value.length < bytes + length);
    }
}

/// A head that is believed is incomplete, never wrong, when it is cut, each cut in memory of its own.
static void check_prefixes(const char *bytes, size_t length, bool is_head)
{
    struct jw_response response;
    for (size_t cut = 1; cut < length; cut++) {
        const char *why = NULL;
        char *copy = malloc(cut);
        require(copy != NULL);
        memcpy(copy, bytes, cut);
        require(jw_response_parse(copy, cut, is_head, &response, &why) == 0 && why == NULL);
        free(copy);
    }
}

static void try(const char *bytes, size_t length, bool is_head)
{
    struct jw_response response = {0};
    const char *why = NULL;
    ssize_t taken = jw_response_parse(bytes, length, is_head, &response, &why);
    require((taken < 0) == (why != NULL) && taken <= (ssize_t)length);
    if (taken <= 0)
        return;
    check(&response, bytes, (size_t)taken, is_head);
    if (taken < 512)
        check_prefixes(bytes, (size_t)taken, is_head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try((const char *)data, size, false);
    try((const char *)data, size, true);
    return 0;
}
