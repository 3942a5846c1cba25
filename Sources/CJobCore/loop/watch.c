#include <jobcore/loop_base.h>

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

struct watch {
    struct event *event;
    jc_callback callback;
    void *context;
};
struct jc_signal {
    struct watch watch;
};
struct jc_readable {
    struct watch watch;
};

/// The callback may free the watch: nothing of it is touched afterwards.
static void on_event(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct watch *watch = context;
    watch->callback(watch->context);
}

static int watch_new(struct jc_loop *loop, int fd, short what, jc_callback callback, void *context,
                     struct watch **out)
{
    struct watch *watch = malloc(sizeof *watch);
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct watch){NULL, callback, context};
    watch->event = event_new(jc_loop_base(loop), fd, (short)(what | EV_PERSIST), on_event, watch);
    errno = 0;
    if (watch->event != NULL && event_add(watch->event, NULL) == 0) {
        *out = watch;
        return 0;
    }
    int error = errno != 0 ? errno : ENOMEM;
    if (watch->event != NULL)
        event_free(watch->event);
    free(watch);
    return -error;
}

static void watch_free(struct watch *watch)
{
    event_free(watch->event);
    free(watch);
}

int jc_signal_new(struct jc_loop *loop, int signo, jc_callback callback, void *context,
                  struct jc_signal **out)
{
    struct watch *watch;
    int status = watch_new(loop, signo, EV_SIGNAL, callback, context, &watch);
    if (status == 0)
        *out = (struct jc_signal *)watch;
    return status;
}

void jc_signal_free(struct jc_signal *signal)
{
    if (signal != NULL)
        watch_free(&signal->watch);
}

int jc_readable_new(struct jc_loop *loop, int fd, jc_callback callback, void *context,
                    struct jc_readable **out)
{
    struct watch *watch;
    int status = watch_new(loop, fd, EV_READ, callback, context, &watch);
    if (status == 0)
        *out = (struct jc_readable *)watch;
    return status;
}

void jc_readable_free(struct jc_readable *readable)
{
    if (readable != NULL)
        watch_free(&readable->watch);
}
