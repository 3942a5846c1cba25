#define _GNU_SOURCE
#include <jobcore/loop_base.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

struct post {
    STAILQ_ENTRY(post) link;
    jc_callback callback;
    void *context;
};

struct jc_loop {
    struct event_base *base;
    struct event wake;
    int wake_fd;
    uint64_t round;
    jc_callback after_round;
    void *after_round_context;
    atomic_bool stopped;
    _Atomic pthread_t runner; ///< the thread inside a round, or 0

    pthread_mutex_t lock; ///< of what follows
    STAILQ_HEAD(posts, post) posts;
    bool woken; ///< the eventfd was written since the list was last taken
};

struct event_base *jc_loop_base(struct jc_loop *loop)
{
    return loop->base;
}

int jc_loop_wake_fd(const struct jc_loop *loop)
{
    return loop->wake_fd;
}

uint64_t jc_loop_round(const struct jc_loop *loop)
{
    return loop->round;
}

bool jc_loop_is_current(struct jc_loop *loop)
{
    return atomic_load(&loop->runner) == pthread_self();
}

static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return NULL;
    struct event_base *base = NULL;
    if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
        base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/// The posts themselves run at the end of the round.
static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what, (void)context;
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
}

static void wake(struct jc_loop *loop)
{
    const uint64_t one = 1;
    ssize_t put = write(loop->wake_fd, &one, sizeof one);
    (void)put; // fails only when the counter is full, and then the loop is awake
}

static int set_up(struct jc_loop *loop)
{
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return -errno;
    errno = 0;
    loop->base = make_base();
    if (loop->base == NULL)
        return errno == EMFILE || errno == ENFILE ? -errno : -ENOMEM;
    event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, NULL);
    return event_add(&loop->wake, NULL) == 0 ? 0 : -ENOMEM;
}

int jc_loop_new(struct jc_loop **out)
{
    struct jc_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return -ENOMEM;
    STAILQ_INIT(&loop->posts);
    pthread_mutex_init(&loop->lock, NULL);
    int status = set_up(loop);
    if (status < 0)
        jc_loop_free(loop);
    else
        *out = loop;
    return status;
}

/// Runs those posted until now; what they post waits for the next call. Whether there was any.
static bool run_posts(struct jc_loop *loop)
{
    struct posts posts = STAILQ_HEAD_INITIALIZER(posts);
    pthread_mutex_lock(&loop->lock);
    STAILQ_CONCAT(&posts, &loop->posts);
    loop->woken = false;
    pthread_mutex_unlock(&loop->lock);
    bool any = !STAILQ_EMPTY(&posts);
    for (struct post *post; (post = STAILQ_FIRST(&posts)) != NULL;) {
        const struct post due = *post;
        STAILQ_REMOVE_HEAD(&posts, link);
        free(post);
        due.callback(due.context);
    }
    return any;
}

static bool has_posts(struct jc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    bool any = !STAILQ_EMPTY(&loop->posts);
    pthread_mutex_unlock(&loop->lock);
    return any;
}

static void call_after_round(struct jc_loop *loop)
{
    if (loop->after_round != NULL)
        loop->after_round(loop->after_round_context);
}

/// Posts made by this thread write no eventfd: either they run at the end of this round, or the next one
/// finds them here and does not sleep.
int jc_loop_step(struct jc_loop *loop, bool wait)
{
    bool sleep = wait && !has_posts(loop) && !atomic_load(&loop->stopped);
    atomic_store(&loop->runner, pthread_self());
    loop->round++;
    int result = event_base_loop(loop->base, EVLOOP_ONCE | (sleep ? 0 : EVLOOP_NONBLOCK));
    run_posts(loop);
    call_after_round(loop);
    if (run_posts(loop))
        call_after_round(loop);
    atomic_store(&loop->runner, (pthread_t)0);
    return result < 0 ? -EIO : 0;
}

int jc_loop_run(struct jc_loop *loop)
{
    int status = 0;
    while (status == 0 && !atomic_load(&loop->stopped))
        status = jc_loop_step(loop, true);
    atomic_store(&loop->stopped, false);
    return status;
}

void jc_loop_stop(struct jc_loop *loop)
{
    atomic_store(&loop->stopped, true);
    if (atomic_load(&loop->runner) != pthread_self())
        wake(loop);
}

int jc_loop_post(struct jc_loop *loop, jc_callback callback, void *context)
{
    struct post *post = malloc(sizeof *post);
    if (post == NULL)
        return -ENOMEM;
    *post = (struct post){.callback = callback, .context = context};
    pthread_mutex_lock(&loop->lock);
    STAILQ_INSERT_TAIL(&loop->posts, post, link);
    bool waking = !loop->woken && atomic_load(&loop->runner) != pthread_self();
    loop->woken = loop->woken || waking;
    pthread_mutex_unlock(&loop->lock);
    if (waking)
        wake(loop);
    return 0;
}

void jc_loop_after_round(struct jc_loop *loop, jc_callback callback, void *context)
{
    loop->after_round = callback;
    loop->after_round_context = context;
}

void jc_loop_free(struct jc_loop *loop)
{
    if (loop == NULL)
        return;
    while (run_posts(loop))
        continue;
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}
