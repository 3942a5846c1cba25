#include "http_tables.h"

#include <errno.h>
#include <jobwire/http.h>
#include <string.h>

/// Most characters of a chunk's extensions, which RFC 9112 has recipients ignore.
#define EXTENSION_LIMIT 256
#define TRAILER_LIMIT 8192
/// 15 hexadecimal digits stay below 2^60.
#define SIZE_DIGITS 15

enum state {
    SIZE, ///< `line` counts its digits
    EXTENSION_SPACE,
    EXTENSION,
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START, ///< `line` counts the trailers' bytes from here on
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF,
    DONE,
};

static int hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_size(struct jw_chunked *chunked, unsigned char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (++chunked->line > SIZE_DIGITS)
            return -EBADMSG;
        chunked->left = chunked->left << 4 | (unsigned)digit;
        return 0;
    }
    if (chunked->line == 0)
        return -EBADMSG;
    chunked->line = 0;
    if (c == '\r')
        chunked->state = SIZE_LF;
    else if (c == ';')
        chunked->state = EXTENSION;
    else if (c == ' ' || c == '\t')
        chunked->state = EXTENSION_SPACE;
    else
        return -EBADMSG;
    return 0;
}

static int take_extension(struct jw_chunked *chunked, unsigned char c)
{
    if (++chunked->line > EXTENSION_LIMIT)
        return -EBADMSG;
    if (chunked->state == EXTENSION && c == '\r')
        chunked->state = SIZE_LF;
    else if (chunked->state == EXTENSION_SPACE && c == ';')
        chunked->state = EXTENSION;
    else if (chunked->state == EXTENSION ? !jw_is_value_char(c) : c != ' ' && c != '\t')
        return -EBADMSG;
    return 0;
}

static int take_trailer(struct jw_chunked *chunked, unsigned char c)
{
    if (++chunked->line > TRAILER_LIMIT)
        return -EBADMSG;
    switch (chunked->state) {
    case TRAILER_START:
        if (c != '\r' && !jw_is_token_char[c])
            return -EBADMSG;
        chunked->state = c == '\r' ? END_LF : TRAILER_NAME;
        return 0;
    case TRAILER_NAME:
        if (c == ':')
            chunked->state = TRAILER_VALUE;
        return c == ':' || jw_is_token_char[c] ? 0 : -EBADMSG;
    default:
        if (c == '\r')
            chunked->state = TRAILER_LF;
        return c == '\r' || jw_is_value_char(c) ? 0 : -EBADMSG;
    }
}

/// States in which just one character is right.
static int take_fixed(struct jw_chunked *chunked, unsigned char c)
{
    if (c != (chunked->state == DATA_CR ? '\r' : '\n'))
        return -EBADMSG;
    switch (chunked->state) {
    case SIZE_LF:
        chunked->state = chunked->left > 0 ? DATA : TRAILER_START;
        break;
    case DATA_CR:
        chunked->state = DATA_LF;
        return 0;
    case DATA_LF:
        chunked->state = SIZE;
        break;
    case TRAILER_LF:
        chunked->state = TRAILER_START;
        return 0;
    default:
        chunked->state = DONE;
        break;
    }
    chunked->line = 0;
    return 0;
}

static int take(struct jw_chunked *chunked, unsigned char c)
{
    switch (chunked->state) {
    case SIZE:
        return take_size(chunked, c);
    case EXTENSION_SPACE:
    case EXTENSION:
        return take_extension(chunked, c);
    case TRAILER_START:
    case TRAILER_NAME:
    case TRAILER_VALUE:
        return take_trailer(chunked, c);
    default:
        return take_fixed(chunked, c);
    }
}

int jw_chunked_decode(struct jw_chunked *chunked, char *bytes, size_t length, size_t *used, size_t *made)
{
    size_t at = 0, out = 0;
    while (at < length && chunked->state != DONE) {
        if (chunked->state != DATA) {
            int refused = take(chunked, (unsigned char)bytes[at++]);
            if (refused < 0)
                return refused;
            continue;
        }
        size_t piece = chunked->left < length - at ? (size_t)chunked->left : length - at;
        memmove(bytes + out, bytes + at, piece);
        at += piece;
        out += piece;
        chunked->left -= piece;
        if (chunked->left == 0)
            chunked->state = DATA_CR;
    }
    *used = at;
    *made = out;
    return chunked->state == DONE;
}
