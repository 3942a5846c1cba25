#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

ssize_t jc_job_stdin_write(struct jc_job *job, const void *bytes, size_t length)
{
    if (job->phase == JC_QUEUED)
        return 0;
    if (job->state.stdin_write < 0 || job->reaped)
        return -EBADF;
    ssize_t count;
    // Of what is pending when this process is killed nobody knows whether the pipe took it.
    job->state.input_pending = length;
    jc_checkpoint_note(job);
    while ((count = write(job->state.stdin_write, bytes, length)) < 0 && errno == EINTR) {
    }
    int error = count < 0 ? errno : 0;
    size_t taken = count < 0 ? 0 : (size_t)count;
    job->state.input_taken += taken;
    job->state.input_pending = 0;
    jc_checkpoint_note(job);
    if (error != 0 && error != EAGAIN)
        return -error;
    job->awaits_room = taken < length;
    if (taken < length && !job->state.is_terminal) {
        int status = jc_engine_watch(job, job->state.stdin_write, JC_WATCH_STDIN, EPOLLOUT | EPOLLONESHOT);
        if (status < 0)
            return status;
    }
    return (ssize_t)taken;
}

void jc_job_stdin_close(struct jc_job *job)
{
    const bool is_open = job->state.stdin_write >= 0;
    // Of one that does not run yet it comes with its start: it would end what is about to become the program.
    if (job->phase != JC_QUEUED && job->phase != JC_STARTING && is_open && job->state.is_terminal)
        return jc_terminal_hang_up(job);
    job->state.stdin_closed = true;
    // Until it is launched, what it has belongs to the launcher's thread.
    if (job->phase == JC_QUEUED || !is_open || job->state.is_terminal)
        return;
    jc_engine_unwatch(job->engine, job->state.stdin_write);
    close(job->state.stdin_write);
    job->state.stdin_write = -1;
    jc_checkpoint_note(job);
}

void jc_job_stdin_event(struct jc_job *job, bool failed)
{
    if (job->events->stdin_ready != NULL)
        job->events->stdin_ready(job->context, failed ? -EPIPE : 0);
}
