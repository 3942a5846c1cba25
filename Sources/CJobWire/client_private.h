#ifndef JOBWIRE_CLIENT_PRIVATE_H
#define JOBWIRE_CLIENT_PRIVATE_H

#include <jobwire/client.h>
#include <jobwire/http.h>
#include <poll.h>

#define JW_HEAD_SIZE (64 << 10)
#define JW_FIELDS 100
#define JW_IN_CHUNKS (-1)

/// How a reply's body ends (RFC 9112, section 6.3).
enum jw_body_kind { JW_BODY_NONE, JW_BODY_LENGTH, JW_BODY_CHUNKED, JW_BODY_CLOSE };

/// A reply's head, taken apart. Its slices point into the bytes it was parsed from. Of an interim one (1xx)
/// only the status counts.
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

struct ssl_session_st;
#define JW_SESSION_NAME 65
/// Where the session of a connection like this one is kept.
struct jw_sessions {
    int directory; ///< -1: nowhere
    char name[JW_SESSION_NAME];
};

/// TLS over a socket; the calls block.
struct jw_transport {
    int socket;
    struct jw_sessions sessions;
    struct bio_method_st *method; ///< OpenSSL's types, by their tags
    struct ssl_st *ssl;
    unsigned io_ms;
    unsigned patience_ms; ///< the same for what is read of this reply
    bool shaken;          ///< the handshake is done, as far as this side knows
    bool heard;           ///< some bytes of a reply have come on this connection
};

struct jw_client {
    struct jw_transport transport;
    char host[300]; ///< for the Host header
    struct jw_response response;
    char *head;            ///< the last reply's, where its fields are
    char in[JW_HEAD_SIZE]; ///< what came and was not taken is from `in_start` to `in_end`
    size_t in_start, in_end;
    struct jw_chunked chunked;
    int64_t left;           ///< of a body with a length
    char out[JW_HEAD_SIZE]; ///< a request's head that waits for its body, then what goes with it
    size_t out_length;
    int64_t unsent; ///< bytes of the request's body to come; JW_IN_CHUNKS: as many as there are
    bool answered;  ///< the server no longer reads this request: its reply is in `in`
    bool interim;   ///< an interim reply to it has come of which the caller was not told
    /// For each request whose reply has not been read: whether it was HEAD; a ring.
    bool heads[64];
    unsigned first_head, head_count;
    bool body_done, broken;
};

void jw_set_error(struct jw_error *error, enum jw_failure kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/// Connects until `deadline`; the socket, or -1 with `error`.
int jw_connect(const struct jw_client_options *options, int64_t deadline, struct jw_error *error);
/// Has the proxy connect the socket with the server, whose TLS goes through it. False with `error`.
bool jw_tunnel(int socket, const struct jw_client_options *options, int64_t deadline, struct jw_error *error);
/// The server's host and port, as they are written in requests.
void jw_authority(const struct jw_client_options *options, char *text, size_t size);
/// Waits for `events` on the socket; false at the deadline (monotonic milliseconds; 0: none).
bool jw_wait(int socket, short events, int64_t deadline);
/// Waits for one of several: how many are ready, 0 at the deadline.
int jw_wait_any(struct pollfd *descriptors, unsigned count, int64_t deadline);
int64_t jw_deadline(unsigned milliseconds);

/// Connects and shakes hands. What it has is to be closed in any case.
bool jw_transport_open(struct jw_transport *transport, const struct jw_client_options *options,
                       struct jw_error *error);
/// Sends close_notify if `in_order`, and closes.
void jw_transport_close(struct jw_transport *transport, bool in_order);
/// Bytes that were sent, -EAGAIN: none for now, or -1 with `error`. Does not wait.
ssize_t jw_send(struct jw_transport *transport, const char *bytes, size_t length, struct jw_error *error);
/// Waits for what the last call of OpenSSL's wanted, or for `events`; false with `error` at the deadline.
bool jw_await(struct jw_transport *transport, short events, int64_t deadline, struct jw_error *error);
/// Bytes that came, 0 at an end with close_notify, or -1.
ssize_t jw_receive(struct jw_transport *transport, char *bytes, size_t capacity, bool started,
                   struct jw_error *error);
/// The same; -EAGAIN: none yet.
ssize_t jw_receive_now(struct jw_transport *transport, char *bytes, size_t capacity, bool started,
                       struct jw_error *error);
/// Whether nothing has come that no request asked for, an end neither. Does not wait.
bool jw_is_quiet(struct jw_transport *transport);

/// NULL with `error`.
struct ssl_ctx_st *jw_client_context(struct jw_error *error);
/// Loads the options' files; or, where a session can be resumed, has them loaded if the server does not
/// resume it. `options` lives until the handshake is done.
bool jw_identify(struct jw_transport *transport, const struct jw_client_options *options,
                 struct jw_error *error);
bool jw_handshake(struct jw_transport *transport, const struct jw_client_options *options, int64_t deadline,
                  struct jw_error *error);
/// The handshake's calls of OpenSSL, until it is done.
bool jw_shake(struct jw_transport *transport, int64_t deadline, struct jw_error *error);
/// Words for a connection's end. `number` and `started` as below.
void jw_explain_end(const struct jw_transport *transport, int number, bool started, struct jw_error *error);
/// Words for a call of OpenSSL's that failed for good. `number`: errno as it left it. `started`: some of the
/// reply has come already.
void jw_explain(struct jw_transport *transport, int result, int number, bool started, struct jw_error *error);

/// False: none are kept. What it has is to be closed.
bool jw_sessions_open(struct jw_sessions *sessions, const struct jw_client_options *options);
/// Has the session that is kept resumed, if the server still knows it. False: there is none.
bool jw_sessions_resume(const struct jw_sessions *sessions, struct ssl_st *ssl);
/// Keeps one that the server gave, for as long as what its handshake verified is so.
void jw_sessions_keep(const struct jw_sessions *sessions, struct ssl_st *ssl, struct ssl_session_st *session);

/// Reads more behind what is in `in`. 1; or 0 at the connection's end, or -1, and `error`.
int jw_fill(struct jw_client *client, bool started, struct jw_error *error);
/// The same; -EAGAIN: nothing has come.
int jw_fill_now(struct jw_client *client, bool started, struct jw_error *error);
/// Takes the interim replies in `in`, of which the last one's head is kept, and sees whether the reply itself
/// has begun.
bool jw_take_interim(struct jw_client *client, struct jw_error *error);

/// Whether what comes now belongs to the request that is being sent.
bool jw_listens(const struct jw_client *client);
/// Takes what has come meanwhile, without waiting. 1: something, 0: nothing, -1: with `error`.
int jw_hear(struct jw_client *client, struct jw_error *error);

#endif
