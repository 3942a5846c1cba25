#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t vector_size(const char *const *strings, size_t *count)
{
    size_t size = 0;
    for (*count = 0; strings[*count] != NULL; ++*count)
        size += strlen(strings[*count]) + 1;
    return size;
}

static char *copy_string(char **at, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = memcpy(*at, text, length);
    *at += length;
    return copy;
}

static void copy_vector(char **vector, char **at, const char *const *strings, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vector[i] = copy_string(at, strings[i]);
    vector[count] = NULL;
}

/// One allocation for both vectors and all strings, given back once the job runs; the name outlives it.
static int copy_strings(struct jc_job *job, const struct jc_job_options *options)
{
    size_t argc, envc;
    const char *cwd = options->cwd != NULL ? options->cwd : "/";
    size_t size = vector_size(options->argv, &argc) + vector_size(options->envp, &envc) + strlen(cwd) + 1;
    char **vectors = malloc((argc + envc + 2) * sizeof *vectors + size);
    job->output_name = strdup(options->output_name);
    job->memory = vectors;
    if (vectors == NULL || job->output_name == NULL)
        return -ENOMEM;
    char *at = (char *)(vectors + argc + envc + 2);
    job->launch.argv = vectors;
    job->launch.envp = vectors + argc + 1;
    copy_vector(job->launch.argv, &at, options->argv, argc);
    copy_vector(job->launch.envp, &at, options->envp, envc);
    job->launch.cwd = copy_string(&at, cwd);
    return 0;
}

/// The environment's entry that names the job, for engines that have no cgroups to find its processes by.
static int keep_marker(struct jc_job *job)
{
    if (job->engine->cgroup_dir >= 0)
        return 0;
    for (char **entry = job->launch.envp; *entry != NULL; entry++)
        if (strncmp(*entry, "JOBD_JOB_ID=", 12) == 0)
            return (job->marker = strdup(*entry)) != NULL ? 0 : -ENOMEM;
    return 0;
}

static void free_job(struct jc_job *job)
{
    free(job->memory);
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
    job->deadline = INT64_MAX;
    for (int i = 0; i < 2; i++)
        job->stream[i].pipe = job->stream[i].file = job->launch.read[i] = -1;
    job->launch.pidfd = job->launch.stdin_write = job->launch.stdin_fd = job->ledger = -1;
    return job;
}

static void take_options(struct jc_job *job, const struct jc_job_options *options)
{
    job->output_limit = options->output_limit;
    job->limit_action = options->limit_action;
    job->timeout_ms = options->timeout_ms;
    job->grace_ms = options->grace_ms;
    job->launch.stdin_mode = options->stdin_mode;
    job->launch.stdin_fd = options->stdin_mode == JC_STDIN_FD ? options->stdin_fd : -1;
    job->launch.merge = options->merge;
    job->launch.uid = options->uid;
    job->launch.gid = options->gid;
}

static int make_job(struct jc_engine *engine, const struct jc_job_options *options, struct jc_job **out)
{
    struct jc_job *job = jc_job_make(engine);
    if (job == NULL)
        return -ENOMEM;
    take_options(job, options);
    int status = copy_strings(job, options);
    if (status == 0)
        status = keep_marker(job);
    if (status == 0)
        status = jc_engine_add(engine, job);
    if (status < 0)
        free_job(job);
    else
        *out = job;
    return status;
}

int jc_job_start(struct jc_engine *engine, const struct jc_job_options *options,
                 const struct jc_job_events *events, void *context, struct jc_job **out)
{
    struct jc_job *job = NULL;
    int status = jc_launchers_full(engine) ? -EAGAIN : make_job(engine, options, &job);
    if (status < 0) {
        if (options->stdin_mode == JC_STDIN_FD)
            close(options->stdin_fd);
        return status;
    }
    job->events = events;
    job->context = context;
    *out = job;
    jc_launch_submit(job);
    return 0;
}

