#ifndef JOBCORE_HTTP1_H
#define JOBCORE_HTTP1_H

#include "exchange.h"

/// A request's body of which nobody wants the rest is read up to here, so that the connection can be used
/// again.
#define JC_SKIP_MAX ((uint64_t)256 << 10)

enum jc_http1_at { JC_HTTP1_HEAD, JC_HTTP1_BODY, JC_HTTP1_DONE };

/// A connection's state in HTTP/1.1 (RFC 9112): one exchange at a time.
struct jc_http1 {
    struct jc_exchange exchange;

    // The request that is being read: it outlives its exchange when that is answered early.
    enum jc_http1_at at;
    bool chunked;
    struct jw_chunked decoder;
    uint64_t left, taken;  ///< of a length; body bytes so far
    size_t tried, scanned; ///< of an incomplete head: length when it was parsed, length searched for its end

    bool http_1_0;
    bool waits_for_100; ///< the client sends no body before it
    bool sends_chunks;  ///< the reply is chunked
};

// http1_input.c
size_t jc_http1_take(struct jc_connection *connection, char *bytes, size_t length);
bool jc_http1_awaits_body(const struct jc_connection *connection);
void jc_http1_refuse(struct jc_connection *connection, int status, const char *detail);

// http1_head.c
int jc_http1_put_head(struct jc_exchange *exchange, const struct jc_reply_head *head, int64_t length,
                      const void *body);
int jc_http1_put_interim(struct jc_exchange *exchange, const struct jc_reply_head *head);

#endif
