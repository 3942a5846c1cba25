#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

// A job's terminal is a pseudo-terminal (pty(7)). The master is held as an open standard input is, since
// closing it is what hangs the terminal up. Its output goes through a pipe that this process alone writes to:
// a terminal cannot be spliced into a file, and a kill between read(2) and write(2) would lose bytes. The
// kernel takes them from terminal to pipe and from pipe to file, each in one step, and the keeper holds both
// the master and the pipe's read end.
//
// That all processes have closed it (EIO) is no end: the job may open it again. Its output ends when its tree
// is gone, or when its input is closed.

/// The line discipline holds no more: it takes one of the pipe's buffers.
#define PIECE 4096

/// The job's side, of the job's user; its group and mode are those of devpts (grantpt(3)).
static int open_slave(int master, const struct jc_launch *launch, int *out)
{
    const struct winsize size = {.ws_row = launch->rows, .ws_col = launch->columns};
    const uid_t uid = launch->identity->uid;
    const int locked = 0;
    if (ioctl(master, TIOCSPTLCK, &locked) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
        return -errno;
    const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return -errno;
    if (uid != (uid_t)-1 && uid != geteuid() && fchown(slave, uid, (gid_t)-1) < 0) {
        int status = -errno;
        close(slave);
        return status;
    }
    *out = slave;
    return 0;
}

static unsigned long number_in(const char *path)
{
    char text[JC_SMALL_FILE];
    return jc_small_file_read(AT_FDCWD, path, text) ? strtoul(text, NULL, 10) : 0;
}

/// The kernel has 4,096 for all of the host: the last quarter is left for whoever logs in to see what is
/// wrong. Where they cannot be counted there is room.
static bool has_room(void)
{
    const unsigned long most = number_in("/proc/sys/kernel/pty/max");
    return most == 0 || number_in("/proc/sys/kernel/pty/nr") < most - most / 4;
}

int jc_terminal_open(struct jc_job *job)
{
    struct jc_job_state *state = &job->state;
    int slave, fds[2];
    job->launch.stage = "terminal";
    state->is_terminal = true;
    if (!has_room()) {
        job->launch.stage = "terminal: three quarters of the host's (kernel.pty.max) are in use";
        return -ENOSPC;
    }
    if ((state->stdin_write = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return -errno;
    int status = open_slave(state->stdin_write, &job->launch, &slave);
    if (status == 0)
        status = jc_pad_put(job->launch.pad, 0, slave);
    if (status < 0)
        return status;
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    state->pipe[JC_STDOUT] = fds[0];
    state->terminal_pipe = fds[1];
    return 0;
}

int jc_terminal_reopen(struct jc_job_state *state)
{
    char path[32];
    if (!state->is_terminal || state->stdin_write < 0 || state->pipe[JC_STDOUT] < 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", state->pipe[JC_STDOUT]);
    state->terminal_pipe = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    return state->terminal_pipe < 0 ? -errno : 0;
}

int jc_terminal_watch(struct jc_job *job)
{
    if (job->state.terminal_pipe < 0)
        return 0;
    // By edges: while no process has it open it is hung up, and room for input is nearly always.
    return jc_engine_watch(job, job->state.stdin_write, JC_WATCH_TERMINAL, EPOLLIN | EPOLLOUT | EPOLLET);
}

/// Whether it holds output that is not in the pipe. False: it is closed.
static bool has_output(const struct jc_job *job)
{
    if (job->state.terminal_pipe < 0)
        return false;
    struct pollfd look = {.fd = job->state.stdin_write, .events = POLLIN};
    return poll(&look, 1, 0) > 0 && (look.revents & POLLIN) != 0;
}

/// For Linux 5.10, which cannot splice from a terminal (EINVAL): bytes between the two would be lost with
/// this process.
static ssize_t copy(struct jc_job *job)
{
    const struct jc_job_state *state = &job->state;
    struct pollfd look = {.fd = state->terminal_pipe, .events = POLLOUT};
    // Where there is room for anything a piece is taken whole (pipe(7), PIPE_BUF).
    if (poll(&look, 1, 0) <= 0 || (look.revents & POLLOUT) == 0)
        return errno = EAGAIN, -1;
    if (state->checkpoint >= 0)
        jc_checkpoint_void(job);
    ssize_t count = read(state->stdin_write, job->engine->buffer, PIECE);
    return count > 0 ? write(state->terminal_pipe, job->engine->buffer, (size_t)count) : count;
}

static ssize_t move(struct jc_job *job)
{
    const struct jc_job_state *state = &job->state;
    ssize_t count = splice(state->stdin_write, NULL, state->terminal_pipe, NULL, PIECE, SPLICE_F_NONBLOCK);
    return count < 0 && errno == EINVAL ? copy(job) : count;
}

void jc_terminal_pump(struct jc_job *job)
{
    if (job->state.terminal_pipe < 0)
        return;
    ssize_t count;
    do {
        count = move(job);
    } while (count > 0 || (count < 0 && errno == EINTR));
    if (job->tree_gone && !has_output(job))
        jc_terminal_close(job);
}

void jc_terminal_close(struct jc_job *job)
{
    struct jc_job_state *state = &job->state;
    if (state->terminal_pipe < 0)
        return;
    jc_engine_unwatch(job->engine, state->stdin_write);
    close(state->stdin_write);
    close(state->terminal_pipe);
    state->stdin_write = state->terminal_pipe = -1;
}

void jc_terminal_hang_up(struct jc_job *job)
{
    // A successor of this process that finds it noted drops what the terminal holds: that is taken before.
    jc_drain(job, JC_STDOUT, true);
    job->hangs_up = job->holds_output && has_output(job);
    if (job->hangs_up)
        return;
    job->state.stdin_closed = true;
    jc_checkpoint_note(job);
    jc_terminal_close(job);
}

int jc_job_resize(struct jc_job *job, uint16_t rows, uint16_t columns)
{
    const struct winsize size = {.ws_row = rows, .ws_col = columns};
    if (job->phase != JC_RUNNING || job->reaped)
        return -ESRCH;
    if (job->state.terminal_pipe < 0)
        return -ENOTTY;
    return ioctl(job->state.stdin_write, TIOCSWINSZ, &size) < 0 ? -errno : 0;
}
