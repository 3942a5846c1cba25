#include "server_private.h"

#include <platform/utf8.h>
#include <stdio.h>
#include <string.h>

/// What one byte can become at most: "\u00XX".
#define EXPANSION 6

static void put(struct jc_bytes *out, const char *text, size_t length)
{
    memcpy(out->data + out->end, text, length);
    out->end += length;
}

static void put_text(struct jc_bytes *out, const char *text)
{
    put(out, text, strlen(text));
}

/// A JSON string (RFC 8259 section 7); what is not UTF-8 becomes U+FFFD.
static void put_string(struct jc_bytes *out, const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    char escaped[EXPANSION + 1];
    put_text(out, "\"");
    for (size_t at = 0; at < length;) {
        const unsigned char c = bytes[at];
        const size_t step = jp_utf8_length(bytes + at, length - at);
        if (c < 0x20)
            put(out, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", c));
        else if (c == '"' || c == '\\')
            put(out, (const char[]){'\\', (char)c}, 2);
        else if (step == 0)
            put_text(out, "\xef\xbf\xbd");
        else
            put(out, text + at, step);
        at += step > 0 ? step : 1;
    }
    put_text(out, "\"");
}

int jc_problem_json(int status, const char *detail, size_t length, struct jc_bytes *out)
{
    const char *title = jc_reason(status);
    char number[12];
    int reserved = jc_bytes_reserve(out, 128 + EXPANSION * (strlen(title) + 2 * length));
    if (reserved < 0)
        return reserved;
    put_text(out, "{\"type\":\"about:blank\",\"title\":");
    put_string(out, title, strlen(title));
    put_text(out, ",\"status\":");
    put(out, number, (size_t)snprintf(number, sizeof number, "%d", status));
    put_text(out, ",\"detail\":");
    put_string(out, detail, length);
    put_text(out, ",\"error\":");
    put_string(out, detail, length);
    put_text(out, "}");
    return 0;
}
