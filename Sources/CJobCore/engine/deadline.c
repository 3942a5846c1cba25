#include "engine_private.h"

#include <errno.h>

void jc_engine_set_deadline(struct jc_job *job, int64_t after_ms)
{
    job->state.deadline = after_ms > INT64_MAX / 2 ? INT64_MAX / 2 : jp_monotonic_ms() + after_ms;
    // Without memory to wait for its time it comes at once: rather early than never, since it may be the
    // KILL.
    if (jc_timer_start(job->timer, (uint64_t)after_ms) < 0) {
        job->state.deadline = 0;
        jc_timer_fire(job->timer);
    }
}

void jc_job_term_again(struct jc_job *job)
{
    job->is_term_due = true;
    if (jc_timer_start(job->timer, 0) < 0)
        jc_timer_fire(job->timer);
}

void jc_engine_clear_deadline(struct jc_job *job)
{
    job->state.deadline = INT64_MAX;
    jc_timer_stop(job->timer);
}

static void force_eof(struct jc_job *job)
{
    for (int stream = 0; stream < 2; stream++) {
        if (job->state.pipe[stream] < 0)
            continue;
        job->forced_eof = true;
        jc_drain_close(job, (enum jc_stream)stream);
    }
}

static void before_end(struct jc_job *job)
{
    if (job->looks_again) {
        jc_job_exited(job);
        if (!job->reaped && jp_monotonic_ms() >= job->give_up_ms)
            jc_job_leave(job, job->launch.error, job->launch.stage);
        else if (!job->reaped)
            jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
    } else if (!job->state.term_sent) {
        job->state.timed_out = true;
        jc_job_stop(job, job->state.grace_ms);
    } else if (!job->state.kill_sent) {
        jc_job_stop(job, 0);
    } else {
        const int status = jc_job_signal(job, SIGKILL, false);
        jc_job_leave(job, status < 0 ? -status : ETIMEDOUT, "kill");
    }
}

static void after_end(struct jc_job *job)
{
    // What is in a pipe is its job's own as long as the output that is held is not in files.
    if (job->tree_gone && job->holds_output)
        return jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
    if (job->tree_gone)
        return force_eof(job);
    jc_job_tree_check(job);
    if (job->tree_gone)
        return;
    if (jp_monotonic_ms() >= job->give_up_ms)
        jc_job_leave(job, 0, NULL);
    else
        jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
}

void jc_job_deadline(void *context)
{
    struct jc_job *job = context;
    if (job->is_term_due && !job->reaped)
        jc_job_send_term(job);
    const int64_t left = job->state.deadline - jp_monotonic_ms();
    if (left > 0)
        return jc_engine_set_deadline(job, left);
    job->state.deadline = INT64_MAX;
    if (job->is_left)
        return jc_left_check(job);
    if (job->phase == JC_QUEUED)
        return jc_job_launched(job);
    if (job->phase == JC_STARTING)
        return jc_start_check(job);
    if (job->reaped)
        after_end(job);
    else
        before_end(job);
    jc_job_maybe_finish(job);
}
