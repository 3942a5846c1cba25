#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <jobplan/plan.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool same_name(const char *entry, const char *other)
{
    const size_t length = strcspn(entry, "=") + 1;
    return strncmp(entry, other, length) == 0;
}

static bool replaces(const struct jc_plan *plan, const char *entry)
{
    for (uint32_t i = 0; i < plan->header.environment; i++)
        if (same_name(entry, jc_plan_string(plan, plan->header.arguments + i)))
            return true;
    return false;
}

static void fill_environment(char **envp, const struct jc_plan *plan, const char *const *standard,
                             char *marker)
{
    const char *trace = jc_plan_text(plan, JC_PLAN_TRACE);
    if (trace != NULL && !replaces(plan, trace))
        *envp++ = (char *)trace;
    for (; *standard != NULL; standard++)
        if (!replaces(plan, *standard))
            *envp++ = (char *)*standard;
    for (uint32_t i = 0; i < plan->header.environment; i++) {
        const char *entry = jc_plan_string(plan, plan->header.arguments + i);
        if (!same_name(marker, entry))
            *envp++ = (char *)entry;
    }
    *envp++ = marker;
    *envp = NULL;
}

static size_t count(const char *const *vector)
{
    size_t count = 0;
    while (vector[count] != NULL)
        count++;
    return count;
}

/// One allocation for both vectors and the plan that they point into, given back once the job runs.
static int take_plan(struct jc_job *job, const struct jc_job_options *options, struct jc_plan *plan)
{
    *plan = jc_plan_view(options->plan);
    const size_t marker_size = strlen(options->marker) + 1;
    const size_t argc = plan->header.arguments;
    const size_t pointers = argc + 1 + count(options->identity->environment) + plan->header.environment + 3;
    char **vectors = malloc(pointers * sizeof *vectors + marker_size + options->plan_length);
    if (vectors == NULL)
        return -ENOMEM;
    char *marker = memcpy(vectors + pointers, options->marker, marker_size);
    *plan = jc_plan_view(memcpy(marker + marker_size, options->plan, options->plan_length));
    for (uint32_t i = 0; i < argc; i++)
        vectors[i] = (char *)jc_plan_string(plan, i);
    vectors[argc] = NULL;
    fill_environment(vectors + argc + 1, plan, options->identity->environment, marker);
    job->memory = vectors;
    job->launch.argv = vectors;
    job->launch.envp = vectors + argc + 1;
    job->launch.marker = marker;
    job->launch.cwd = jc_plan_text(plan, JC_PLAN_CWD);
    if (job->launch.cwd == NULL)
        job->launch.cwd = "/";
    return jc_exec_files(&job->launch);
}

/// What outlives the launch. For engines that have no cgroups the marker, to find the job's processes by.
static int keep_names(struct jc_job *job, const struct jc_job_options *options)
{
    if (job->engine->cgroup_dir < 0 && (job->marker = strdup(options->marker)) == NULL)
        return -ENOMEM;
    return (job->output_name = strdup(options->output_name)) != NULL ? 0 : -ENOMEM;
}

static void free_memory(struct jc_job *job)
{
    free(job->launch.files);
    free(job->memory);
    job->launch.files = NULL;
    job->memory = NULL;
}

static void free_job(struct jc_job *job)
{
    free_memory(job);
    free(job->marker);
    free(job->output_name);
    free(job);
}

struct jc_job *jc_job_make(struct jc_engine *engine)
{
    struct jc_job *job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->engine = engine;
    job->launch.stdin_fd = -1;
    job->state = jc_job_state_none;
    job->give_up_ms = INT64_MAX;
    return job;
}

