#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/// Of a stream whose writers are gone: more than a pipe holds, unless its owner made it larger.
#define MOST_AT_THE_END (4 << 20)

int jc_output_open(const struct jc_engine *engine, const char *output_name, enum jc_stream stream, int flags)
{
    const struct jc_engine_options *options = &engine->options;
    char name[256];
    int length =
        snprintf(name, sizeof name, "%s%s", output_name, stream == JC_STDOUT ? ".stdout" : ".stderr");
    if (length >= (int)sizeof name)
        return -ENAMETOOLONG;
    int fd = openat(options->output_dir, name, O_WRONLY | O_CLOEXEC | flags, options->output_mode);
    return fd < 0 ? -errno : fd;
}

static int make_file(const struct jc_job *job, enum jc_stream stream)
{
    int fd = jc_output_open(job->engine, job->output_name, stream, O_CREAT | O_TRUNC);
    if (fd < 0)
        return fd;
    // The process's umask may have taken bits away.
    const mode_t mode = job->engine->options.output_mode;
    int status = (mode & 077) != 0 && fchmod(fd, mode) < 0 ? -errno : 0;
    if (status < 0)
        close(fd);
    return status < 0 ? status : fd;
}

/// After a failed write nothing more is kept: a file with a hole in it would be worse than a short one.
static void lose(struct jc_job *job, enum jc_stream stream, int error)
{
    job->state.output_error[stream] = error;
    if (job->events->output_failed != NULL)
        job->events->output_failed(job->context, stream, error);
}

/// Writes all; the number of bytes written.
static size_t write_file(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length)
{
    const int file = job->state.file[stream];
    size_t done = 0;
    while (done < length) {
        ssize_t count = write(file, bytes + done, length - done);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0) {
            lose(job, stream, errno);
            break;
        }
        done += (size_t)count;
    }
    return done;
}

/// How many of `length` bytes are to be kept, with a file to keep them in.
static size_t make_room(struct jc_job *job, enum jc_stream stream, size_t length)
{
    struct jc_job_state *state = &job->state;
    if (state->output_error[stream] != 0 || state->kept[stream] >= job->state.output_limit)
        return 0;
    if (state->file[stream] < 0 && length > 0 && !job->holds_output) {
        int fd = make_file(job, stream);
        if (fd < 0) {
            lose(job, stream, -fd);
            return 0;
        }
        state->file[stream] = fd;
    }
    const uint64_t left = job->state.output_limit - state->kept[stream];
    return left < length ? (size_t)left : length;
}

static void tell_kept(struct jc_job *job, enum jc_stream stream, size_t length)
{
    job->state.kept[stream] += length;
    if (length > 0 && job->events->output != NULL)
        job->events->output(job->context, stream, length);
}

/// Where the output goes now, a file or memory; the rest is dropped. The number of bytes written.
static size_t put(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length)
{
    const size_t room = make_room(job, stream, length);
    size_t written = 0;
    if (room > 0)
        written =
            job->holds_output ? jc_held_add(job, stream, bytes, room) : write_file(job, stream, bytes, room);
    job->state.dropped[stream] += length - written;
    // As after a failed write: what comes later would follow a hole.
    if (job->holds_output && written < room)
        lose(job, stream, ENOMEM);
    return written;
}

static void keep(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length)
{
    const size_t written = put(job, stream, bytes, length);
    tell_kept(job, stream, written);
    if (written < length)
        jc_checkpoint_note(job);
}

void jc_drain_put(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length)
{
    job->state.kept[stream] -= length;
    job->state.kept[stream] += put(job, stream, bytes, length);
}

