#include "engine_private.h"

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

void jc_job_deadline(void *context)
{
    struct jc_job *job = context;
    const int64_t left = job->state.deadline - jp_monotonic_ms();
    if (left > 0)
        return jc_engine_set_deadline(job, left);
    job->state.deadline = INT64_MAX;
    if (!job->reaped && job->looks_again) {
        jc_job_exited(job);
        if (!job->reaped)
            return jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
    } else if (!job->reaped) {
        if (!job->state.term_sent) {
            job->state.timed_out = true;
            jc_job_stop(job, job->state.grace_ms);
        } else if (!job->state.kill_sent) {
            job->state.kill_sent = true;
            jc_checkpoint_note(job);
            jc_tree_signal(job, SIGKILL);
        }
    } else if (job->tree_gone) {
        force_eof(job);
    } else {
        jc_job_tree_check(job);
        if (job->tree_gone)
            jc_drain_rest(job);
        else
            jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
    }
    jc_job_maybe_finish(job);
}
