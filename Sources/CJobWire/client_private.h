#ifndef JOBWIRE_CLIENT_PRIVATE_H
#define JOBWIRE_CLIENT_PRIVATE_H

#include <jobwire/client.h>
#include <jobwire/http.h>
#include <openssl/ssl.h>

#define JW_HEAD_SIZE (64 << 10)
#define JW_FIELDS 100

/// How a reply's body ends (RFC 9112, section 6.3).
enum jw_body_kind { JW_BODY_NONE, JW_BODY_LENGTH, JW_BODY_CHUNKED, JW_BODY_CLOSE };

/// A reply's head, taken apart. Its slices point into the bytes it was parsed from.
struct jw_response {
    int status;
    struct jw_field fields[JW_FIELDS];
    size_t count;
    enum jw_body_kind body;
    int64_t length; ///< with JW_BODY_LENGTH
    bool closes;    ///< the server closes the connection after this reply
};
/// Parses a reply's head. `is_head`: the request was HEAD. The head's length, 0 when more bytes are needed,
/// or -EBADMSG with `why`. Pure.
ssize_t jw_response_parse(const char *bytes, size_t length, bool is_head, struct jw_response *response,
                          const char **why);

/// Where the blocking calls wait: the socket and the interrupt.
struct jw_transport {
    int socket;
    int interrupt; ///< eventfd
    SSL *ssl;
    unsigned io_ms;
};

struct jw_client {
    struct jw_transport transport;
    SSL_CTX *ctx;
    char host[300]; ///< for the Host header
    struct jw_response response;
    char *head; ///< the last reply's, where its fields are
    char *in;   ///< JW_HEAD_SIZE bytes: what came and was not taken is from `in_start` to `in_end`
    size_t in_start, in_end;
    size_t chunk_end, chunk_next; ///< decoded body bytes end here, and what was not decoded begins there
    struct jw_chunked chunked;
    int64_t left; ///< of a body with a length
    char *out;    ///< JW_HEAD_SIZE bytes: a request's head that waits for its body, then what goes with it
    size_t out_length;
    bool writes_chunks;
    /// For each request whose reply has not been read: whether it was HEAD; a ring.
    bool heads[64];
    unsigned first_head, head_count;
    bool body_done, ended, broken; ///< `ended`: the last chunk was decoded
};

void jw_set_error(struct jw_error *error, enum jw_failure kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Connects within `connect_ms`; the socket, or -1 with `error`.
int jw_connect(const struct jw_client_options *options, int interrupt, int64_t deadline,
               struct jw_error *error);
/// Waits for `events` on the socket: 1, or 0 at the deadline (monotonic milliseconds; 0: none), -1
/// interrupted.
int jw_wait(int socket, int interrupt, short events, int64_t deadline);
int64_t jw_deadline(unsigned milliseconds);

/// The context for the options' files.
SSL_CTX *jw_client_context(const struct jw_client_options *options, struct jw_error *error);
bool jw_handshake(struct jw_transport *transport, const struct jw_client_options *options, int64_t deadline,
                  struct jw_error *error);
bool jw_send(struct jw_transport *transport, const char *bytes, size_t length, struct jw_error *error);
/// Bytes that came, 0 at an end with close_notify, or -1. `started`: some of the reply has come already.
ssize_t jw_receive(struct jw_transport *transport, char *bytes, size_t capacity, bool started,
                   struct jw_error *error);

#endif
