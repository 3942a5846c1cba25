// sources: Sources/CJobCore/http/http1_parse.c Sources/CJobCore/http/target.c Sources/CJobWire/http_fields.c
#include <jobcore/request.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 16
#define MAX_HEAD 4096

static void require(bool held)
{
    if (!held)
        abort();
}

static bool inside(struct jw_slice slice, const char *bytes, size_t length)
{
    return slice.bytes >= bytes && slice.bytes + slice.length <= bytes + length;
}

static bool known(ssize_t status)
{
    return status == -400 || status == -414 || status == -417 || status == -431 || status == -501 ||
           status == -505;
}

static size_t count_named(const struct jc_request *request, const char *lower)
{
    size_t count = 0;
    for (size_t i = 0; i < request->header_count; i++)
        count += jw_is(request->headers[i].name, lower);
    return count;
}

/// What must hold of each request that is let through: nothing about its end is ambiguous.
static void check(const struct jc_head *head, const char *bytes, size_t length)
{
    const struct jc_request *request = &head->request;
    require(inside(request->method, bytes, length) && request->method.length > 0);
    require(request->path.length > 0 && request->path.bytes[0] == '/');
    require(inside(request->path, bytes, length) || request->path.length == 1);
    require(inside(request->query, bytes, length) || request->query.length == 0);
    require(memchr(request->path.bytes, '\0', request->path.length) == NULL);
    require(memchr(bytes, '\0', length) == NULL);
    const size_t sized = count_named(request, "content-length");
    const size_t coded = count_named(request, "transfer-encoding");
    require(count_named(request, "host") == 1 || head->http_1_0);
    require(sized + coded <= 1);
    require((request->content_length == -1) == (coded == 1));
    require(request->has_body == (request->content_length != 0));
    require(!head->expect_continue || request->has_body);
}

static ssize_t parse(const char *bytes, size_t length, struct jw_field *fields, struct jc_head *head)
{
    const char *why = NULL;
    ssize_t taken = jc_request_parse(bytes, length, MAX_HEAD, fields, CAPACITY, head, &why);
    require((taken < 0) == (why != NULL));
    require(taken >= 0 ? (size_t)taken <= length : known(taken));
    return taken;
}

/// A head that is let through is incomplete, never wrong, when it is cut, each cut in memory of its own.
static void check_prefixes(const char *bytes, size_t length)
{
    struct jw_field fields[CAPACITY];
    struct jc_head head;
    for (size_t cut = 1; cut < length; cut++) {
        char *copy = malloc(cut);
        require(copy != NULL);
        memcpy(copy, bytes, cut);
        require(parse(copy, cut, fields, &head) == 0);
        free(copy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct jw_field fields[CAPACITY];
    struct jc_head head;
    if (size == 0)
        return 0;
    ssize_t taken = parse((const char *)data, size, fields, &head);
    if (taken <= 0)
        return 0;
    check(&head, (const char *)data, (size_t)taken);
    if (taken < 512)
        check_prefixes((const char *)data, (size_t)taken);
    return 0;
}
