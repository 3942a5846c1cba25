#ifndef PLATFORM_TERMINAL_H
#define PLATFORM_TERMINAL_H

#include <sys/types.h>
#include <termios.h>

/// What puts a terminal back into the state it had, even when this process is killed (SIGKILL). Any thread.

struct jp_terminal_guard {
    /// The process that watches this one.
    pid_t pid;
    /// A descriptor (close-on-exec) whose end tells it that this one has ended.
    int end;
};

/// Starts a process that waits for this one's end, and then gives `terminal` the state `before`, if it is
/// still raw: a shell may have been quicker. It has a session of its own, so that no signal of the terminal's
/// reaches it, and ends with this process. 0, or a negative errno.
int jp_terminal_guard_start(int terminal, const struct termios *_Nonnull before,
                            struct jp_terminal_guard *_Nonnull made) __attribute__((warn_unused_result));

/// Ends the watching process, which leaves the terminal as it is; returns when that is gone.
void jp_terminal_guard_end(struct jp_terminal_guard guard);

#endif
