#ifndef JOBCORE_SERVER_PRIVATE_H
#define JOBCORE_SERVER_PRIVATE_H

#include "codec.h"
#include "deadlines.h"
#include "exchange.h"
#include "transport.h"

#include <event2/event_struct.h>
#include <netinet/in.h>
#include <platform/clock.h>
#include <platform/counts.h>

/// Reply bytes given to one write of the transport: whole TLS records of 16 KiB.
#define JC_BATCH_SIZE ((size_t)64 << 10)
/// Input kept for a connection whose exchange goes on; past it nothing is read.
#define JC_PENDING_MAX ((size_t)64 << 10)
/// Bytes queued for a streamed reply.
#define JC_HIGH_WATER ((size_t)256 << 10)
#define JC_LOW_WATER ((size_t)64 << 10)
/// What a connection may send before the others' turn comes.
#define JC_TURN_BYTES ((size_t)512 << 10)
#define JC_FIELDS_MAX 100
#define JC_SHARES 1024
/// "Sun, 06 Nov 1994 08:49:37 GMT"
#define JC_DATE_LENGTH 29

enum jc_phase {
    JC_PHASE_SHAKING,
    JC_PHASE_OPEN,
    JC_PHASE_CLOSING,   ///< no further request; what is queued still goes out
    JC_PHASE_LINGERING, ///< all sent and told; reads on so that the peer sees it before a reset
    JC_PHASE_BROKEN,    ///< to be torn down when control is back in connection.c
};

union jc_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct jc_connection {
    struct jc_server *server;
    struct jc_transport transport;
    const struct jc_codec_operations *codec; ///< with its state once the handshake is done
    void *codec_state;
    LIST_HEAD(, jc_exchange) exchanges; ///< the open ones
    uint32_t slot;
    enum jc_phase phase;
    bool reading, writing, ready, said_goodbye;
    bool progress;       ///< since the deadline was set: a request began, body bytes came, or the peer read
    bool last;           ///< no request is taken after the one that is open
    bool asked_to_close; ///< by the peer, which then sends nothing more
    int refusal;         ///< status each request is answered with, or 0
    const char *refusal_detail;
    int64_t tag;     ///< to whom it is counted; -1: not opened
    void *user;      ///< of the handler
    int64_t until_s; ///< when its certificate expires, since 1970
    struct event readable, writable;
    TAILQ_ENTRY(jc_connection) ready_link;
    struct jc_deadline deadline;
    struct jc_bytes in;    ///< plain bytes not taken yet
    struct jc_bytes queue; ///< plain bytes of replies not given to the transport yet
    struct jc_bytes *sink; ///< where `jc_output_room` made room
    size_t lingered, held; ///< the latter: counted in the budget
    union jc_address peer;
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
    struct jc_server_options options;
    struct jc_handler handler;
    void *context;

    struct event acceptor;
    int listen_fd, spare_fd;
    struct jc_timer *tick;
    int64_t expiry_s;  ///< when certificates were last looked at
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

    struct jc_wire wire;
    /// Buffers that all connections share: what the transport made of the last recv, and the replies of the
    /// connection at work.
    char *plain;
    struct jc_bytes batch;
    struct jc_connection *current; ///< whose `batch` it is
    struct jw_field fields[JC_FIELDS_MAX];
    char date[JC_DATE_LENGTH + 1]; ///< the time of second `date_s`
    int64_t date_s;
};

static inline void jc_server_count(const struct jc_server *server, unsigned cell)
{
    if (server->options.counts != NULL)
        jp_count(server->options.counts + cell, 1);
}

static inline struct jc_connection *jc_connection_of_deadline(struct jc_deadline *deadline)
{
    return (struct jc_connection *)((char *)deadline - offsetof(struct jc_connection, deadline));
}

// connection.c
/// Takes over `fd` unless it fails.
int jc_connection_new(struct jc_server *server, int fd, const union jc_address *peer)
    __attribute__((warn_unused_result));
/// Goes on with what is queued; for calls from outside the connection's own events.
void jc_connection_resume(struct jc_connection *connection);
/// Has `jc_connection_resume` called at the end of the round, always or when the connection is not at work.
void jc_connection_enqueue(struct jc_connection *connection);
void jc_connection_ready(struct jc_connection *connection);
void jc_connection_drain(struct jc_connection *connection);
/// Of one that drains: cuts off a client who is let in no more.
void jc_connection_apply_trust(struct jc_connection *connection, const struct jc_trust *trust);
/// Ends it and what goes on in it.
void jc_connection_cut(struct jc_connection *connection, const char *reason);
void jc_connection_expired(struct jc_connection *connection, enum jc_deadline_kind kind);
/// The peer sends nothing more.
void jc_connection_peer_left(struct jc_connection *connection);
/// A line about the peer for the log.
void jc_connection_failed(struct jc_connection *connection, const char *reason);
void jc_peer_failed(struct jc_server *server, const union jc_address *peer, const char *reason);

// closing.c
void jc_connection_free(struct jc_connection *connection);
void jc_connection_linger(struct jc_connection *connection);
/// Closes the open exchanges: their replies come to nothing.
void jc_connection_drop_exchanges(struct jc_connection *connection);
/// Says goodbye once everything is sent.
void jc_connection_close_in_order(struct jc_connection *connection);

// turn.c: a connection's turn is what happens between an event and jc_connection_settle.
/// Reads what came and works on it.
void jc_connection_take_in(struct jc_connection *connection);
/// Works on what came earlier and on what is queued.
void jc_connection_work(struct jc_connection *connection);
void jc_connection_settle(struct jc_connection *connection);

// share.c: no client keeps the loop from the others.
/// The share that a turn of the connection uses, to be given back after it; NULL: nothing is left of it in
/// this round. The connection's events come again in the next one.
struct jc_share *jc_share_take(struct jc_connection *connection);
void jc_share_give(struct jc_share *share);

// output.c
/// Room for `length` reply bytes in one piece, where they are due: the batch at work, or the connection's
/// queue. NULL: out of memory, and the connection breaks. What is written there counts after
/// `jc_output_commit`.
char *jc_output_room(struct jc_connection *connection, size_t length);
void jc_output_commit(struct jc_connection *connection, const char *end);
/// Appends reply bytes.
void jc_output_put(struct jc_connection *connection, const void *bytes, size_t length);

// account.c
/// Has the budget know what the connection holds now.
void jc_connection_account(struct jc_connection *connection);
bool jc_connection_has_room(const struct jc_connection *connection);
/// Counts a request that is refused since there is no room, and says why.
const char *jc_connection_no_room(const struct jc_connection *connection);

// date.c
/// JC_DATE_LENGTH characters: the time as a Date field says it (RFC 9110 section 5.6.7).
const char *jc_server_date(struct jc_server *server);

// pump.c
/// Sends queued replies as far as the socket takes them. Calls `writable` and `ended`.
void jc_pump(struct jc_connection *connection);

// reason.c
/// The reason phrase of an HTTP status (RFC 9110 section 15).
const char *jc_reason(int status);

// problem.c
/// The JSON of a problem, to be freed by the caller also when it is -ENOMEM.
int jc_problem_json(int status, const char *detail, size_t length, struct jc_bytes *out)
    __attribute__((warn_unused_result));

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
