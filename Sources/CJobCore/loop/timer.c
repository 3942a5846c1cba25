#include <jobcore/loop_base.h>

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct jc_timer {
    struct event event;
    jc_callback callback;
    void *context;
};

/// The callback may free the timer: nothing of it is touched afterwards.
static void on_timeout(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_timer *timer = context;
    timer->callback(timer->context);
}

int jc_timer_new(struct jc_loop *loop, jc_callback callback, void *context, struct jc_timer **out)
{
    struct jc_timer *timer = malloc(sizeof *timer);
    if (timer == NULL)
        return -ENOMEM;
    *timer = (struct jc_timer){.callback = callback, .context = context};
    evtimer_assign(&timer->event, jc_loop_base(loop), on_timeout, timer);
    *out = timer;
    return 0;
}

int jc_timer_start(struct jc_timer *timer, uint64_t milliseconds)
{
    const uint64_t longest = UINT64_C(1000) * 60 * 60 * 24 * 365;
    if (milliseconds > longest)
        milliseconds = longest;
    const struct timeval delay = {(time_t)(milliseconds / 1000), (suseconds_t)(milliseconds % 1000 * 1000)};
    return evtimer_add(&timer->event, &delay) == 0 ? 0 : -ENOMEM;
}

void jc_timer_fire(struct jc_timer *timer)
{
    event_active(&timer->event, EV_TIMEOUT, 0);
}

void jc_timer_stop(struct jc_timer *timer)
{
    evtimer_del(&timer->event);
}

void jc_timer_free(struct jc_timer *timer)
{
    if (timer == NULL)
        return;
    evtimer_del(&timer->event);
    free(timer);
}
