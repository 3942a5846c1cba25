#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// How long a pipe may stay open once the tree is gone: a process outside of it holds it.
#define FORCE_EOF_MS 5000

void jc_job_exited(struct jc_job *job)
{
    if (job->reaped || job->state.pidfd < 0)
        return;
    // While it is a zombie its number is nobody else's: now its group can be signalled safely.
    if (job->launch.cgroup == NULL && syscall(SYS_pidfd_send_signal, job->state.pidfd, 0, NULL, 0) == 0)
        kill(-job->state.pid, SIGKILL);
    int status = jc_exit_status(job);
    if (status == -EAGAIN && jc_job_watch_exit(job) == 0)
        return;
    if (status == -ETIMEDOUT || status == -EAGAIN) {
        // The keeper knows it, and does not answer now.
        job->looks_again = true;
        return jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
    }
    if (status < 0) {
        job->launch.error = -status;
        job->launch.stage = "wait";
    }
    job->finished_us = jp_realtime_us();
    job->reaped = true;
    job->give_up_ms = jp_monotonic_ms() + JC_LEAVE_MS;
    if (!job->is_zombie)
        jc_exit_reap(job);
    close(job->state.pidfd);
    job->state.pidfd = -1;
    // What is in a terminal is read first.
    if (!job->state.is_terminal)
        jc_job_stdin_close(job);
    jc_engine_clear_deadline(job);
    jc_job_tree_check(job);
    if (job->tree_gone)
        return;
    if (job->launch.cgroup != NULL)
        job->launch.cgroup->watched =
            jc_engine_watch(job, job->launch.cgroup->events, JC_WATCH_TREE, EPOLLPRI) == 0;
    jc_engine_set_deadline(job, JC_TREE_AGAIN_MS);
}

/// The writers are gone, so each pipe can be read to its end at once.
static void drain_rest(struct jc_job *job)
{
    jc_drain(job, JC_STDOUT, true);
    jc_drain(job, JC_STDERR, true);
    if (job->state.pipe[0] >= 0 || job->state.pipe[1] >= 0)
        jc_engine_set_deadline(job, FORCE_EOF_MS);
}

static void give_cgroup(struct jc_job *job, struct jc_cgroup *cgroup)
{
    if (cgroup->watched)
        jc_engine_unwatch(job->engine, cgroup->events);
    cgroup->watched = false;
    jc_limits_take_usage(job);
    job->launch.cgroup = NULL;
    // The next job that gets it must not be taken for a part of this one.
    jc_checkpoint_note(job);
    jc_cgroup_give(job->engine, cgroup);
}

/// Kills what the first process left behind, and sees whether all of it is gone: then the output is read.
void jc_job_tree_check(struct jc_job *job)
{
    if (!job->reaped || job->tree_gone)
        return;
    struct jc_cgroup *cgroup = job->launch.cgroup;
    bool left = cgroup != NULL ? jc_cgroup_populated(cgroup) : jc_tree_left(job);
    if (left) {
        jc_tree_signal(job, SIGKILL);
        return;
    }
    job->tree_gone = true;
    if (cgroup != NULL)
        give_cgroup(job, cgroup);
    drain_rest(job);
}

static const char *error_subject(const struct jc_job *job)
{
    if (job->memory == NULL || job->launch.stage == NULL)
        return NULL;
    if (strcmp(job->launch.stage, "exec") == 0 || strcmp(job->launch.stage, "start") == 0)
        return job->launch.argv[0];
    return strcmp(job->launch.stage, "chdir") == 0 ? job->launch.cwd : NULL;
}

static void fill_result(const struct jc_job *job, struct jc_job_result *result)
{
    result->error = job->launch.error;
    result->error_stage = job->launch.stage;
    result->error_subject = error_subject(job);
    result->left = job->is_left;
    result->left_pid = job->is_left && !job->reaped ? job->launch.pid : 0;
    result->started_us = job->state.started_us;
    result->finished_us = job->finished_us;
    result->killed = job->state.kill_sent;
    jc_job_output_counts(job, result);
    if (result->error != 0)
        return;
    result->signal = WIFSIGNALED(job->status) ? WTERMSIG(job->status) : 0;
    result->exit_code = result->signal != 0 ? 128 + result->signal : WEXITSTATUS(job->status);
    result->timed_out = job->state.timed_out;
    result->limit_killed = job->state.limit_killed;
    result->oom_killed = job->state.oom_killed && result->signal == SIGKILL;
    result->forced_eof = job->forced_eof;
    const struct jc_usage *counted = &job->state.counted;
    const bool is_counted = counted->user_us + counted->system_us > 0;
    result->user_us = is_counted ? counted->user_us : job->user_us;
    result->system_us = is_counted ? counted->system_us : job->system_us;
    result->throttled_us = counted->throttled_us;
    result->max_rss_kib = counted->peak_memory > 0 ? counted->peak_memory >> 10 : job->max_rss_kib;
}

void jc_job_maybe_finish(struct jc_job *job)
{
    bool ended = job->reaped && job->tree_gone && job->state.pipe[0] < 0 && job->state.pipe[1] < 0;
    if (job->phase != JC_RUNNING || !ended)
        return;
    jc_job_finish(job);
}

void jc_job_finish(struct jc_job *job)
{
    struct jc_job_result result = {0};
    job->phase = JC_OVER;
    jc_engine_clear_deadline(job);
    if (job->finished_us == 0)
        job->finished_us = jp_realtime_us();
    fill_result(job, &result);
    job->events->finished(job->context, &result);
}