static void take_options(struct jc_job *job, const struct jc_job_options *options, const struct jc_plan *plan)
{
    const struct jc_plan_header *header = &plan->header;
    const bool is_limited =
        (header->flags & JC_PLAN_OUTPUT_LIMIT) != 0 && header->output_limit < options->output_limit;
    job->state.output_limit = is_limited ? header->output_limit : options->output_limit;
    job->state.limit_action =
        (header->flags & JC_PLAN_KILL_AT_LIMIT) != 0 ? JC_LIMIT_KILL : JC_LIMIT_TRUNCATE;
    job->timeout_ms = header->timeout_ms;
    job->state.grace_ms = (header->flags & JC_PLAN_GRACE) != 0 ? header->grace_ms : options->grace_ms;
    job->launch.stdin_fd = options->stdin_fd;
    job->launch.flags = header->flags;
    if ((header->flags & JC_PLAN_TERMINAL) != 0) {
        job->launch.rows = header->rows;
        job->launch.columns = header->columns;
    }
    job->launch.identity = options->identity;
    job->launch.limits = options->limits;
    job->state.signals = options->signals;
    job->holds_output = options->holds_output;
}

static int make_job(struct jc_engine *engine, const struct jc_job_options *options, struct jc_job **out)
{
    struct jc_job *job = jc_job_make(engine);
    if (job == NULL)
        return -ENOMEM;
    struct jc_plan plan;
    int status = take_plan(job, options, &plan);
    if (status == 0)
        status = keep_names(job, options);
    if (status == 0)
        status = jc_engine_add(engine, job);
    if (status < 0) {
        free_job(job);
        return status;
    }
    take_options(job, options, &plan);
    *out = job;
    return 0;
}

int jc_job_start(struct jc_engine *engine, const struct jc_job_options *options,
                 const struct jc_job_events *events, void *context, struct jc_job **out)
{
    struct jc_job *job = NULL;
    const bool is_enforced = (jc_limits_bits(&options->limits) & ~engine->controllers) == 0;
    int status = is_enforced ? jc_launchers_full(engine) ? -EAGAIN : 0 : -ENOTSUP;
    if (status == 0)
        status = make_job(engine, options, &job);
    if (status < 0) {
        if (options->stdin_fd >= 0)
            close(options->stdin_fd);
        return status;
    }
    job->events = events;
    job->context = context;
    *out = job;
    jc_launch_submit(job);
    return 0;
}

void jc_job_give_up(struct jc_job *job, int error, const char *stage)
{
    job->phase = JC_RUNNING;
    job->launch.error = error;
    job->launch.stage = stage;
    job->looks_again = true;
    job->give_up_ms = jp_monotonic_ms() + JC_LEAVE_MS;
    job->state.term_sent = job->state.kill_sent = true;
    jc_tree_signal(job, SIGKILL);
    kill(job->state.pid, SIGKILL);
    jc_engine_set_deadline(job, 1);
}

int jc_job_watch_exit(struct jc_job *job)
{
    // Once: it stays readable.
    return jc_engine_watch(job, jc_job_pidfd(job), JC_WATCH_EXIT, EPOLLIN | EPOLLONESHOT);
}

int jc_job_watch(struct jc_job *job)
{
    int status = 0;
    if (job->is_watched)
        return 0;
    for (int i = 0; i < 2; i++) {
        if (job->state.pipe[i] >= 0 && status == 0)
            status = jc_engine_watch(job, job->state.pipe[i], (enum jc_watch)i, EPOLLIN);
    }
    if (status == 0)
        status = jc_terminal_watch(job);
    if (status == 0)
        status = jc_job_watch_exit(job);
    job->is_watched = status == 0;
    return status;
}

void jc_job_launched(struct jc_job *job)
{
    // The result of one that failed names what was to be started.
    if (job->launch.error == EINPROGRESS)
        return jc_start_wait(job);
    if (job->launch.error != 0)
        return jc_job_finish(job);
    free_memory(job);
    job->state.pid = job->launch.pid;
    job->phase = JC_RUNNING;
    int status = jc_job_watch(job);
    if (status < 0)
        return jc_job_give_up(job, -status, "watch");
    job->events->started(job->context, job->state.pid, job->state.started_us);
    if (job->state.stdin_closed)
        jc_job_stdin_close(job);
    if (job->stop_asked)
        jc_job_stop(job, job->stop_grace);
    else if (job->timeout_ms > 0)
        jc_engine_set_deadline(job, (int64_t)job->timeout_ms);
    if (job->state.stdin_write >= 0)
        jc_job_stdin_event(job, false);
}

