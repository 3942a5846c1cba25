#include "http_tables.h"

#include <errno.h>
#include <jobwire/http.h>
#include <string.h>

const bool jw_is_token_char[256] = {
    ['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
    ['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
    ['^' ... 'z'] = true, ['|'] = true,          ['~'] = true,
};

static ssize_t bad_name(unsigned char c, size_t at, const char **why)
{
    if (c == ' ' || c == '\t')
        return jw_bad(why, at == 0 ? "folded header line" : "white space before the colon of a header");
    if (c == '\n')
        return jw_bad(why, "bare LF in the header");
    if (c == '\r')
        return jw_bad(why, "header line without a colon");
    return jw_bad(why, c == ':' ? "empty header name" : "invalid character in a header name");
}

/// The end of a line at `at`: 2 for CR LF, 0 when LF has not come yet.
static ssize_t line_end(const char *bytes, size_t length, size_t at, const char **why)
{
    unsigned char c = (unsigned char)bytes[at];
    if (c == '\n')
        return jw_bad(why, "bare LF in the header");
    if (c != '\r')
        return jw_bad(why, c == '\0' ? "NUL in a header value" : "control character in a header value");
    if (at + 1 == length)
        return 0;
    return bytes[at + 1] == '\n' ? 2 : jw_bad(why, "bare CR in the header");
}

static struct jw_slice trimmed(const char *bytes, size_t start, size_t end)
{
    while (start < end && (bytes[start] == ' ' || bytes[start] == '\t'))
        start++;
    while (end > start && (bytes[end - 1] == ' ' || bytes[end - 1] == '\t'))
        end--;
    return (struct jw_slice){bytes + start, end - start};
}

static ssize_t parse_line(const char *bytes, size_t length, struct jw_field *field, const char **why)
{
    size_t colon = 0;
    while (colon < length && jw_is_token_char[(unsigned char)bytes[colon]])
        colon++;
    if (colon == length)
        return 0;
    if (bytes[colon] != ':' || colon == 0)
        return bad_name((unsigned char)bytes[colon], colon, why);

    size_t end = colon + 1;
    while (end < length && jw_is_value_char((unsigned char)bytes[end]))
        end++;
    if (end == length)
        return 0;
    ssize_t ending = line_end(bytes, length, end, why);
    if (ending <= 0)
        return ending;
    field->name = (struct jw_slice){bytes, colon};
    field->value = trimmed(bytes, colon + 1, end);
    return (ssize_t)end + ending;
}

ssize_t jw_fields_parse(const char *bytes, size_t length, struct jw_field *fields, size_t capacity,
                        size_t *count, const char **why)
{
    size_t at = 0, found = 0;
    const char *reason = NULL;
    ssize_t taken = 0;
    while (at < length) {
        if (bytes[at] == '\r') {
            taken = line_end(bytes, length, at, &reason);
            break;
        }
        if (found == capacity) {
            reason = "too many header fields";
            taken = -E2BIG;
            break;
        }
        taken = parse_line(bytes + at, length - at, &fields[found], &reason);
        if (taken <= 0)
            break;
        at += (size_t)taken;
        taken = 0;
        found++;
    }
    if (taken < 0)
        *why = reason;
    if (taken <= 0)
        return taken;
    *count = found;
    return (ssize_t)at + taken;
}

bool jw_is_token(struct jw_slice text)
{
    size_t at = 0;
    while (at < text.length && jw_is_token_char[(unsigned char)text.bytes[at]])
        at++;
    return at > 0 && at == text.length;
}

bool jw_is_value(struct jw_slice text)
{
    bool held = true;
    for (size_t at = 0; at < text.length; at++)
        held &= jw_is_value_char((unsigned char)text.bytes[at]);
    return held;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool jw_same_bytes(const char *one, const char *other, size_t length)
{
    size_t i = 0;
    while (i < length && (one[i] == other[i] || lower(one[i]) == lower(other[i])))
        i++;
    return i == length;
}

bool jw_field_lists(const struct jw_field *field, const char *element)
{
    const char *at = field->value.bytes, *end = at + field->value.length, *comma;
    while ((comma = memchr(at, ',', (size_t)(end - at))) != NULL) {
        if (jw_is(trimmed(at, 0, (size_t)(comma - at)), element))
            return true;
        at = comma + 1;
    }
    return jw_is(trimmed(at, 0, (size_t)(end - at)), element);
}

int jw_number_parse(struct jw_slice text, int64_t *out)
{
    const int64_t most = INT64_C(1) << 62;
    int64_t value = 0;
    if (text.length == 0)
        return -EBADMSG;
    for (size_t i = 0; i < text.length; i++) {
        int digit = text.bytes[i] - '0';
        if (digit < 0 || digit > 9 || value > (most - digit) / 10)
            return -EBADMSG;
        value = value * 10 + digit;
    }
    *out = value;
    return 0;
}
