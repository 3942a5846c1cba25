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

/// The callback may free the watcher: nothing of it is touched afterwards.
static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_watcher *watcher = context;
    watcher->callback(watcher->context);
}

static int watch(struct jc_loop *loop, int fd, short what, jc_callback callback, void *context,
                 struct jc_watcher **out)
{
    struct jc_watcher *watcher = malloc(sizeof *watcher);
    if (watcher == NULL)
        return -ENOMEM;
    *watcher = (struct jc_watcher){.callback = callback, .context = context};
    event_assign(&watcher->event, jc_loop_base(loop), fd, (short)(what | EV_PERSIST), on_event, watcher);
    errno = 0;
    if (event_add(&watcher->event, NULL) == 0) {
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
    return watch(loop, signo, EV_SIGNAL, callback, context, out);
}

int jc_readable_new(struct jc_loop *loop, int fd, jc_callback callback, void *context,
                    struct jc_watcher **out)
{
    return watch(loop, fd, EV_READ, callback, context, out);
}

void jc_watcher_free(struct jc_watcher *watcher)
{
    if (watcher == NULL)
        return;
    event_del(&watcher->event);
    free(watcher);
}
