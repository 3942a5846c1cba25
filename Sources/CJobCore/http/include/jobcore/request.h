#ifndef JOBCORE_REQUEST_H
#define JOBCORE_REQUEST_H

#include <jobwire/http.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A parsed request head. The slices point into the bytes it was parsed from.
struct jc_request {
    struct jw_slice method, path, query; ///< path as sent (percent-encoded); query without '?', may be empty
    const struct jw_field *_Nullable headers;
    size_t header_count;
    bool has_body;
    int64_t content_length; ///< -1: chunked
};

/// A request head with what it says about its connection.
struct jc_head {
    struct jc_request request;
    bool keep_alive;      ///< the client wants to send another request afterwards
    bool expect_continue; ///< the client waits for 100 before it sends the body
    bool http_1_0;
};

#define JC_TARGET_MAX 8192

/// The strict request parser (RFC 9112 section 3 and 6). Pure: no I/O, no allocation, any thread. Returns the
/// length of the head with its empty line, 0 when more bytes are needed, or minus the HTTP status that
/// refuses it (400, 414, 417, 431, 501, 505), and `*why` says in words. `fields` has room for `capacity`
/// header fields.
ssize_t jc_request_parse(const char *_Nonnull bytes, size_t length, size_t max_head,
                         struct jw_field *_Nonnull fields, size_t capacity, struct jc_head *_Nonnull head,
                         const char *_Nullable *_Nonnull why) __attribute__((warn_unused_result));

#endif
