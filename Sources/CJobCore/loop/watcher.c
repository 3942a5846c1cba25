#include <jobcore/loop_base.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct jc_watcher {
    struct event event;
    jc_callback callback;
    void *context;
};

struct jc_timer {
    struct jc_watcher watcher;
};

/// The callback may free the watcher: nothing of it is touched afterwards.
static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_watcher *watcher = context;
    watcher->callback(watcher->context);
}

static void *make(struct jc_loop *loop, int fd, short what, jc_callback callback, void *context)
{
    struct jc_watcher *watcher = malloc(sizeof *watcher);
    if (watcher == NULL)
        return NULL;
    *watcher = (struct jc_watcher){.callback = callback, .context = context};
    event_assign(&watcher->event, jc_loop_base(loop), fd, what, on_event, watcher);
    return watcher;
}

static int watch(struct jc_loop *loop, int fd, short what, jc_callback callback, void *context,
                 struct jc_watcher **out)
{
    struct jc_watcher *watcher = make(loop, fd, what, callback, context);
    errno = 0;
    if (watcher != NULL && event_add(&watcher->event, NULL) == 0) {
        *out = watcher;
        return 0;
    }
    int error = errno != 0 ? errno : ENOMEM;
    free(watcher);
    return -error;
}

int jc_signal_new(struct jc_loop *loop, int signo, jc_callback callback, void *context,
                  struct jc_watcher **out)
{
    return watch(loop, signo, EV_SIGNAL | EV_PERSIST, callback, context, out);
}

int jc_readable_new(struct jc_loop *loop, int fd, jc_callback callback, void *context,
                    struct jc_watcher **out)
{
    return watch(loop, fd, EV_READ | EV_PERSIST, callback, context, out);
}

void jc_watcher_free(struct jc_watcher *watcher)
{
    if (watcher != NULL)
        event_del(&watcher->event);
    free(watcher);
}

int jc_timer_new(struct jc_loop *loop, jc_callback callback, void *context, struct jc_timer **out)
{
    struct jc_timer *timer = make(loop, -1, 0, callback, context);
    if (timer == NULL)
        return -ENOMEM;
    *out = timer;
    return 0;
}

int jc_timer_start(struct jc_timer *timer, uint64_t milliseconds)
{
    const uint64_t longest = UINT64_C(1000) * 60 * 60 * 24 * 365;
    if (milliseconds > longest)
        milliseconds = longest;
    const struct timeval delay = {(time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)};
    return event_add(&timer->watcher.event, &delay) == 0 ? 0 : -ENOMEM;
}

void jc_timer_fire(struct jc_timer *timer)
{
    event_active(&timer->watcher.event, EV_TIMEOUT, 0);
}

void jc_timer_stop(struct jc_timer *timer)
{
    event_del(&timer->watcher.event);
}

void jc_timer_free(struct jc_timer *timer)
{
    jc_watcher_free((struct jc_watcher *)timer);
}
