#ifndef JOBCORE_CHANNEL_H
#define JOBCORE_CHANNEL_H

#include <jobcore/loop.h>
#include <stddef.h>
#include <sys/types.h>

/// A bounded message channel over one end of a stream socketpair: frames of a 4-byte little-endian length and
/// that many bytes. Messages are collected and written once a round of the loop, in one call.
struct jc_channel;

struct jc_channel_events {
    /// One whole message. `bytes` live during the call only.
    void (*_Nonnull message)(void *_Nullable context, const uint8_t *_Nonnull bytes, size_t length);
    /// The peer is gone (0) or broke the protocol (-EPROTO: a frame over the limit) or the socket failed.
    /// Called once; nothing else follows. The owner frees the channel, here or later.
    void (*_Nonnull closed)(void *_Nullable context, int error);
};

/// Takes over `fd` (made non-blocking; closed by `jc_channel_free`). `max_message`: largest frame accepted
/// and sent, in bytes.
int jc_channel_new(struct jc_loop *_Nonnull loop, int fd, size_t max_message,
                   const struct jc_channel_events *_Nonnull events, void *_Nullable context,
                   struct jc_channel *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
void jc_channel_free(struct jc_channel *_Nullable channel);

/// Queues a copy of a message. Any thread. -EMSGSIZE over the limit, -ENOMEM, -EPIPE after `closed`.
int jc_channel_send(struct jc_channel *_Nonnull channel, const void *_Nonnull bytes, size_t length)
    __attribute__((warn_unused_result));
/// Bytes queued and not yet taken by the kernel: what a sender looks at before it accepts more work. Any
/// thread.
size_t jc_channel_queued(struct jc_channel *_Nonnull channel);

#endif
