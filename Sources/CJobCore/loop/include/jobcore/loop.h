#ifndef JOBCORE_LOOP_H
#define JOBCORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/// An event loop: one libevent base, run by one thread. Everything made on a loop (engine, server, timers,
/// channels) is used from that loop's thread only; `jc_loop_post` and `jc_loop_stop` alone may be called from
/// any.
///
/// Convention of this library: functions return 0 or a negative errno; out-parameters are set on success
/// only.
struct jc_loop;

typedef void (*jc_callback)(void *_Nullable context);

/// A new loop. -ENOMEM, -EMFILE, -ENFILE. The caller frees it with `jc_loop_free`, after everything made on
/// it.
int jc_loop_new(struct jc_loop *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Frees the loop; posts that did not run yet are run first, so that none of their contexts leaks.
void jc_loop_free(struct jc_loop *_Nullable loop);

/// Runs until `jc_loop_stop`. 0, or -EIO when libevent gives up.
int jc_loop_run(struct jc_loop *_Nonnull loop) __attribute__((warn_unused_result));
/// Handles what is ready now and returns without waiting; `wait` true waits for one round of events first.
int jc_loop_step(struct jc_loop *_Nonnull loop, bool wait) __attribute__((warn_unused_result));
/// Ends `jc_loop_run` after the callbacks of this round. Any thread.
void jc_loop_stop(struct jc_loop *_Nonnull loop);
/// Calls `callback(context)` once on the loop's thread, in the order of posting. Any thread. -ENOMEM.
int jc_loop_post(struct jc_loop *_Nonnull loop, jc_callback _Nonnull callback, void *_Nullable context)
    __attribute__((warn_unused_result));
/// Readable when something was posted that has not been called yet. Stays the loop's.
int jc_loop_wake_fd(const struct jc_loop *_Nonnull loop);
/// Calls `callback(context)` at the end of each round of events that called anything else: the place to send
/// what the round collected, in one write. One hook a loop; NULL removes it.
void jc_loop_after_round(struct jc_loop *_Nonnull loop, jc_callback _Nullable callback,
                         void *_Nullable context);

/// A timer on a loop. Not started when new; freed with `jc_timer_free`, also from inside its own callback.
struct jc_timer;
int jc_timer_new(struct jc_loop *_Nonnull loop, jc_callback _Nonnull callback, void *_Nullable context,
                 struct jc_timer *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Fires once after `milliseconds` (restarts a started timer), or some milliseconds earlier: libevent counts
/// from the beginning of a round, by a coarse clock. -ENOMEM.
int jc_timer_start(struct jc_timer *_Nonnull timer, uint64_t milliseconds)
    __attribute__((warn_unused_result));
/// Fires once in this round of the loop. Needs no memory.
void jc_timer_fire(struct jc_timer *_Nonnull timer);
void jc_timer_stop(struct jc_timer *_Nonnull timer);
void jc_timer_free(struct jc_timer *_Nullable timer);

/// A watcher of a signal or of a descriptor; freed with `jc_watcher_free`, also from inside its own callback.
struct jc_watcher;
/// Calls `callback` on the loop's thread for each (coalesced) arrival of signal `signo`.
int jc_signal_new(struct jc_loop *_Nonnull loop, int signo, jc_callback _Nonnull callback,
                  void *_Nullable context, struct jc_watcher *_Nullable *_Nonnull out)
    __attribute__((warn_unused_result));
/// Calls `callback` whenever `fd` is readable (level-triggered). The caller keeps `fd` and closes it after
/// the watcher is freed.
int jc_readable_new(struct jc_loop *_Nonnull loop, int fd, jc_callback _Nonnull callback,
                    void *_Nullable context, struct jc_watcher *_Nullable *_Nonnull out)
    __attribute__((warn_unused_result));
void jc_watcher_free(struct jc_watcher *_Nullable watcher);

#endif
