#include "target.h"

#include <errno.h>
#include <string.h>

#define METHOD_MAX 32

/// The fields that decide where a message ends and what becomes of its connection.
struct framing {
    const struct jw_field *host, *length, *coding, *expect;
    const char *repeated; ///< why a second one of a field is refused, or NULL
    uint32_t seen;        ///< bits of `once`
    bool close, keep_alive;
};

static ssize_t refuse(int status, const char *text, const char **why)
{
    *why = text;
    return -status;
}

static void note_once(const struct jw_field **slot, const struct jw_field *field, const char *text,
                      struct framing *framing)
{
    if (*slot != NULL)
        framing->repeated = text;
    *slot = field;
}

/// Fields with one value (RFC 9110 section 5.3), and what a second one is refused with: which of them was
/// meant is not for the server to choose. Those of framing are noted below.
#define ONCE(name)                                                                                           \
    {                                                                                                        \
        {name, sizeof name - 1}, "repeated " name                                                            \
    }
static const struct {
    struct jw_slice name;
    const char *repeated;
} once[] = {
    ONCE("Content-Type"),
    ONCE("Idempotency-Key"),
    ONCE("Range"),
    ONCE("If-Range"),
    ONCE("Last-Event-ID"),
    ONCE("If-Modified-Since"),
    ONCE("Origin"),
    ONCE("Sec-Fetch-Site"),
    ONCE("If-Unmodified-Since"),
    ONCE("Sec-Fetch-Mode"),
    ONCE("Sec-Fetch-Dest"),
    ONCE("Authorization"),
    ONCE("Date"),
    ONCE("From"),
    ONCE("Max-Forwards"),
    ONCE("Referer"),
    ONCE("User-Agent"),
};
#define ONCE_COUNT (sizeof once / sizeof once[0])
_Static_assert(ONCE_COUNT <= 32, "one bit each");

static void note_single(const struct jw_field *field, struct framing *framing)
{
    for (size_t i = 0; i < ONCE_COUNT; i++) {
        if (!jw_same(field->name, once[i].name))
            continue;
        if ((framing->seen & 1u << i) != 0)
            framing->repeated = once[i].repeated;
        framing->seen |= 1u << i;
        return;
    }
}

static void note(const struct jw_field *field, struct framing *framing)
{
    switch (field->name.length) {
    case 4:
        if (jw_is(field->name, "host"))
            note_once(&framing->host, field, "repeated Host", framing);
        break;
    case 6:
        if (jw_is(field->name, "expect"))
            note_once(&framing->expect, field, "repeated Expect", framing);
        break;
    case 10:
        if (jw_is(field->name, "connection")) {
            framing->close = framing->close || jw_field_lists(field, "close");
            framing->keep_alive = framing->keep_alive || jw_field_lists(field, "keep-alive");
        }
        break;
    case 14:
        if (jw_is(field->name, "content-length"))
            note_once(&framing->length, field, "repeated Content-Length", framing);
        break;
    case 17:
        if (jw_is(field->name, "transfer-encoding"))
            note_once(&framing->coding, field, "repeated Transfer-Encoding", framing);
        break;
    }
    note_single(field, framing);
}

static ssize_t frame_body(const struct framing *framing, struct jc_head *head, const char **why)
{
    struct jc_request *request = &head->request;
    request->content_length = 0;
    request->has_body = false;
    if (framing->length != NULL && framing->coding != NULL)
        return refuse(400, "Content-Length together with Transfer-Encoding", why);
    if (framing->length != NULL) {
        if (jw_number_parse(framing->length->value, &request->content_length) < 0)
            return refuse(400, "malformed Content-Length", why);
        request->has_body = request->content_length > 0;
    }
    if (framing->coding != NULL) {
        if (head->http_1_0)
            return refuse(400, "Transfer-Encoding in HTTP/1.0", why);
        if (!jw_is(framing->coding->value, "chunked"))
            return refuse(501, "a transfer coding other than chunked", why);
        request->content_length = -1;
        request->has_body = true;
    }
    return 0;
}

static ssize_t apply(const struct framing *framing, struct jw_slice authority, struct jc_head *head,
                     const char **why)
{
    if (framing->repeated != NULL)
        return refuse(400, framing->repeated, why);
    if (framing->host == NULL && !head->http_1_0)
        return refuse(400, "no Host", why);
    if (framing->host != NULL && !jc_host_valid(framing->host->value))
        return refuse(400, "malformed Host", why);
    if (authority.bytes != NULL && (framing->host == NULL || !jw_same(authority, framing->host->value)))
        return refuse(400, "the target's host is not the Host header's", why);
    ssize_t refused = frame_body(framing, head, why);
    if (refused < 0)
        return refused;
    head->keep_alive = !framing->close && (!head->http_1_0 || framing->keep_alive);
    head->expect_continue = false;
    if (framing->expect == NULL || head->http_1_0)
        return 0;
    if (!jw_is(framing->expect->value, "100-continue"))
        return refuse(417, "an expectation other than 100-continue", why);
    head->expect_continue = head->request.has_body;
    return 0;
}

