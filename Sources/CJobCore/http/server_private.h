#ifndef JOBCORE_SERVER_PRIVATE_H
#define JOBCORE_SERVER_PRIVATE_H

#include "deadlines.h"
#include <jobcore/byte_queue.h>

#include <event2/event_struct.h>
#include <jobcore/server.h>
#include <netinet/in.h>
#include <platform/counts.h>
#include <sys/queue.h>

typedef struct ssl_st SSL;

/// What one recv takes, and what SSL_read can make of it with the rest of a record that came before.
#define JC_CIPHER_SIZE ((size_t)64 << 10)
#define JC_PLAIN_SIZE (JC_CIPHER_SIZE + ((size_t)32 << 10))
/// Reply bytes given to one SSL_write: whole TLS records of 16 KiB.
#define JC_BATCH_SIZE ((size_t)64 << 10)
/// Input kept for a connection whose exchange goes on; past it nothing is read.
#define JC_PENDING_MAX ((size_t)64 << 10)
/// A request body nobody wants is read up to here, so that the connection can be used again.
#define JC_SKIP_MAX ((uint64_t)256 << 10)
/// Bytes queued for a streamed reply.
#define JC_HIGH_WATER ((size_t)256 << 10)
#define JC_LOW_WATER ((size_t)64 << 10)
/// What a connection may send before the others' turn comes.
#define JC_TURN_BYTES ((size_t)512 << 10)
#define JC_FIELDS_MAX 100
#define JC_SHARES 1024

enum jc_phase {
    JC_PHASE_SHAKING,
    JC_PHASE_OPEN,
    JC_PHASE_CLOSING,   ///< no further request; what is queued still goes out
    JC_PHASE_LINGERING, ///< all sent and told; reads on so that the peer sees it before a reset
    JC_PHASE_BROKEN,    ///< to be torn down when control is back in connection.c
};

enum jc_intake_at { JC_INTAKE_HEAD, JC_INTAKE_BODY, JC_INTAKE_DONE };
enum jc_answer { JC_ANSWER_NONE, JC_ANSWER_STREAMING, JC_ANSWER_ENDING, JC_ANSWER_SENT };
enum jc_framing { JC_FRAMING_LENGTH, JC_FRAMING_CHUNKED, JC_FRAMING_CLOSE, JC_FRAMING_NO_BODY };

/// A file whose bytes follow the queued ones.
struct jc_file {
    int fd; ///< -1: none
    uint64_t offset, limit;
};

struct jc_exchange {
    uint64_t id; ///< 0: none is open
    void *user;
    enum jc_answer answer;
    enum jc_framing framing; ///< of the reply
    uint64_t reply_left;     ///< with JC_FRAMING_LENGTH
    bool head_only, http_1_0, keep_alive;
    bool waits_for_100;  ///< and so sends no body before it
    bool wants_writable; ///< went over the high-water mark
    struct jc_file file;

    enum jc_body mode;
    bool paused;
    struct jc_bytes body; ///< of a whole body, until its last byte
};

/// The body of the request that is being read: it outlives its exchange when that is answered early.
struct jc_intake {
    enum jc_intake_at at;
    bool chunked;
    struct jw_chunked decoder;
    uint64_t left, taken;  ///< of a length; body bytes so far
    size_t tried, scanned; ///< of an incomplete head: length when it was parsed, length searched for its end
};

struct jc_connection {
    struct jc_server *server;
    SSL *ssl;
    int fd;
    uint32_t slot;
    enum jc_phase phase;
    bool reading, writing, peer_closed, ready, said_goodbye;
    bool progress;       ///< since the deadline was set: a request began, body bytes came, or the peer read
    bool asked_to_close; ///< by the peer, which then sends nothing more
    int refusal;         ///< status each request is answered with, or 0
    const char *refusal_detail;
    int64_t tag; ///< -1: not opened
    struct event readable, writable;
    TAILQ_ENTRY(jc_connection) ready_link;
    struct jc_deadline deadline;
    struct jc_bytes in;     ///< plain bytes not taken yet
    struct jc_bytes queue;  ///< plain bytes of replies not encrypted yet
    struct jc_bytes unsent; ///< encrypted bytes the socket did not take
    struct jc_bytes *sink;  ///< where `jc_reply_room` made room
    size_t lingered;
    struct jc_intake intake;
    struct jc_exchange exchange;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
};

struct jc_connection_slot {
    struct jc_connection *connection;
    uint32_t next_free; ///< plus one; 0: none
};

/// What a client used of a round of the loop.
struct jc_share {
    uint64_t round;
    int64_t used_ns, since_ns;
};

struct jc_server {
    struct jc_loop *loop;
    struct jc_tls *tls;
    struct jc_server_options options;
    struct jc_handler handler;
    void *context;

    struct event acceptor;
    int listen_fd, spare_fd;
    struct jc_timer *tick;
    int64_t refused_s; ///< when an overload was last told of
    bool accepting, ticking;
    unsigned accepts; ///< how many peers to take in at once

    struct jc_connection_slot *slots;
    uint32_t slots_used, free_slot;
    size_t connections, most_connections; ///< now, and since memory was given back last
    uint64_t exchanges;
    struct jc_deadlines deadlines;
    TAILQ_HEAD(jc_ready_list, jc_connection) ready;
    bool ready_posted, freed;
    struct jc_share shares[JC_SHARES];
    jc_callback drained; ///< set: draining
    void *drained_context;

