#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/// The descriptors of a state one after the other; NULL after the last.
static int *descriptor(struct jc_job_state *state, size_t index)
{
    int *const fds[] = {&state->pidfd,   &state->checkpoint, &state->stdin_write, &state->pipe[0],
                        &state->pipe[1], &state->file[0],    &state->file[1],     NULL};
    return fds[index];
}

static void set_close_on_exec(struct jc_job_state *state, int flag)
{
    for (size_t i = 0; descriptor(state, i) != NULL; i++)
        if (*descriptor(state, i) >= 0)
            fcntl(*descriptor(state, i), F_SETFD, flag);
}

void jc_job_describe(const struct jc_job *job, struct jc_job_state *out)
{
    *out = job->state;
    out->cgroup = job->launch.cgroup != NULL ? (int64_t)job->launch.cgroup->number : -1;
}

int jc_job_export(struct jc_job *job, struct jc_job_state *out)
{
    if (job->phase != JC_RUNNING || job->reaped || job->launch.error != 0)
        return -EAGAIN;
    jc_job_describe(job, out);
    set_close_on_exec(out, 0);
    return 0;
}

void jc_job_keep(struct jc_job *job)
{
    set_close_on_exec(&job->state, FD_CLOEXEC);
}

static int attach(struct jc_job *job)
{
    int status = 0;
    if (job->state.cgroup >= 0)
        status = jc_cgroup_adopt(job->engine, (unsigned)job->state.cgroup, &job->launch.cgroup);
    if (status == 0)
        status = jc_job_watch(job);
    if (status == 0 && job->state.deadline != INT64_MAX) {
        int64_t left = job->state.deadline - jp_monotonic_ms();
        jc_engine_set_deadline(job, left > 0 ? left : 0);
    }
    return status;
}

/// Lets the descriptors be the caller's, as if they had never been this job's.
static void give_back(struct jc_job *job)
{
    for (int i = 0, *fd; (fd = descriptor(&job->state, (size_t)i)) != NULL; i++) {
        if (*fd >= 0)
            jc_engine_unwatch(job->engine, *fd);
        *fd = -1;
    }
}

void jc_job_state_close(struct jc_job_state *state)
{
    for (int i = 0, *fd; (fd = descriptor(state, (size_t)i)) != NULL; i++) {
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
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
    job->state = *state;
    job->phase = JC_RUNNING;
    job->launch.pid = state->pid;
    job->stop_grace = state->grace_ms;
    job->stop_asked = state->term_sent;
    jc_job_keep(job);
    status = attach(job);
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
