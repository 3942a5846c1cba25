#include "client_private.h"
#include "http_tables.h"

#include <errno.h>
#include <string.h>

#define STATUS_LINE_LIMIT 8192
/// "HTTP/1.1 200 ", after which the reason may be empty.
#define STATUS_SIZE 13

/// The code of "HTTP/1.x nnn ", or -EBADMSG.
static ssize_t parse_code(const char *bytes, const char **why)
{
    int64_t code;
    if ((bytes[7] != '1' && bytes[7] != '0') || bytes[8] != ' ')
        return jw_bad(why, "not a reply of HTTP/1.1");
    if (jw_number_parse((struct jw_slice){bytes + 9, 3}, &code) < 0 || code < 100 || bytes[12] != ' ')
        return jw_bad(why, "malformed status code");
    return code;
}

/// The status line (RFC 9112, section 4): its length, 0 for more bytes, -EBADMSG.
static ssize_t parse_status(const char *bytes, size_t length, struct jw_response *response, const char **why)
{
    static const char version[] = "HTTP/1.";
    // What is not HTTP at all is found out at once, though no end of a line may ever come.
    if (memcmp(bytes, version, length < 7 ? length : 7) != 0)
        return jw_bad(why, "not a reply of HTTP/1.1");
    if (length < STATUS_SIZE)
        return 0;
    ssize_t code = parse_code(bytes, why);
    if (code < 0)
        return code;
    size_t end = STATUS_SIZE;
    while (end < length && jw_is_value_char((unsigned char)bytes[end]))
        end++;
    if (end > STATUS_LINE_LIMIT)
        return jw_bad(why, "the status line is too long");
    if (end < length && bytes[end] != '\r')
        return jw_bad(why, "control character in the status line");
    if (end + 1 >= length)
        return 0;
    if (bytes[end + 1] != '\n')
        return jw_bad(why, "bare CR in the status line");
    response->status = (int)code;
    response->closes = bytes[7] == '0';
    return (ssize_t)end + 2;
}

/// What the fields say of the body's end.
struct framing {
    bool has_length, is_chunked;
};

static int note(struct jw_response *response, const struct jw_field *field, struct framing *framing,
                const char **why)
{
    if (jw_is(field->name, "content-length")) {
        if (framing->has_length || jw_number_parse(field->value, &response->length) < 0)
            return (int)jw_bad(why, "invalid or repeated Content-Length");
        framing->has_length = true;
    } else if (jw_is(field->name, "transfer-encoding")) {
        // One element: a list in which "chunked" is one of several is refused too.
        if (framing->is_chunked || memchr(field->value.bytes, ',', field->value.length) != NULL ||
            !jw_field_lists(field, "chunked"))
            return (int)jw_bad(why, "unknown or repeated Transfer-Encoding");
        framing->is_chunked = true;
    } else if (jw_is(field->name, "connection") && jw_field_lists(field, "close")) {
        response->closes = true;
    }
    return 0;
}

/// How the body ends: by RFC 9112, section 6.3, and nothing ambiguous is guessed at.
static int frame_body(struct jw_response *response, bool is_head, const char **why)
{
    struct framing framing = {0};
    const bool http_1_0 = response->closes;
    for (size_t i = 0; i < response->count; i++) {
        int status = note(response, &response->fields[i], &framing, why);
        if (status < 0)
            return status;
    }
    if (framing.has_length && framing.is_chunked)
        return (int)jw_bad(why, "both Content-Length and Transfer-Encoding");
    if (framing.is_chunked && http_1_0)
        return (int)jw_bad(why, "Transfer-Encoding in HTTP/1.0");
    if (response->status == 101)
        return (int)jw_bad(why, "it changes to a protocol that was not asked for");
    bool none = is_head || response->status < 200 || response->status == 204 || response->status == 304;
    response->body = none                 ? JW_BODY_NONE
                     : framing.is_chunked ? JW_BODY_CHUNKED
                     : framing.has_length ? JW_BODY_LENGTH
                                          : JW_BODY_CLOSE;
    response->closes = response->closes || response->body == JW_BODY_CLOSE;
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
        return fields == -E2BIG ? jw_bad(why, "too many header fields") : fields;
    int status = frame_body(response, is_head, why);
    return status < 0 ? status : line + fields;
}
