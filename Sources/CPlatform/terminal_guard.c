#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <platform/terminal.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEFT = 'l', ENTERED = 'e', PATIENCE_MS = 1000 };

static bool is_raw(const struct termios *state)
{
    return (state->c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

static void restore(const struct jp_terminal_state *state)
{
    struct termios now;
    if (state->before != NULL && tcgetattr(state->keys, &now) == 0 && is_raw(&now))
        tcsetattr(state->keys, TCSANOW, state->before);
    // One that takes nothing, stopped by Ctrl-S or so, is not waited for.
    struct pollfd ready = {.fd = state->screen, .events = POLLOUT};
    if (poll(&ready, 1, PATIENCE_MS) == 1 && (ready.revents & POLLOUT) != 0) {
        const ssize_t written = write(state->screen, state->undo, strlen(state->undo));
        (void)written; // There is nobody to tell.
    }
}

/// Gives the descriptors the numbers 0, 1 and so on, and closes all others: nobody is to wait for pipes or
/// connections that this process has by chance.
static bool keep_only(int *const descriptors[], int count)
{
    for (int i = 0; i < count; i++)
        if ((*descriptors[i] = fcntl(*descriptors[i], F_DUPFD, count)) < 0)
            return false;
    for (int i = 0; i < count; i++)
        if ((*descriptors[i] = dup2(*descriptors[i], i)) < 0)
            return false;
    return close_range((unsigned)count, UINT_MAX, 0) == 0;
}

/// In the new process, which may do what is async-signal-safe alone: other threads of the first may have held
/// locks. Every signal is blocked in it.
static _Noreturn void watch(struct jp_terminal_state state, int end)
{
    setsid();
    int *const kept[] = {&end, &state.keys, &state.screen};
    if (!keep_only(kept, 3))
        _exit(1);
    char told = LEFT, next;
    ssize_t count;
    while ((count = read(end, &next, 1)) != 0) {
        if (count == 1)
            told = next;
        else if (errno != EINTR)
            _exit(1);
    }
    if (told == ENTERED)
        restore(&state);
    _exit(0);
}

int jp_terminal_guard_start(const struct jp_terminal_state *state, struct jp_terminal_guard *made)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    sigset_t all, blocked;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &blocked);
    const pid_t pid = fork();
    const int error = errno;
    if (pid == 0) {
        close(ends[1]);
        watch(*state, ends[0]);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return -error;
    }
    *made = (struct jp_terminal_guard){.pid = pid, .end = ends[1]};
    return 0;
}

void jp_terminal_guard_tell(struct jp_terminal_guard guard, bool is_entered)
{
    const char told = is_entered ? ENTERED : LEFT;
    const ssize_t written = write(guard.end, &told, 1);
    (void)written; // Where it is gone nothing can be restored.
}

void jp_terminal_guard_end(struct jp_terminal_guard guard)
{
    jp_terminal_guard_tell(guard, false);
    close(guard.end);
    while (waitpid(guard.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
