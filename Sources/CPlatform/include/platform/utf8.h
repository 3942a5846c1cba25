#ifndef PLATFORM_UTF8_H
#define PLATFORM_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/// The length of the well-formed UTF-8 character (RFC 3629) that begins at `at`, or 0. `left` is at least 1.
static inline size_t jp_utf8_length(const unsigned char *_Nonnull at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    const size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < length)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    const unsigned two = (unsigned)at[0] << 8 | at[1];
    const bool overlong = (two >= 0xe080 && two <= 0xe09f) || (two >= 0xf080 && two <= 0xf08f);
    const bool surrogate = two >= 0xeda0 && two <= 0xedbf;
    return overlong || surrogate || two >= 0xf490 ? 0 : length;
}

/// Whether a well-formed character is a control character, of C1 too.
static inline bool jp_utf8_is_control(const unsigned char *_Nonnull at)
{
    return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0);
}

#endif
