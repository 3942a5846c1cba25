#ifndef JOBCORE_CODEC_H
#define JOBCORE_CODEC_H

#include <jobcore/byte_queue.h>
#include <jobcore/server.h>

struct jc_connection;

/// The protocol that is spoken over a transport; HTTP/1.1 is the one there is. It makes exchanges
/// (exchange.h) of the plain bytes that come, and bytes of their replies.
struct jc_codec_operations {
    size_t state_size; ///< of `codec_state`, which is zero at first

    /// Takes requests from `bytes`. The length taken.
    size_t (*take)(struct jc_connection *connection, char *bytes, size_t length);
    /// Whether it waits for bytes of a request's body.
    bool (*awaits_body)(const struct jc_connection *connection);
    /// Answers the request that is being read, and closes.
    void (*refuse)(struct jc_connection *connection, int status, const char *detail);

    /// Writes a reply's head, and its body with it unless that is to follow. `length` -1: not known. -EINVAL,
    /// and nothing written: a header field that would be taken for another.
    int (*put_head)(struct jc_exchange *exchange, const struct jc_reply_head *head, int64_t length,
                    const void *body);
    /// Writes an interim reply's head, unless the peer cannot know of such. -EINVAL as above.
    int (*put_interim)(struct jc_exchange *exchange, const struct jc_reply_head *head);
    void (*put_body)(struct jc_exchange *exchange, const void *bytes, size_t length);
    void (*put_end)(struct jc_exchange *exchange);
    /// Fills the batch with what the socket may have next of replies, files included, and closes exchanges
    /// whose replies are all on their way.
    void (*fill)(struct jc_connection *connection, struct jc_bytes *batch);
};
extern const struct jc_codec_operations jc_http1;

#endif
