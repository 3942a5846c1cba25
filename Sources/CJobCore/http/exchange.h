#ifndef JOBCORE_EXCHANGE_H
#define JOBCORE_EXCHANGE_H

#include <jobcore/byte_queue.h>
#include <jobcore/server.h>
#include <sys/queue.h>

struct jc_connection;

enum jc_answer { JC_ANSWER_NONE, JC_ANSWER_STREAMING, JC_ANSWER_ENDING };

/// A file whose bytes follow the queued ones.
struct jc_file {
    int fd; ///< -1: none
    uint64_t offset, limit;
};

/// One request and its reply, whatever codec they come and go by, which has the memory.
struct jc_exchange {
    struct jc_connection *connection;
    uint64_t id;                  ///< 0: it is over
    LIST_ENTRY(jc_exchange) link; ///< among the open ones of its connection
    void *user;

    enum jc_body mode;
    bool paused;
    struct jc_bytes body; ///< of a whole body, until its last byte
    size_t passed;        ///< bytes that the handler got and is not done with

    enum jc_answer answer;
    bool bodiless;       ///< the reply has no body, whatever its head says of one
    bool wants_writable; ///< went over the high-water mark
    bool woken;          ///< `woken` is due
    int64_t left;        ///< bytes of the reply's body to come; -1: not known
    struct jc_file file;
};

/// Retry-After: 1
extern const struct jw_field jc_retry_later;

// exchange.c
/// `method` empty: of a request that was not understood.
void jc_exchange_open(struct jc_exchange *exchange, struct jc_connection *connection, struct jw_slice method);
/// Shows the handler the request: afterwards `mode` is what is to become of its body.
void jc_exchange_begin(struct jc_exchange *exchange, const struct jc_request *request);
/// Body bytes, of an exchange whose mode is not JC_BODY_NONE.
void jc_exchange_body(struct jc_exchange *exchange, const char *bytes, size_t length, bool last);
void jc_exchange_close(struct jc_exchange *exchange, bool complete);

// stream.c
/// Whether bytes of its file are still to be sent.
bool jc_exchange_has_file(const struct jc_exchange *exchange);
/// Reads the next of them, `most` at most. How many belong to the reply, or -1, and the connection breaks.
ssize_t jc_exchange_read_file(struct jc_exchange *exchange, void *bytes, size_t most);
/// Closes the exchange when its reply is all on its way.
void jc_exchange_finish(struct jc_exchange *exchange);

// reply.c
/// Writes a reply's head, and its body with it unless that is to follow. `length` -1: not known.
void jc_exchange_put_head(struct jc_exchange *exchange, const struct jc_reply_head *head, int64_t length,
                          const void *body);

#endif
