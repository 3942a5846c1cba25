#include "engine_private.h"

#include <errno.h>

// A job whose process does not come to exec: its file is on a file system that hangs, somebody holds a lease
// on it, or its cgroup is frozen. It is looked at from time to time, and killed after its time.

#define LOOK_AGAIN_MS 20
/// After KILL, which does not reach one that waits in the kernel.
#define LEAVE_MS 2000

static void begin(struct jc_job *job)
{
    job->phase = JC_STARTING;
    job->state.pid = job->launch.pid;
    job->start_limit_ms = jp_monotonic_ms() + (int64_t)job->engine->options.launch_ms;
}

void jc_start_watch(struct jc_job *job)
{
    jc_launch_began(job);
    begin(job);
    // Should it fail, it is tried again when the program runs.
    if (job->launch.pidfd >= 0)
        (void)!jc_job_watch(job);
    jc_engine_set_deadline(job, LOOK_AGAIN_MS);
}

static void tell_wait(struct jc_job *job)
{
    job->is_wait_told = true;
    if (job->events->start_waits != NULL)
        job->events->start_waits(job->context);
}

void jc_start_wait(struct jc_job *job)
{
    begin(job);
    tell_wait(job);
    if (job->stop_asked)
        jc_start_stop(job);
    jc_engine_set_deadline(job, LOOK_AGAIN_MS);
}

void jc_start_stop(struct jc_job *job)
{
    const int64_t limit = jp_monotonic_ms() + (int64_t)job->stop_grace;
    if (limit < job->start_limit_ms)
        job->start_limit_ms = limit;
    jc_engine_set_deadline(job, 0);
}

static int reason(const struct jc_job *job)
{
    return job->stop_asked ? ECANCELED : ETIMEDOUT;
}

static void end(struct jc_job *job)
{
    struct jc_launch *launch = &job->launch;
    jc_engine_clear_deadline(job);
    int status = jc_spawn_end(launch);
    jc_launch_leave_pad(job);
    if (status < 0) {
        jc_drains_close(job);
        jc_launch_failed(job, status);
    } else {
        jc_launch_succeeded(job);
    }
    if (status == 0 && job->state.kill_sent)
        jc_job_give_up(job, reason(job), "start");
    else
        jc_job_launched(job);
}

void jc_start_check(struct jc_job *job)
{
    const int64_t now = jp_monotonic_ms();
    if (!jc_spawn_is_starting(&job->launch))
        return end(job);
    if (!job->is_wait_told && now - job->launch.started_ms >= JC_SOON_MS)
        tell_wait(job);
    if (!job->state.kill_sent && now >= job->start_limit_ms) {
        job->state.kill_sent = true;
        job->give_up_ms = now + LEAVE_MS;
        jc_spawn_kill(&job->launch);
    } else if (now >= job->give_up_ms) {
        return jc_job_leave(job, reason(job), "start");
    }
    jc_engine_set_deadline(job, LOOK_AGAIN_MS);
}
