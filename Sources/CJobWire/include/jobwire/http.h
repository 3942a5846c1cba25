#ifndef JOBWIRE_HTTP_H
#define JOBWIRE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/// The parts of the HTTP/1.1 codec (RFC 9110, RFC 9112) that requests and replies share. Pure: bytes in,
/// facts out.

struct jw_slice {
    const char *_Nullable bytes;
    size_t length;
};
struct jw_field {
    struct jw_slice name, value; ///< value without the white space around it
};

/// Parses the field lines after a start line. `bytes` begins at the first field line. Returns the length
/// consumed including the empty line, 0 when more bytes are needed, or -EBADMSG (obs-fold, bare CR or LF,
/// space before the colon, bad name, control character in a value), -E2BIG over `capacity` fields. `why` then
/// says what it was.
ssize_t jw_fields_parse(const char *_Nonnull bytes, size_t length, struct jw_field *_Nonnull fields,
                        size_t capacity, size_t *_Nonnull count, const char *_Nullable *_Nonnull why)
    __attribute__((warn_unused_result));
/// RFC 9110 section 5.6.2: a token, as a field's name or a method is.
bool jw_is_token(struct jw_slice text);
/// RFC 9110 section 5.5: no control character but the tab.
bool jw_is_value(struct jw_slice text);
bool jw_same_bytes(const char *_Nullable one, const char *_Nullable other, size_t length);
/// Equal without case, whatever the locale is. Inlined for the length, which nearly always differs.
static inline bool jw_same(struct jw_slice one, struct jw_slice other)
{
    return one.length == other.length && jw_same_bytes(one.bytes, other.bytes, one.length);
}
static inline bool jw_is(struct jw_slice text, const char *_Nonnull words)
{
    return jw_same(text, (struct jw_slice){words, strlen(words)});
}
/// Whether a field's value, a list, has the element, without case.
bool jw_field_lists(const struct jw_field *_Nonnull field, const char *_Nonnull element);
/// 1*DIGIT up to 2^62. 0, or -EBADMSG for anything else.
int jw_number_parse(struct jw_slice text, int64_t *_Nonnull out) __attribute__((warn_unused_result));

/// An incremental decoder of the chunked transfer coding. Zero-initialize.
struct jw_chunked {
    uint64_t left;
    unsigned state;
    unsigned line;
};
/// Decodes in place: compacts body bytes to the front of `bytes`. `*used`: input taken; `*made`: body bytes.
/// 1 at the end of the body (after the trailers, which are checked and dropped), 0 more to come, -EBADMSG.
int jw_chunked_decode(struct jw_chunked *_Nonnull state, char *_Nonnull bytes, size_t length,
                      size_t *_Nonnull used, size_t *_Nonnull made) __attribute__((warn_unused_result));

#endif
