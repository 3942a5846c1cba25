#pragma once
#include "histogram.h"
#include "options.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thread drives all connections by epoll; nothing here is used by two threads. What goes wrong ends the
 * program: an error reply, a lost connection, a reply that is not what the mode expects. */

struct connection;
struct load;

/* What a mode does when something happens. */
struct mode {
    const char *name;
    /* The load may begin: called once for each connection, all being open. */
    void (*begin)(struct connection *c);
    /* Adds a request, begun at `begun`, for pace_next; NULL: the mode asks as it pleases. */
    void (*request)(struct connection *c, uint64_t begun);
    /* The connection is open and something came, or it was just opened: the mode reads itself. */
    void (*ready)(struct connection *c);
    /* A reply came. `body` is NULL when it was too long to be kept, `length` its bytes all the same. */
    void (*reply)(struct connection *c, int status, const char *body, size_t length);
    /* The next bytes of a body that is not kept whole; NULL: nobody looks at them. */
    void (*piece)(struct connection *c, const char *bytes, size_t count);
    /* The handshake is over and the server's ticket is here, which it sends only to a client it lets in. */
    void (*ticket)(struct connection *c);
    /* The mode's own members of the JSON line, each begun by a comma. */
    void (*print)(struct load *load, FILE *out);
    /* Connections do not begin with TLS. */
    bool is_raw;
    /* Connections are opened by `begin`, not before it. */
    bool opens_itself;
    /* What is done is not the reply to one request: the mode counts it. */
    bool counts_itself;
    /* Ends by `finished` of all connections, not by time. */
    bool runs_to_its_end;
};

/* Bytes between `from` and `to` are valid. */
struct bytes {
    char *start;
    size_t from, to, capacity;
};

enum { STAGE_COUNT = 5 };

struct connection {
    struct load *load;
    int number, fd;
    SSL *ssl;
    bool shaken, wants_write, ticketed, finished;
    struct bytes in, out;
    /* The reply that is coming: bytes of a long body that are still to come, or of a chunk. */
    int status;
    bool streaming, chunked, chunk_open;
    uint64_t left, streamed;
    /* When each request that is open was begun, or was to be begun. */
    uint64_t begun[MOST_DEPTH];
    unsigned first, open;
    uint64_t issued;
    SSL_SESSION *session;
    /* Of the modes that run jobs. */
    int stage;
    uint64_t job_begun, stage_begun;
    char (*ids)[64];
    int id_count, id_next;
    /* A line that is not whole yet. */
    struct bytes line;
};

struct load {
    struct options options;
    const struct mode *mode;
    SSL_CTX *tls;
    int epoll;
    struct connection *connections;
    int open_count, finished_count;
    bool measuring, stopping;
    uint64_t start, measured_from, measured_to, cpu[MOST_PIDS], children[MOST_PIDS];
    uint64_t done, bytes;
    struct histogram latency, stages[STAGE_COUNT];
};

/* connection.c */
void connection_open(struct connection *c);
void connection_close(struct connection *c);
void connection_ready(struct connection *c);
/* Its events are looked at no more. */
void connection_ignore(struct connection *c);
/* Adds a request, begun at `begun`; connection_flush sends what was added. */
void connection_add(struct connection *c, const char *request, size_t length, uint64_t begun);
void connection_flush(struct connection *c);
/* The mode has nothing more to do with it. */
void connection_finish(struct connection *c);

/* reply.c: takes what is in `c->in`; calls the mode for each reply that is complete. */
void reply_parse(struct connection *c);

/* bytes.c */
char *bytes_room(struct bytes *b, size_t count);

/* tls.c */
SSL_CTX *tls_make(const struct options *options);
_Noreturn void tls_fail(const struct connection *c, const char *what, int result);
struct connection *tls_connection(const SSL *ssl);
void tls_attach(struct connection *c);

/* pace.c: the open loop. */
void get_add(struct connection *c, uint64_t begun);
/* Begins the requests that are due; nanoseconds until the next one, UINT64_MAX when there is none. */
uint64_t pace(struct load *load, uint64_t now);
void pace_next(struct connection *c);

/* modes */
extern const struct mode mode_get, mode_handshake, mode_resume, mode_jobs, mode_run, mode_download, mode_idle,
    mode_hold, mode_put, mode_flood, mode_slow_handshake, mode_slow_head, mode_slow_body, mode_deaf;

/* mode_hold.c: looks at all jobs (stage 0), or deletes them (1). */
void hold_begin(struct connection *c, int stage);
void hold_next(struct connection *c);

/* create.c, shared by those that create jobs: one, or more in a batch; `run` is answered with their ends */
void run_add(struct connection *c, int count, uint64_t begun);
void create_add(struct connection *c, int count, uint64_t begun);
void create_reply(struct connection *c, int status, const char *body, size_t length);
void request_add(struct connection *c, const char *method, const char *id, const char *rest);
