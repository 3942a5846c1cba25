#ifndef JOBCORE_SERVER_H
#define JOBCORE_SERVER_H

#include <jobcore/budget.h>
#include <jobcore/listen.h>
#include <jobcore/loop.h>
#include <jobcore/request.h>
#include <stddef.h>
#include <sys/types.h>

/// A server's TLS 1.3 context with client verification. Shared by all servers of a process, which it
/// outlives; any thread. Its sessions for resumption are its own: none outlives the authorities and the list
/// it was verified by.
struct jc_tls;
/// By what of its certificate a client is known.
enum jc_identity {
    JC_IDENTITY_COMMON_NAME, ///< the one common name of its subject
    JC_IDENTITY_URI,         ///< the one URI of its subject alternative names, as SPIFFE has it
};
struct jc_tls_options {
    const char *_Nonnull certificate_file; ///< PEM, leaf first
    const char *_Nonnull key_file;         ///< PEM
    const char *_Nonnull client_ca_file;   ///< PEM, authorities whose clients are let in
    const char *_Nullable crl_file;        ///< PEM, or NULL
    bool lists_are_partial;                ///< an authority of which there is no list has revoked nothing
    size_t session_cache;                  ///< most sessions kept for resumption (some KiB each); 0: none
    enum jc_identity identity;
};
/// On failure `error` says which file and why.
int jc_tls_new(const struct jc_tls_options *_Nonnull options, struct jc_tls *_Nullable *_Nonnull out,
               char error[_Nonnull JC_ERROR_SIZE]) __attribute__((warn_unused_result));
void jc_tls_free(struct jc_tls *_Nullable tls);

enum jc_expiry { JC_EXPIRY_CERTIFICATE, JC_EXPIRY_AUTHORITY, JC_EXPIRY_REVOCATIONS };
/// `name`: whose certificate it is, or who made the list; `until`: seconds since 1970, 0: for ever.
typedef void (*jc_expiry_told)(void *_Nullable context, enum jc_expiry kind, const char *_Nonnull name,
                               int64_t until);
/// Tells until when the server's certificate, each authority's and each revocation list is valid.
void jc_tls_expiries(const struct jc_tls *_Nonnull tls, jc_expiry_told _Nonnull told,
                     void *_Nullable context);

/// Whose clients are let in.
struct jc_trust;
/// From the PEM of the authorities and their revocation lists (length 0: none); `lists_are_partial` as in the
/// options. -EINVAL.
int jc_trust_new(const void *_Nonnull authorities, size_t length, const void *_Nonnull revocations,
                 size_t revocations_length, bool lists_are_partial, struct jc_trust *_Nullable *_Nonnull out)
    __attribute__((warn_unused_result));
void jc_trust_free(struct jc_trust *_Nullable trust);

/// A listener and its connections on one loop. An exchange is one request and its reply.
struct jc_server;
struct jc_exchange;

/// What to do with a request's body. A reply sent before the body has come makes it be skipped (bounded). A
/// whole body over `max_body` is answered with 413 here; a streamed one has no limit but the handler's.
enum jc_body { JC_BODY_NONE = 0, JC_BODY_WHOLE = 1, JC_BODY_STREAM = 2 };

/// What a server counts: cells of `counts` in its options.
enum jc_server_count {
    JC_COUNT_CONNECTIONS, ///< accepted
    JC_COUNT_TURNED_AWAY, ///< found no room: too many, or no descriptor or memory for them
    JC_COUNT_FAILED_HANDSHAKES,
    JC_COUNT_CLIENT_MEMORY, ///< requests refused with 503: their client's part of the budget is used up
    JC_COUNT_MEMORY,        ///< the same of all clients'
    JC_COUNT_REPLIES,       ///< plus the HTTP status of a reply
    JC_SERVER_COUNTS = JC_COUNT_REPLIES + 600,
};

