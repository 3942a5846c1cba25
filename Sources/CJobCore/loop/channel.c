#include <jobcore/byte_queue.h>
#include <jobcore/loop_base.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <jobcore/channel.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define HEADER 4
/// What a read asks for, so that many messages come in one.
#define CHUNK ((size_t)256 << 10)

struct jc_channel {
    struct jc_loop *loop;
    int fd;
    size_t max;
    struct jc_channel_events events;
    void *context;
    struct event readable, writable;
    struct jc_bytes in, sending;
    size_t needed;   ///< length of the frame that is coming, as far as it is known
    bool deaf;       ///< the peer takes no more, though messages of its own may still have to be read
    bool delivering; ///< inside a callback: a free is put off until it returns
    bool freed;

    pthread_mutex_t lock; ///< of what follows
    struct jc_bytes filling;
    size_t queued;
    bool flush_posted; ///< the posted flush holds the memory of a channel freed meanwhile
    bool closed;
};

static void release(struct jc_channel *channel)
{
    jc_bytes_free(&channel->in);
    jc_bytes_free(&channel->sending);
    jc_bytes_free(&channel->filling);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

static void shut(struct jc_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->closed = true;
    pthread_mutex_unlock(&channel->lock);
    event_del(&channel->readable);
    event_del(&channel->writable);
}

static void fail(struct jc_channel *channel, int error)
{
    if (channel->closed)
        return;
    shut(channel);
    channel->events.closed(channel->context, error);
}

static void release_unless_held(struct jc_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    bool held = channel->flush_posted || channel->delivering;
    pthread_mutex_unlock(&channel->lock);
    if (!held)
        release(channel);
}

void jc_channel_free(struct jc_channel *channel)
{
    if (channel == NULL)
        return;
    channel->freed = true;
    shut(channel);
    close(channel->fd);
    release_unless_held(channel);
}

static uint32_t frame_length(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/// Delivers the whole messages that came. 0 or -EPROTO.
static int deliver(struct jc_channel *channel)
{
    struct jc_bytes *in = &channel->in;
    channel->needed = HEADER;
    while (!channel->closed && jc_bytes_length(in) >= HEADER) {
        size_t length = frame_length(in->data + in->start);
        if (length > channel->max)
            return -EPROTO;
        if (jc_bytes_length(in) < HEADER + length) {
            channel->needed = HEADER + length;
            break;
        }
        const uint8_t *message = in->data + in->start + HEADER;
        channel->events.message(channel->context, message, length);
        jc_bytes_consume(in, HEADER + length);
    }
    return 0;
}

static void take_in(struct jc_channel *channel)
{
    struct jc_bytes *in = &channel->in;
    size_t room = channel->needed > CHUNK ? channel->needed - jc_bytes_length(in) : CHUNK;
    if (jc_bytes_reserve(in, room) < 0) {
        fail(channel, -ENOMEM);
        return;
    }
    ssize_t got = recv(channel->fd, in->data + in->end, in->capacity - in->end, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        fail(channel, got == 0 || errno == ECONNRESET ? 0 : -errno);
        return;
    }
    in->end += (size_t)got;
    int status = deliver(channel);
    if (status < 0)
        fail(channel, status);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_channel *channel = context;
    channel->delivering = true;
    take_in(channel);
    channel->delivering = false;
    if (channel->freed)
        release_unless_held(channel);
}

/// Takes what was collected when all before it is sent. Whether there is anything to send.
static bool next_batch(struct jc_channel *channel)
{
    if (jc_bytes_length(&channel->sending) > 0)
        return true;
    pthread_mutex_lock(&channel->lock);
    struct jc_bytes empty = channel->sending;
    channel->sending = channel->filling;
    channel->filling = empty;
    pthread_mutex_unlock(&channel->lock);
    return jc_bytes_length(&channel->sending) > 0;
}

static void sent(struct jc_channel *channel, size_t length)
{
    jc_bytes_consume(&channel->sending, length);
    pthread_mutex_lock(&channel->lock);
    channel->queued -= length;
    pthread_mutex_unlock(&channel->lock);
}

/// A peer that is gone is told about by the reading side, after its last messages.
static void push_out(struct jc_channel *channel)
{
    while (next_batch(channel)) {
        struct jc_bytes *batch = &channel->sending;
        size_t length = jc_bytes_length(batch);
        ssize_t put = channel->deaf ? (ssize_t)length
                                    : send(channel->fd, batch->data + batch->start, length, MSG_NOSIGNAL);
        if (put >= 0) {
            sent(channel, (size_t)put);
        } else if (errno == EAGAIN) {
            if (event_add(&channel->writable, NULL) != 0)
                fail(channel, -ENOMEM);
            return;
        } else if (errno != EINTR) {
            channel->deaf = true;
        }
    }
    event_del(&channel->writable);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    push_out(context);
}

static void on_flush(void *context)
{
    struct jc_channel *channel = context;
    pthread_mutex_lock(&channel->lock);
    channel->flush_posted = false;
    pthread_mutex_unlock(&channel->lock);
    if (channel->freed)
        release_unless_held(channel);
    else if (!channel->closed && !event_pending(&channel->writable, EV_WRITE, NULL))
        push_out(channel);
}

/// From another thread, and with nothing before it, a frame goes out at once: no other thread has to be woken
/// for it. How many of its bytes did, which is none when the kernel takes none.
static size_t send_at_once(struct jc_channel *channel, const uint8_t *head, const void *bytes, size_t length)
{
    if (channel->queued > 0 || jc_loop_is_current(channel->loop))
        return 0;
    struct iovec parts[2] = {{(void *)(uintptr_t)head, HEADER}, {(void *)(uintptr_t)bytes, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t put = sendmsg(channel->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return put > 0 ? (size_t)put : 0;
}

/// Sends the frame, or appends what is left of it; `*post`: the caller has to post the flush.
static int append(struct jc_channel *channel, const void *bytes, size_t length, bool *post)
{
    if (channel->closed)
        return -EPIPE;
    // First the memory: a frame that was sent in part has to go on.
    if (jc_bytes_reserve(&channel->filling, HEADER + length) < 0)
        return -ENOMEM;
    uint8_t head[HEADER];
    for (unsigned i = 0; i < HEADER; i++)
        head[i] = (uint8_t)(length >> 8 * i);
    size_t put = send_at_once(channel, head, bytes, length);
    size_t left = HEADER + length - put;
    if (left == 0)
        return 0;
    uint8_t *at = channel->filling.data + channel->filling.end;
    size_t of_head = put < HEADER ? HEADER - put : 0;
    memcpy(at, head + HEADER - of_head, of_head);
    memcpy(at + of_head, (const uint8_t *)bytes + length - (left - of_head), left - of_head);
    channel->filling.end += left;
    channel->queued += left;
    *post = !channel->flush_posted;
    channel->flush_posted = true;
    return 0;
}

int jc_channel_send(struct jc_channel *channel, const void *bytes, size_t length)
{
    if (length > channel->max)
        return -EMSGSIZE;
    bool post = false;
    pthread_mutex_lock(&channel->lock);
    int status = append(channel, bytes, length, &post);
    pthread_mutex_unlock(&channel->lock);
    if (!post)
        return status;
    status = jc_loop_post(channel->loop, on_flush, channel);
    if (status < 0) {
        pthread_mutex_lock(&channel->lock);
        channel->flush_posted = false;
        pthread_mutex_unlock(&channel->lock);
    }
    return status;
}

size_t jc_channel_queued(struct jc_channel *channel)
{
    pthread_mutex_lock(&channel->lock);
    size_t queued = channel->queued;
    pthread_mutex_unlock(&channel->lock);
    return queued;
}

static int set_up(struct jc_channel *channel)
{
    struct event_base *base = jc_loop_base(channel->loop);
    event_assign(&channel->readable, base, channel->fd, EV_READ | EV_PERSIST, on_readable, channel);
    event_assign(&channel->writable, base, channel->fd, EV_WRITE | EV_PERSIST, on_writable, channel);
    int flags = fcntl(channel->fd, F_GETFL);
    if (flags < 0 || fcntl(channel->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return event_add(&channel->readable, NULL) == 0 ? 0 : -ENOMEM;
}

int jc_channel_new(struct jc_loop *loop, int fd, size_t max_message, const struct jc_channel_events *events,
                   void *context, struct jc_channel **out)
{
    struct jc_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return -ENOMEM;
    channel->loop = loop;
    channel->fd = fd;
    channel->max = max_message;
    channel->events = *events;
    channel->context = context;
    pthread_mutex_init(&channel->lock, NULL);
    int status = set_up(channel);
    if (status < 0)
        release(channel);
    else
        *out = channel;
    return status;
}
