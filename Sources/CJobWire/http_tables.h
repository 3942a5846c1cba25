#ifndef JOBWIRE_HTTP_TABLES_H
#define JOBWIRE_HTTP_TABLES_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>

/// RFC 9110 section 5.6.2: the characters of a token, so of a field's name.
extern const bool jw_is_token_char[256];

/// RFC 9110 section 5.5: visible characters, obs-text, space and tab.
static inline bool jw_is_value_char(unsigned char c)
{
    return (c >= ' ' && c != 0x7f) || c == '\t';
}

/// Says why bytes are refused.
static inline ssize_t jw_bad(const char **why, const char *text)
{
    *why = text;
    return -EBADMSG;
}

#endif