struct jc_server_options {
    int listen_fd; ///< bound and listening; taken over on success. See jc_listen
    size_t max_head, max_body, max_connections;
    size_t max_handshakes; ///< connections of those that have not shaken hands yet; then the oldest goes
    unsigned handshake_ms, head_ms;      ///< from start to end; 0: no limit
    unsigned body_ms, idle_ms, write_ms; ///< without progress; 0: no limit
    struct jc_budget *_Nullable budget;  ///< beyond it requests are refused with 503; NULL: no bound
    uint64_t *_Nullable counts;          ///< JC_SERVER_COUNTS cells that outlive the server; NULL: not wanted
};

/// How an exchange came to its end.
enum jc_end {
    JC_END_COMPLETE, ///< the reply is given to the socket
    JC_END_LEFT,     ///< the peer closed the connection before
    JC_END_CUT,      ///< this side did
};

/// Who passed the handshake. Lives during the call it is given to.
struct jc_peer {
    const char *_Nonnull name;        ///< by the context's `jc_identity`; checked
    const char *_Nonnull serial;      ///< of its certificate, in hexadecimal, as openssl-x509(1) has it
    const char *_Nonnull fingerprint; ///< SHA-256 of its certificate, in hexadecimal
    const char *_Nonnull address;     ///< "address:port"
};

/// A peer that failed (handshake, parse, time-out). The texts live as long as the call.
struct jc_failure {
    const char *_Nonnull address; ///< "address:port"
    const char *_Nonnull reason;  ///< one line
    bool handshake;               ///< it was not let in
    /// Of the certificate it was not let in with, as in `jc_peer`. NULL: it showed none, or none that has
    /// one.
    const char *_Nullable name, *_Nullable serial;
};

/// All are called on the loop's thread, and never from inside a call to this library but jc_server_free. A
/// handler may call all but that one, for any exchange of the server.
struct jc_handler {
    /// A peer passed the handshake. The value returned says to whom the connection is counted, `*user` is
    /// `jc_exchange_peer` of its exchanges; -1 refuses the connection with 403, -2 with 429, -3 with 503.
    int64_t (*_Nonnull opened)(void *_Nullable context, const struct jc_peer *_Nonnull peer,
                               void *_Nullable *_Nonnull user);
    void (*_Nonnull closed)(void *_Nullable context, void *_Nullable user);
    /// A request head is complete. Reply now, or say how the body is to come.
    enum jc_body (*_Nonnull head)(void *_Nullable context, struct jc_exchange *_Nonnull exchange,
                                  const struct jc_request *_Nonnull request);
    /// Body bytes: all at once (JC_BODY_WHOLE, always `last`) or as they come (JC_BODY_STREAM). A request
    /// without a body has one call, empty and `last`.
    void (*_Nonnull body)(void *_Nullable context, struct jc_exchange *_Nonnull exchange,
                          const uint8_t *_Nullable bytes, size_t length, bool last);
    /// A streamed reply went below the low-water mark: more may be written.
    void (*_Nonnull writable)(void *_Nullable context, struct jc_exchange *_Nonnull exchange);
    /// `jc_exchange_wake` was called once or more: this is the turn of the exchange's connection.
    void (*_Nonnull woken)(void *_Nullable context, struct jc_exchange *_Nonnull exchange);
    /// The exchange is over. The pointer is dead after this call. Only called for exchanges with a user value
    /// set (jc_exchange_set_user).
    void (*_Nonnull ended)(void *_Nullable context, struct jc_exchange *_Nonnull exchange, enum jc_end end);
    void (*_Nonnull peer_failed)(void *_Nullable context, const struct jc_failure *_Nonnull failure);
};

int jc_server_new(struct jc_loop *_Nonnull loop, struct jc_tls *_Nonnull tls,
                  const struct jc_server_options *_Nonnull options, const struct jc_handler *_Nonnull handler,
                  void *_Nullable context, struct jc_server *_Nullable *_Nonnull out)
    __attribute__((warn_unused_result));
