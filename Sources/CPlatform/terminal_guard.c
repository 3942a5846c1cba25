#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <platform/terminal.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_raw(const struct termios *state)
{
    return (state->c_lflag & (ICANON | ECHO | ISIG)) == 0;
}

/// In the new process, which may do what is async-signal-safe alone: other threads of the first may have held
/// locks. Every signal is blocked in it.
static _Noreturn void watch(int terminal, int end, const struct termios *before)
{
    setsid();
    // Nobody is to wait for pipes or connections that this process has by chance.
    const int kept = fcntl(end, F_DUPFD, 3), last = fcntl(terminal, F_DUPFD, kept + 1);
    if (kept < 0 || last < 0 || dup2(kept, 0) < 0 || dup2(last, 1) < 0 || close_range(2, UINT_MAX, 0) < 0)
        _exit(1);
    char released;
    ssize_t count;
    do
        count = read(0, &released, 1);
    while (count < 0 && errno == EINTR);
    struct termios now;
    if (count == 0 && tcgetattr(1, &now) == 0 && is_raw(&now))
        tcsetattr(1, TCSANOW, before);
    _exit(0);
}

int jp_terminal_guard_start(int terminal, const struct termios *before, struct jp_terminal_guard *made)
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
        watch(terminal, ends[0], before);
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

void jp_terminal_guard_end(struct jp_terminal_guard guard)
{
    const ssize_t told = write(guard.end, "", 1);
    (void)told; // It is gone, and waited for below.
    close(guard.end);
    while (waitpid(guard.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}
