#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set_close_on_exec(const struct jc_job *job, int flag)
{
    const int fds[] = {job->launch.pidfd,   job->launch.stdin_write, job->checkpoint,    job->stream[0].pipe,
                       job->stream[1].pipe, job->stream[0].file,     job->stream[1].file};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            fcntl(fds[i], F_SETFD, flag);
}

void jc_job_describe(const struct jc_job *job, struct jc_job_state *out)
{
    *out = (struct jc_job_state){
        .pid = job->pid,
        .pidfd = job->launch.pidfd,
        .stdin_write = job->launch.stdin_write,
        .checkpoint = job->checkpoint,
        .cgroup = job->launch.cgroup != NULL ? (int64_t)job->launch.cgroup->number : -1,
        .started_us = job->launch.started_us,
        .output_limit = job->output_limit,
        .grace_ms = job->grace_ms,
        .deadline = job->deadline,
        .input_taken = job->input_taken,
        .input_pending = job->input_pending,
        .limit_action = job->limit_action,
        .term_sent = job->term_sent,
        .kill_sent = job->kill_sent,
        .timed_out = job->timed_out,
        .limit_killed = job->limit_killed,
        .stdin_closed = job->stdin_closed,
        .adopted = job->adopted,
    };
    for (int i = 0; i < 2; i++) {
        out->pipe[i] = job->stream[i].pipe;
        out->file[i] = job->stream[i].file;
        out->kept[i] = job->stream[i].kept;
        out->dropped[i] = job->stream[i].dropped;
        out->output_error[i] = job->stream[i].error;
    }
}

int jc_job_export(struct jc_job *job, struct jc_job_state *out)
{
    if (job->phase != JC_RUNNING || job->reaped || job->launch.error != 0)
        return -EAGAIN;
    jc_job_describe(job, out);
    set_close_on_exec(job, 0);
    return 0;
}

void jc_job_keep(struct jc_job *job)
{
    set_close_on_exec(job, FD_CLOEXEC);
}

static void take_state(struct jc_job *job, const struct jc_job_state *state)
{
    job->phase = JC_RUNNING;
    job->pid = job->launch.pid = state->pid;
    job->launch.pidfd = state->pidfd;
    job->launch.stdin_write = state->stdin_write;
    job->launch.started_us = state->started_us;
    job->output_limit = state->output_limit;
    job->grace_ms = job->stop_grace = state->grace_ms;
    job->limit_action = state->limit_action;
    job->stop_asked = job->term_sent = state->term_sent;
    job->kill_sent = state->kill_sent;
    job->timed_out = state->timed_out;
    job->limit_killed = state->limit_killed;
    job->checkpoint = state->checkpoint;
    job->input_taken = state->input_taken;
    job->input_pending = state->input_pending;
    job->stdin_closed = state->stdin_closed;
    job->adopted = state->adopted;
    for (int i = 0; i < 2; i++)
        job->stream[i] = (struct jc_stream_state){.pipe = state->pipe[i],
                                                  .file = state->file[i],
                                                  .kept = state->kept[i],
                                                  .dropped = state->dropped[i],
                                                  .error = state->output_error[i]};
    set_close_on_exec(job, FD_CLOEXEC);
}

static int attach(struct jc_job *job, const struct jc_job_state *state)
{
    int status = 0;
    if (state->cgroup >= 0)
        status = jc_cgroup_adopt(job->engine, (unsigned)state->cgroup, &job->launch.cgroup);
    if (status == 0)
        status = jc_job_watch(job);
    if (status == 0 && state->deadline != INT64_MAX) {
        int64_t left = state->deadline - jp_monotonic_ms();
        jc_engine_set_deadline(job, left > 0 ? left : 0);
    }
    return status;
}

/// Lets the descriptors be the caller's, as if they had never been this job's.
static void give_back(struct jc_job *job)
{
    int *const fds[] = {&job->launch.pidfd,   &job->launch.stdin_write, &job->checkpoint,
                        &job->stream[0].pipe, &job->stream[1].pipe,     &job->stream[0].file,
                        &job->stream[1].file};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (*fds[i] >= 0)
            jc_engine_unwatch(job->engine, *fds[i]);
        *fds[i] = -1;
    }
}

static int make(struct jc_engine *engine, const char *output_name, const char *marker, struct jc_job **out)
{
    struct jc_job *job = jc_job_make(engine);
    if (job == NULL)
        return -ENOMEM;
    job->output_name = strdup(output_name);
    job->marker = strdup(marker);
    int status = job->output_name != NULL && job->marker != NULL ? jc_engine_add(engine, job) : -ENOMEM;
    if (status == 0) {
        *out = job;
        return 0;
    }
    free(job->output_name);
    free(job->marker);
    free(job);
    return status;
}

int jc_job_import(struct jc_engine *engine, const struct jc_job_state *state, const char *output_name,
                  const char *marker, const struct jc_job_events *events, void *context, struct jc_job **out)
{
    struct jc_job *job = NULL;
    int status = make(engine, output_name, marker, &job);
    if (status < 0)
        return status;
    job->events = events;
    job->context = context;
    take_state(job, state);
    status = attach(job, state);
    if (status < 0) {
        give_back(job);
        if (job->launch.cgroup != NULL)
            jc_cgroup_let_go(job->launch.cgroup);
        jc_job_free(job);
        return status;
    }
    *out = job;
    return 0;
}