int jc_job_signal(struct jc_job *job, int signo, bool tree)
{
    if (signo < 1 || signo >= NSIG)
        return -EINVAL;
    if (job->phase != JC_RUNNING || job->reaped)
        return -ESRCH;
    if (!(tree && signo == SIGKILL) && jc_inside_signal(job, signo))
        return 0;
    if (tree) {
        jc_tree_signal(job, signo);
        return 0;
    }
    return syscall(SYS_pidfd_send_signal, job->state.pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

static void signal_all(struct jc_job *job, int signo)
{
    if (!jc_inside_signal(job, signo))
        jc_tree_signal(job, signo);
}

/// An interactive shell ignores TERM, and ends when its terminal is hung up.
static void hang_up(void *engine, pid_t pid)
{
    if (jc_status_read(engine, pid) && jc_status_has_signal(engine, "\nSigIgn:\t", SIGTERM))
        kill(pid, SIGHUP);
}

void jc_job_send_term(struct jc_job *job)
{
    job->is_term_due = false;
    job->state.term_pending = true;
    jc_checkpoint_note(job);
    if (job->state.signals == JC_SIGNALS_OWNER && job->events->term_asked != NULL)
        return job->events->term_asked(job->context);
    signal_all(job, SIGTERM);
    // One that is stopped would not take it before its KILL.
    signal_all(job, SIGCONT);
    if (job->state.is_terminal)
        jc_tree_visit(job, hang_up, job->engine);
    jc_job_term_sent(job);
}

void jc_job_term_sent(struct jc_job *job)
{
    job->state.term_pending = false;
    jc_checkpoint_note(job);
}

void jc_job_stop(struct jc_job *job, uint64_t grace_ms)
{
    if (job->phase == JC_OVER || job->reaped)
        return;
    if (!job->stop_asked || grace_ms < job->stop_grace)
        job->stop_grace = grace_ms;
    job->stop_asked = true;
    if (job->phase == JC_STARTING)
        return jc_start_stop(job);
    if (job->phase == JC_QUEUED || job->state.kill_sent)
        return;
    if (job->stop_grace == 0) {
        job->state.term_sent = job->state.kill_sent = true;
        job->is_term_due = false;
        // When it cannot be ended.
        jc_engine_set_deadline(job, JC_LEAVE_MS);
        jc_checkpoint_note(job);
        jc_tree_signal(job, SIGKILL);
        return;
    }
    int64_t deadline = jp_monotonic_ms() + (int64_t)job->stop_grace;
    if (job->state.term_sent && job->state.deadline <= deadline)
        return;
    bool is_first = !job->state.term_sent || job->is_term_due;
    job->state.term_sent = true;
    jc_engine_set_deadline(job, (int64_t)job->stop_grace);
    if (is_first)
        jc_job_send_term(job);
    else
        jc_checkpoint_note(job);
}

void jc_job_output_counts(const struct jc_job *job, struct jc_job_result *result)
{
    for (int stream = 0; stream < 2; stream++) {
        result->bytes[stream] = job->state.kept[stream];
        result->dropped[stream] = job->state.dropped[stream];
        result->output_error[stream] = job->state.output_error[stream];
    }
}

int jc_job_pidfd(const struct jc_job *job)
{
    return job->phase == JC_STARTING ? job->launch.pidfd : job->state.pidfd;
}

int jc_job_output_fd(struct jc_job *job, enum jc_stream stream)
{
    return job->state.file[stream];
}

void jc_job_free(struct jc_job *job)
{
    if (job == NULL)
        return;
    jc_drains_close(job);
    jc_job_stdin_close(job);
    jc_held_free(job);
    jc_job_state_close(&job->state);
    jc_exit_reap(job);
    jc_engine_remove(job->engine, job);
    free_job(job);
}