static ssize_t parse_version(const char *bytes, size_t length, bool *http_1_0, const char **why)
{
    static const char name[] = "HTTP/";
    if (length < 8 || memcmp(bytes, name, 5) != 0 || bytes[6] != '.' || bytes[5] < '0' || bytes[5] > '9' ||
        bytes[7] < '0' || bytes[7] > '9')
        return refuse(400, "malformed HTTP version", why);
    if (length != 8)
        return refuse(400, "text after the HTTP version", why);
    if (bytes[5] != '1' || bytes[7] > '1')
        return refuse(505, "an HTTP version other than 1.0 and 1.1", why);
    *http_1_0 = bytes[7] == '0';
    return 0;
}

/// `length` without the line's end.
static ssize_t parse_line(const char *bytes, size_t length, struct jc_head *head, struct jw_slice *authority,
                          const char **why)
{
    const char *space = memchr(bytes, ' ', length);
    if (space == NULL)
        return refuse(400, "malformed request line", why);
    head->request.method = (struct jw_slice){bytes, (size_t)(space - bytes)};
    if (head->request.method.length > METHOD_MAX || !jw_is_token(head->request.method))
        return refuse(400, "malformed method", why);
    const char *target = space + 1;
    size_t left = length - head->request.method.length - 1;
    const char *end = memchr(target, ' ', left);
    if (end == NULL)
        return refuse(400, "request line without an HTTP version", why);
    struct jw_slice whole = {target, (size_t)(end - target)};
    if (whole.length > JC_TARGET_MAX)
        return refuse(414, "the request target is too long", why);
    *why = jc_target_parse(whole, &head->request, authority);
    if (*why != NULL)
        return -400;
    return parse_version(end + 1, left - whole.length - 1, &head->http_1_0, why);
}

/// The request line's length without its CR LF, 0 when it has not come in full.
static ssize_t line_length(const char *bytes, size_t length, size_t max_head, const char **why)
{
    const char *feed = memchr(bytes, '\n', length);
    if (feed == NULL) {
        size_t most = max_head < JC_TARGET_MAX + 64 ? max_head : JC_TARGET_MAX + 64;
        return length < most ? 0 : refuse(414, "the request line is too long", why);
    }
    size_t line = (size_t)(feed - bytes);
    if (line == 0 || bytes[line - 1] != '\r')
        return refuse(400, "bare LF in the request line", why);
    if (memchr(bytes, '\r', line - 1) != NULL)
        return refuse(400, "bare CR in the request line", why);
    return line == 1 ? refuse(400, "no request line", why) : (ssize_t)line - 1;
}

static ssize_t parse_fields(const char *bytes, size_t length, struct jw_field *fields, size_t capacity,
                            struct jc_head *head, const char **why)
{
    ssize_t taken = jw_fields_parse(bytes, length, fields, capacity, &head->request.header_count, why);
    head->request.headers = fields;
    if (taken == -E2BIG)
        return -431;
    return taken < 0 ? -400 : taken;
}

ssize_t jc_request_parse(const char *bytes, size_t length, size_t max_head, struct jw_field *fields,
                         size_t capacity, struct jc_head *head, const char **why)
{
    struct jw_slice authority = {NULL, 0};
    // RFC 9112 section 2.2: an empty line before a request is ignored.
    size_t start = length >= 2 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
    ssize_t line = length > start ? line_length(bytes + start, length - start, max_head, why) : 0;
    if (line <= 0)
        return line;
    ssize_t refused = parse_line(bytes + start, (size_t)line, head, &authority, why);
    if (refused < 0)
        return refused;
    size_t from = start + (size_t)line + 2;
    ssize_t taken = parse_fields(bytes + from, length - from, fields, capacity, head, why);
    if (taken < 0)
        return taken;
    if ((taken == 0 ? length : from + (size_t)taken) > max_head)
        return refuse(431, "the request head is too large", why);
    if (taken == 0)
        return 0;
    struct framing framing = {0};
    for (size_t i = 0; i < head->request.header_count; i++)
        note(&fields[i], &framing);
    refused = apply(&framing, authority, head, why);
    return refused < 0 ? refused : (ssize_t)from + taken;
}
