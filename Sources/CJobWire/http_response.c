#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static ssize_t bad(const char **why, const char *text)
{
    *why = text;
    return -EBADMSG;
}

/// The status line (RFC 9112, section 4): its length, 0 for more bytes, -EBADMSG.
static ssize_t parse_status(const char *bytes, size_t length, struct jw_response *response, const char **why)
{
    static const char version[] = "HTTP/1.";
    const char *end = memchr(bytes, '\n', length);
    size_t known = length < 7 ? length : 7;
    if (memcmp(bytes, version, known) != 0)
        return bad(why, "not a reply of HTTP/1.1");
    if (end == NULL)
        return length > 8192 ? bad(why, "the status line is too long") : 0;
    size_t line = (size_t)(end - bytes) + 1;
    if (line < 15 || bytes[line - 2] != '\r' || (bytes[7] != '1' && bytes[7] != '0') || bytes[8] != ' ')
        return bad(why, "malformed status line");
    response->status = 0;
    for (int i = 9; i < 12; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return bad(why, "malformed status code");
        response->status = response->status * 10 + (bytes[i] - '0');
    }
    if (response->status < 100 || bytes[12] != ' ')
        return bad(why, "malformed status code");
    response->closes = bytes[7] == '0';
    return (ssize_t)line;
}

static bool value_is(const struct jw_field *field, const char *lower)
{
    return field->value.length == strlen(lower) &&
           strncasecmp(field->value.bytes, lower, field->value.length) == 0;
}

/// How the body ends: by RFC 9112, section 6.3, and nothing ambiguous is guessed at.
static int frame_body(struct jw_response *response, bool is_head, const char **why)
{
    bool has_length = false, is_chunked = false;
    for (size_t i = 0; i < response->count; i++) {
        const struct jw_field *field = &response->fields[i];
        if (jw_field_is(field, "content-length")) {
            if (has_length || !jw_number_parse(field->value, &response->length))
                return (int)bad(why, "invalid or repeated Content-Length");
            has_length = true;
        } else if (jw_field_is(field, "transfer-encoding")) {
            if (is_chunked || !value_is(field, "chunked"))
                return (int)bad(why, "unknown or repeated Transfer-Encoding");
            is_chunked = true;
        } else if (jw_field_is(field, "connection") && value_is(field, "close")) {
            response->closes = true;
        }
    }
    if (has_length && is_chunked)
        return (int)bad(why, "both Content-Length and Transfer-Encoding");
    bool none = is_head || response->status < 200 || response->status == 204 || response->status == 304;
    response->body = none         ? JW_BODY_NONE
                     : is_chunked ? JW_BODY_CHUNKED
                     : has_length ? JW_BODY_LENGTH
                                  : JW_BODY_CLOSE;
    if (response->body == JW_BODY_CLOSE)
        response->closes = true;
    return 0;
}

ssize_t jw_response_parse(const char *bytes, size_t length, bool is_head, struct jw_response *response,
                          const char **why)
{
    if (length == 0)
        return 0;
    ssize_t line = parse_status(bytes, length, response, why);
    if (line <= 0)
        return line;
    ssize_t fields = jw_fields_parse(bytes + line, length - (size_t)line, response->fields, JW_FIELDS,
                                     &response->count, why);
    if (fields <= 0)
        return fields == -E2BIG ? bad(why, "too many header fields") : fields;
    int status = frame_body(response, is_head, why);
    return status < 0 ? status : line + fields;
}