/// The loop cannot watch the job's descriptors: it is ended, and told as one that could not be started.
static void give_up(struct jc_job *job, int error)
{
    job->launch.error = -error;
    job->launch.stage = "watch";
    job->term_sent = job->kill_sent = true;
    jc_tree_signal(job, SIGKILL);
    kill(job->pid, SIGKILL);
    jc_engine_set_deadline(job, 1);
}

int jc_job_watch(struct jc_job *job)
{
    int status = 0;
    for (int i = 0; i < 2; i++) {
        if (job->stream[i].pipe >= 0 && status == 0)
            status = jc_engine_watch(job, job->stream[i].pipe, (enum jc_watch)i, EPOLLIN);
    }
    return status < 0 ? status : jc_engine_watch(job, job->launch.pidfd, JC_WATCH_EXIT, EPOLLIN);
}

void jc_job_launched(struct jc_job *job)
{
    // The result of one that failed names what was to be started.
    if (job->launch.error != 0)
        return jc_job_finish(job);
    free(job->memory);
    job->memory = NULL;
    job->pid = job->launch.pid;
    job->phase = JC_RUNNING;
    for (int i = 0; i < 2; i++)
        job->stream[i].pipe = job->launch.read[i];
    int status = jc_job_watch(job);
    if (status < 0)
        return give_up(job, status);
    if (job->stdin_closed)
        jc_job_stdin_close(job);
    job->events->started(job->context, job->pid, job->launch.started_us);
    if (job->stop_asked)
        jc_job_stop(job, job->stop_grace);
    else if (job->timeout_ms > 0)
        jc_engine_set_deadline(job, (int64_t)job->timeout_ms);
    if (job->launch.stdin_write >= 0)
        jc_job_stdin_event(job, false);
}

int jc_job_signal(struct jc_job *job, int signo, bool tree)
{
    if (signo < 1 || signo >= NSIG)
        return -EINVAL;
    if (job->phase != JC_RUNNING || job->reaped)
        return -ESRCH;
    if (tree) {
        jc_tree_signal(job, signo);
        return 0;
    }
    return syscall(SYS_pidfd_send_signal, job->launch.pidfd, signo, NULL, 0) < 0 ? -errno : 0;
}

void jc_job_stop(struct jc_job *job, uint64_t grace_ms)
{
    if (job->phase == JC_OVER || job->reaped || job->unreaped_ms > 0)
        return;
    if (!job->stop_asked || grace_ms < job->stop_grace)
        job->stop_grace = grace_ms;
    job->stop_asked = true;
    if (job->phase == JC_QUEUED || job->kill_sent)
        return;
    if (job->stop_grace == 0) {
        job->term_sent = job->kill_sent = true;
        jc_engine_clear_deadline(job);
        jc_ledger_note(job);
        jc_tree_signal(job, SIGKILL);
        return;
    }
    int64_t deadline = jp_monotonic_ms() + (int64_t)job->stop_grace;
    if (job->term_sent && job->deadline <= deadline)
        return;
    bool is_first = !job->term_sent;
    job->term_sent = true;
    jc_engine_set_deadline(job, (int64_t)job->stop_grace);
    jc_ledger_note(job);
    if (is_first)
        jc_tree_signal(job, SIGTERM);
}

int jc_job_output_fd(struct jc_job *job, enum jc_stream stream)
{
    return job->stream[stream].file;
}

void jc_job_free(struct jc_job *job)
{
    if (job == NULL)
        return;
    for (int i = 0; i < 2; i++) {
        if (job->stream[i].pipe >= 0)
            jc_drain_close(job, (enum jc_stream)i);
        if (job->stream[i].file >= 0)
            close(job->stream[i].file);
    }
    jc_job_stdin_close(job);
    if (job->launch.pidfd >= 0)
        close(job->launch.pidfd);
    if (job->ledger >= 0)
        close(job->ledger);
    jc_engine_remove(job->engine, job);
    free_job(job);
}
