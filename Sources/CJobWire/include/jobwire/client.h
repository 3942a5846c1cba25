#ifndef JOBWIRE_CLIENT_H
#define JOBWIRE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JW_TEXT_SIZE 512

/// What kind of thing went wrong, so that a program can choose its exit code and its advice.
enum jw_failure {
    JW_OK = 0,
    JW_FAIL_FILES,     ///< a certificate, key or CA file is missing or unusable
    JW_FAIL_CONNECT,   ///< name not resolved, connection refused, unreachable, timed out
    JW_FAIL_UNTRUSTED, ///< the server's certificate does not verify
    JW_FAIL_MISNAMED,  ///< the server's certificate is for another name
    JW_FAIL_REFUSED,   ///< the server refused this client's certificate (TLS alert)
    JW_FAIL_TIMEOUT,   ///< no progress within the time allowed
    JW_FAIL_CLOSED,    ///< the connection ended before the reply did
    JW_FAIL_PROTOCOL,  ///< not HTTP/1.1, or malformed
};
struct jw_error {
    enum jw_failure kind;
    char text[JW_TEXT_SIZE]; ///< one line, no newline
};

/// Whom to ask for a way to the server: an HTTP proxy with the method CONNECT (RFC 9110, section 9.3.6).
struct jw_proxy {
    const char *_Nonnull host;
    uint16_t port;
    const char *_Nullable credentials; ///< user:password in base64
};

struct jw_client_options {
    const char *_Nonnull host;
    uint16_t port;
    const struct jw_proxy *_Nullable proxy; ///< NULL: straight to the server
    const char *_Nullable server_name;      ///< the name the certificate must have; NULL: host
    const char *_Nonnull ca_file, *_Nonnull certificate_file, *_Nonnull key_file; ///< PEM
    const char *_Nullable passphrase; ///< of the key; NULL: it is not encrypted
    /// A directory of the caller's alone, below which sessions are kept and resumed; NULL, or when it is not:
    /// none are. Nor with a passphrase: a session stands for the key.
    const char *_Nullable session_directory;
    unsigned connect_ms; ///< for connecting and the handshake, not for the resolver, which has its own limits
    unsigned io_ms;      ///< for a read or write without progress; 0: none
};

/// One keep-alive HTTPS connection: blocking, TLS 1.3 only. Used by one thread at a time.
struct jw_client;

/// Connects and shakes hands.
bool jw_client_open(const struct jw_client_options *_Nonnull options,
                    struct jw_client *_Nullable *_Nonnull out, struct jw_error *_Nonnull error)
    __attribute__((warn_unused_result));
/// Sends close_notify and closes.
void jw_client_free(struct jw_client *_Nullable client);

/// Sends a request head. `headers`: extra "Name: value\r\n" lines or NULL. `body_length` -1: chunked body
/// follows by jw_client_write, ended with jw_client_write_end; 0: none. A head whose body has a length leaves
/// with the body's first bytes.
bool jw_client_request(struct jw_client *_Nonnull client, const char *_Nonnull method,
                       const char *_Nonnull target, const char *_Nullable headers, int64_t body_length,
                       struct jw_error *_Nonnull error) __attribute__((warn_unused_result));
/// A server may answer and close before it has read the whole body. With a length the rest is then dropped;
/// with chunks this is JW_FAIL_CLOSED. In both cases jw_client_reply gives the answer. Interim replies (1xx)
/// that come to chunks are progress, also when the server takes none for now.
bool jw_client_write(struct jw_client *_Nonnull client, const void *_Nonnull bytes, size_t length,
                     struct jw_error *_Nonnull error) __attribute__((warn_unused_result));
bool jw_client_write_end(struct jw_client *_Nonnull client, struct jw_error *_Nonnull error)
    __attribute__((warn_unused_result));

enum jw_heard {
    JW_HEARD_NOTHING, ///< the time is up
    JW_HEARD_INPUT,   ///< the input is readable, or at its end
    JW_HEARD_INTERIM, ///< 1xx: jw_client_header reads its head, of the last one when several have come
    JW_HEARD_REPLY,   ///< the reply itself, for jw_client_reply: the rest of the body is not wanted
};
/// While a body is written in chunks: waits for what the server says to it, or for descriptor `input` (-1:
/// none). For the only request on the connection that has no reply. `milliseconds` 0: for ever.
bool jw_client_listen(struct jw_client *_Nonnull client, int input, unsigned milliseconds,
                      enum jw_heard *_Nonnull heard, struct jw_error *_Nonnull error)
    __attribute__((warn_unused_result));

/// Reads a reply's head (1xx are skipped). Requests may be pipelined: replies come in their order.
bool jw_client_reply(struct jw_client *_Nonnull client, int *_Nonnull status, struct jw_error *_Nonnull error)
    __attribute__((warn_unused_result));
/// A header of the last reply, or NULL. Lives until the next jw_client_reply.
const char *_Nullable jw_client_header(struct jw_client *_Nonnull client, const char *_Nonnull name);
/// How long the rest of the last reply may make no progress, in place of `io_ms`; 0: for ever. A server that
/// vanished is noticed in any case.
void jw_client_set_patience(struct jw_client *_Nonnull client, unsigned milliseconds);
/// Reads body bytes of the reply: > 0 bytes, 0 at its end, -1 with `error`.
ssize_t jw_client_read(struct jw_client *_Nonnull client, void *_Nonnull buffer, size_t capacity,
                       struct jw_error *_Nonnull error) __attribute__((warn_unused_result));
/// Whether another request may be sent on this connection: no reply is due, and the server has not closed it.
bool jw_client_reusable(struct jw_client *_Nonnull client);

#endif
