#ifndef PLATFORM_TERMINAL_H
#define PLATFORM_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/// What puts a terminal back into the state it had, even when this process is killed (SIGKILL). Any thread.

struct jp_terminal_guard {
    /// The process that watches this one.
    pid_t pid;
    /// A descriptor (close-on-exec) whose end tells it that this one has ended.
    int end;
};

/// What is to be restored. Its pointers need not outlive the call that takes it.
struct jp_terminal_state {
    /// The terminal that `before` is a state of, which it gets if it is still raw: a shell may have been
    /// quicker.
    int keys;
    /// NULL: keys are left as they are.
    const struct termios *_Nullable before;
    /// The terminal that is sent `undo`.
    int screen;
    const char *_Nonnull undo;
};

/// Starts a process that waits for this one's end, and then restores the terminal where that was entered
/// last, and not left. It has a session of its own, so that no signal of the terminal's reaches it, and ends
/// with this process. 0, or a negative errno.
int jp_terminal_guard_start(const struct jp_terminal_state *_Nonnull state,
                            struct jp_terminal_guard *_Nonnull made) __attribute__((warn_unused_result));

/// Tells the watching process that the terminal is about to be changed, or is as it was: at first it is.
void jp_terminal_guard_tell(struct jp_terminal_guard guard, bool is_entered);

/// Ends the watching process, which leaves the terminal as it is; returns when that is gone.
void jp_terminal_guard_end(struct jp_terminal_guard guard);

#endif