    /// Buffers all connections share. `cipher`: the last recv, taken by SSL_read. `plain`: what that made.
    /// `batch`: replies of the connection at work. `wire`: what SSL_write made.
    struct jc_connection *current; ///< whose `batch` it is
    char *cipher, *plain;
    size_t cipher_at, cipher_end;
    struct jc_bytes batch, wire;
    struct jw_field fields[JC_FIELDS_MAX];
    char date[48]; ///< the Date header of second `date_s`
    size_t date_length;
    int64_t date_s;
};

static inline void jc_server_count(const struct jc_server *server, unsigned cell)
{
    if (server->options.counts != NULL)
        jp_count(server->options.counts + cell, 1);
}

static inline struct jc_connection *jc_connection_of(struct jc_exchange *exchange)
{
    return (struct jc_connection *)((char *)exchange - offsetof(struct jc_connection, exchange));
}

static inline struct jc_connection *jc_connection_of_deadline(struct jc_deadline *deadline)
{
    return (struct jc_connection *)((char *)deadline - offsetof(struct jc_connection, deadline));
}

// connection.c
/// Takes over `fd` unless it fails.
int jc_connection_new(struct jc_server *server, int fd, const struct sockaddr *peer, socklen_t length)
    __attribute__((warn_unused_result));
/// Goes on with what is queued; for calls from outside the connection's own events.
void jc_connection_resume(struct jc_connection *connection);
/// Has `jc_connection_resume` called at the end of the round, always or when the connection is not at work.
void jc_connection_enqueue(struct jc_connection *connection);
void jc_connection_ready(struct jc_connection *connection);
void jc_connection_drain(struct jc_connection *connection);
void jc_connection_expired(struct jc_connection *connection, enum jc_deadline_kind kind);
/// The peer sends nothing more.
void jc_connection_peer_left(struct jc_connection *connection);
/// A line about the peer for the log.
void jc_connection_failed(struct jc_connection *connection, const char *reason);
void jc_peer_failed(struct jc_server *server, const struct sockaddr *peer, const char *reason);

// closing.c
void jc_connection_free(struct jc_connection *connection);
void jc_connection_linger(struct jc_connection *connection);
/// Says goodbye once everything is sent.
void jc_connection_close_in_order(struct jc_connection *connection);

// turn.c: a connection's turn is what happens between an event and jc_connection_settle.
/// Decrypts what came and works on it.
void jc_connection_take_in(struct jc_connection *connection);
/// Works on what came earlier and on what is queued.
void jc_connection_work(struct jc_connection *connection);
void jc_connection_settle(struct jc_connection *connection);

// share.c: no client keeps the loop from the others.
/// The share that a turn of the connection uses, to be given back after it; NULL: nothing is left of it in
/// this round. The connection's events come again in the next one.
struct jc_share *jc_share_take(struct jc_connection *connection);
void jc_share_give(struct jc_share *share);

// intake.c
/// Takes requests from `bytes`; the length taken.
size_t jc_intake_take(struct jc_connection *connection, char *bytes, size_t length);
/// Answers the request that is being read, and closes.
void jc_intake_refuse(struct jc_connection *connection, int status, const char *detail);

// exchange.c
void jc_exchange_open(struct jc_connection *connection, const struct jc_head *head);
void jc_exchange_close(struct jc_connection *connection, bool complete);

// reply.c
/// Appends reply bytes where they are due: the batch at work, or the connection's queue.
void jc_reply_put(struct jc_connection *connection, const void *bytes, size_t length);
/// Room for `length` reply bytes in one piece; NULL: out of memory, and the connection breaks. What is
/// written there counts after `jc_reply_commit`.
char *jc_reply_room(struct jc_connection *connection, size_t length);
void jc_reply_commit(struct jc_connection *connection, const char *end);
/// Writes a reply's head. `length` -1: not known.
void jc_reply_head(struct jc_exchange *exchange, int status, const char *type, const char *headers,
                   int64_t length);
/// Answers with what `refusal` of the connection says, and closes.
void jc_reply_refused(struct jc_connection *connection);

// stream.c
/// Closes the exchange when its reply is all on its way.
void jc_stream_finish(struct jc_connection *connection);

// pump.c
/// Sends queued replies as far as the socket takes them. Calls `writable` and `ended`.
void jc_pump(struct jc_connection *connection);

// problem.c
/// The JSON of a problem; freed by the caller. False: out of memory.
bool jc_problem_json(int status, const char *detail, size_t length, struct jc_bytes *out);

// server.c
void jc_server_add(struct jc_server *server, struct jc_connection *connection);
void jc_server_remove(struct jc_server *server, const struct jc_connection *connection);
/// Has what is due looked at from time to time, while there is something to look after.
void jc_server_tick(struct jc_server *server);
/// Has the ready connections resumed at the end of the round.
void jc_server_wake(struct jc_server *server);

// acceptor.c
int jc_acceptor_start(struct jc_server *server) __attribute__((warn_unused_result));
/// Looks at the listener again after an overload.
void jc_acceptor_resume(struct jc_server *server);
void jc_acceptor_stop(struct jc_server *server);

#endif