/// Accepts nothing more, lets running replies finish and closes idle connections. Then calls `done` once,
/// from the loop; it may free the server.
void jc_server_drain(struct jc_server *_Nonnull server, jc_callback _Nonnull done, void *_Nullable context);
/// Of one that drains: closes at once the connections whose clients are not let in, with nothing of what they
/// sent carried out any more.
void jc_server_apply_trust(struct jc_server *_Nonnull server, const struct jc_trust *_Nonnull trust);
/// Closes everything at once.
void jc_server_free(struct jc_server *_Nullable server);
size_t jc_server_connections(struct jc_server *_Nonnull server);

/// The value that `opened` set for its connection.
void *_Nullable jc_exchange_peer(struct jc_exchange *_Nonnull exchange);
/// A value of the handler's own, NULL at first; setting it asks for `ended`.
void jc_exchange_set_user(struct jc_exchange *_Nonnull exchange, void *_Nullable user);
void *_Nullable jc_exchange_user(struct jc_exchange *_Nonnull exchange);
/// A number no other exchange of this server has: survives the exchange, for replies that come later.
uint64_t jc_exchange_id(struct jc_exchange *_Nonnull exchange);
/// The open exchange with this number, or NULL when it is over.
struct jc_exchange *_Nullable jc_server_exchange(struct jc_server *_Nonnull server, uint64_t id);

/// Has `woken` called in the next turn of the exchange's connection, so that what is done there is counted to
/// its client's share.
void jc_exchange_wake(struct jc_exchange *_Nonnull exchange);

/// Streamed request bodies: no `body` call until resumed.
void jc_exchange_pause_body(struct jc_exchange *_Nonnull exchange);
void jc_exchange_resume_body(struct jc_exchange *_Nonnull exchange);

/// What stands before a reply's body. Copied by the call it is given to. A field whose name is no token or
/// whose value holds a control character breaks the connection: it would be taken for another.
struct jc_reply_head {
    int status;
    struct jw_slice type; ///< Content-Type; empty: none
    const struct jw_field *_Nullable fields;
    size_t count;
};
/// An interim reply (1xx), before the reply itself. Left out for a peer of HTTP/1.0, and for one that does
/// not take what it was sent before: such replies don't pile up.
void jc_reply_interim(struct jc_exchange *_Nonnull exchange, const struct jc_reply_head *_Nonnull head);
/// The whole reply. For HEAD the body is left out and its length told. All bytes are copied.
void jc_reply(struct jc_exchange *_Nonnull exchange, const struct jc_reply_head *_Nonnull head,
              const void *_Nullable body, size_t length);
/// An application/problem+json reply (RFC 9457) with `detail`, also as member `error`. `head` has no type.
void jc_reply_problem(struct jc_exchange *_Nonnull exchange, const struct jc_reply_head *_Nonnull head,
                      const char *_Nonnull detail, size_t length);
/// A streamed reply: head now, body by jc_reply_write/jc_reply_file. `length` -1: not known.
void jc_reply_begin(struct jc_exchange *_Nonnull exchange, const struct jc_reply_head *_Nonnull head,
                    int64_t length);
/// Queues body bytes (copied). True: below the high-water mark; false: wait for `writable`.
bool jc_reply_write(struct jc_exchange *_Nonnull exchange, const void *_Nonnull bytes, size_t length);
/// Whether jc_reply_write said to wait for `writable`, which has not come yet.
bool jc_reply_waits(struct jc_exchange *_Nonnull exchange);
/// Sends bytes [offset, limit) of `fd` (taken over) as the peer takes them, in bounded memory. One file at a
/// time; bytes that jc_reply_write queues go before those of the file not sent yet. A file that is shorter
/// breaks the reply off.
void jc_reply_file(struct jc_exchange *_Nonnull exchange, int fd, uint64_t offset, uint64_t limit);
/// More of the file is there now (a followed file grew).
void jc_reply_file_extend(struct jc_exchange *_Nonnull exchange, uint64_t limit);
/// The body ends after what was queued (and after the file's limit).
void jc_reply_end(struct jc_exchange *_Nonnull exchange);
/// Breaks the reply off: the peer sees an unfinished body.
void jc_reply_abort(struct jc_exchange *_Nonnull exchange);

#endif