/// Takes what is in the pipe into the file by splice(2): a kill before it leaves the bytes in the pipe, one
/// after it finds them in the file. As read(2), with -ENOTSUP in errno where reading is to be tried instead.
static ssize_t move(struct jc_job *job, enum jc_stream stream)
{
    struct jc_job_state *state = &job->state;
    // No file is made for a stream that ends empty. What comes after this look is left in the pipe.
    struct pollfd look = {.fd = state->pipe[stream], .events = POLLIN};
    if (state->file[stream] < 0 && poll(&look, 1, 0) >= 0 && (look.revents & POLLIN) == 0)
        return errno = EAGAIN, (look.revents & POLLHUP) != 0 ? 0 : -1;
    size_t room = make_room(job, stream, JC_PIPE_LARGE);
    if (room == 0)
        return errno = ENOTSUP, -1;
    ssize_t count = splice(state->pipe[stream], NULL, state->file[stream], NULL, room, SPLICE_F_NONBLOCK);
    if (count > 0)
        tell_kept(job, stream, (size_t)count);
    if (count >= 0 || errno == EAGAIN || errno == EINTR)
        return count;
    // A file system that cannot: bytes between the pipe and the file would be lost with this process.
    if (errno == EINVAL)
        jc_checkpoint_void(job);
    else
        lose(job, stream, errno);
    return errno = ENOTSUP, -1;
}

/// How much may be read from the pipe at once. 0: what is in memory is to become a file first.
static size_t most_at_once(const struct jc_job *job, enum jc_stream stream)
{
    const struct jc_job_state *state = &job->state;
    const bool is_dropped = state->output_error[stream] != 0 || state->kept[stream] >= state->output_limit;
    if (!job->holds_output || is_dropped)
        return JC_PIPE_LARGE;
    return jc_held_room(job, stream);
}

static ssize_t take(struct jc_job *job, enum jc_stream stream)
{
    ssize_t count = -1;
    const size_t most = most_at_once(job, stream);
    if (most == 0) {
        jc_held_wait(job, stream);
        return errno = EAGAIN, -1;
    }
    errno = ENOTSUP;
    if (job->state.checkpoint >= 0)
        count = move(job, stream);
    if (count >= 0 || errno != ENOTSUP)
        return count;
    count = read(job->state.pipe[stream], job->engine->buffer, most);
    if (count > 0)
        keep(job, stream, job->engine->buffer, (size_t)count);
    return count;
}

static void check_limit(struct jc_job *job)
{
    bool over = job->state.dropped[0] > 0 || job->state.dropped[1] > 0;
    if (!over || job->state.limit_action != JC_LIMIT_KILL || job->state.limit_killed || job->reaped)
        return;
    if (job->state.output_error[0] == 0 && job->state.output_error[1] == 0) {
        job->state.limit_killed = true;
        jc_job_stop(job, 0);
    }
}

void jc_drain_close(struct jc_job *job, enum jc_stream stream)
{
    if (stream == JC_STDOUT)
        jc_terminal_close(job);
    jc_pipe_size_forget(job, stream);
    jc_engine_unwatch(job->engine, job->state.pipe[stream]);
    close(job->state.pipe[stream]);
    job->state.pipe[stream] = -1;
}

void jc_drains_close(struct jc_job *job)
{
    for (int i = 0; i < 2; i++)
        if (job->state.pipe[i] >= 0)
            jc_drain_close(job, (enum jc_stream)i);
}

void jc_drain(struct jc_job *job, enum jc_stream stream, bool all)
{
    struct jc_job_state *state = &job->state;
    // A megabyte a round: the other jobs have their turn. Nor does `all` mean for ever: a process outside the
    // tree may have the pipe and go on writing.
    const size_t most = all ? MOST_AT_THE_END : JC_PIPE_LARGE;
    for (size_t taken = 0; state->pipe[stream] >= 0 && taken < most;) {
        jc_terminal_pump(job);
        ssize_t count = take(job, stream);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            break;
        if (count <= 0) {
            jc_drain_close(job, stream);
            break;
        }
        taken += (size_t)count;
        job->engine->drained += (size_t)count;
        jc_pipe_resize(job, stream, (size_t)count);
        if (!all && count < JC_PIPE_SMALL)
            break;
    }
    // The pipe says that there is more, which the terminal does once.
    jc_terminal_pump(job);
    check_limit(job);
}
