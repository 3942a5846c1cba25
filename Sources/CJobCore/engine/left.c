#include "engine_private.h"

#include <errno.h>

// A job is over, and processes of it are left: they wait in the kernel, or this process may not kill them
// (kill(2)). They are looked for until they are gone, so that the first one is reaped and its cgroup removed.

#define LOOK_AGAIN_MS 1000

void jc_job_leave(struct jc_job *job, int error, const char *stage)
{
    for (int i = 0; i < 2; i++)
        jc_drain(job, (enum jc_stream)i, true);
    jc_drains_close(job);
    if (job->state.pidfd >= 0)
        jc_engine_unwatch(job->engine, job->state.pidfd);
    // Of one that was reaped it is known how it ended.
    if (!job->reaped) {
        job->launch.error = error;
        job->launch.stage = stage;
    }
    job->is_left = true;
    jc_limits_take_usage(job);
    jc_job_finish(job);
    jc_job_stdin_close(job);
    jc_engine_set_deadline(job, LOOK_AGAIN_MS);
}

/// Whether its first process is there no more.
static bool is_first_gone(struct jc_job *job)
{
    struct jc_launch *launch = &job->launch;
    if (job->reaped)
        return true;
    if (launch->pad != NULL) {
        if (jc_spawn_is_starting(launch))
            return false;
        const int status = jc_spawn_end(launch);
        jc_launch_leave_pad(job);
        job->state.pidfd = launch->pidfd;
        if (status < 0)
            return true;
    }
    const int status = jc_exit_status(job);
    if (status == -EAGAIN || status == -ETIMEDOUT)
        return false;
    jc_exit_reap(job);
    return true;
}

void jc_left_check(struct jc_job *job)
{
    struct jc_cgroup *cgroup = job->launch.cgroup;
    job->reaped = is_first_gone(job);
    const bool is_left = !job->reaped || (cgroup != NULL ? jc_cgroup_populated(cgroup) : jc_tree_left(job));
    if (is_left) {
        jc_tree_signal(job, SIGKILL);
        return jc_engine_set_deadline(job, LOOK_AGAIN_MS);
    }
    job->launch.cgroup = NULL;
    if (cgroup != NULL)
        jc_cgroup_give(job->engine, cgroup);
    job->events->gone(job->context);
}
