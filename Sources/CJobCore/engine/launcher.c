#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <jobplan/plan.h>
#include <platform/process.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_QUEUED (1U << 20)

/// A pipe whose near end does not block. `near_end` 0: this process reads; 1: it writes. It is the job's
/// user's, who may open /dev/stdout then.
static int make_pipe(int fds[2], int near_end, const struct jc_identity *identity)
{
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -errno;
    const bool is_others = identity->uid != (uid_t)-1 && identity->uid != geteuid();
    if (fcntl(fds[near_end], F_SETFL, O_NONBLOCK | near_end) < 0 ||
        (is_others && fchown(fds[0], identity->uid, identity->gid) < 0)) {
        int status = -errno;
        close(fds[0]);
        close(fds[1]);
        return status;
    }
    return 0;
}

/// Makes a pipe whose far end is the child's.
static int open_pipe(struct jc_launch *launch, int index, int *near)
{
    int fds[2];
    const int near_end = index == 0 ? 1 : 0;
    int status = make_pipe(fds, near_end, launch->identity);
    if (status < 0)
        return status;
    *near = fds[near_end];
    return jc_pad_put(launch->pad, index, fds[!near_end]);
}

static int open_input(struct jc_launch *launch, struct jc_job_state *state)
{
    const int given = launch->stdin_fd;
    launch->stdin_fd = -1;
    if (given >= 0)
        return jc_pad_put(launch->pad, 0, given);
    return (launch->flags & JC_PLAN_STDIN_OPEN) != 0 ? open_pipe(launch, 0, &state->stdin_write) : 0;
}

/// Opens what the child gets as 0, 1 and 2.
static int open_streams(struct jc_job *job)
{
    struct jc_launch *launch = &job->launch;
    struct jc_job_state *state = &job->state;
    if (launch->rows > 0)
        return jc_terminal_open(job);
    const bool merges = (launch->flags & JC_PLAN_MERGE) != 0;
    launch->places[0] = 0;
    launch->places[1] = 1;
    launch->places[2] = merges ? 1 : 2;
    int status = open_input(launch, state);
    for (int i = 0; i < (merges ? 1 : 2) && status == 0; i++)
        status = open_pipe(launch, i + 1, &state->pipe[i]);
    return status;
}

static bool is_cgroup_gone(const struct jc_launch *launch, int status)
{
    return status == -ENODEV && launch->cgroup != NULL &&
           (strcmp(launch->stage, "clone") == 0 || strcmp(launch->stage, "cgroup") == 0);
}

/// In a cgroup of its own where there are cgroups. One that a service manager removed is made anew.
static int spawn_in_cgroup(struct jc_job *job)
{
    struct jc_launch *launch = &job->launch;
    if (job->engine->cgroup_dir < 0)
        return jc_spawn(launch);
    for (;;) {
        launch->stage = "cgroup";
        int status = jc_cgroup_take(job->engine, &launch->limits, &launch->cgroup);
        if (status == 0) {
            jc_cgroup_label(launch->cgroup, launch->marker);
            status = jc_spawn(launch);
        }
        if (!is_cgroup_gone(launch, status))
            return status;
        jc_cgroup_drop(job->engine, launch->cgroup);
        launch->cgroup = NULL;
    }
}

void jc_launch_leave_pad(struct jc_job *job)
{
    jc_pad_give(job->engine, job->launch.pad);
    job->launch.pad = NULL;
}

void jc_launch_failed(struct jc_job *job, int status)
{
    struct jc_launch *launch = &job->launch;
    jc_job_state_close(&job->state);
    if (launch->cgroup != NULL)
        jc_cgroup_give(job->engine, launch->cgroup);
    launch->cgroup = NULL;
    launch->error = -status;
}

void jc_launch_began(struct jc_job *job)
{
    job->launch.started_ms = jp_monotonic_ms();
    job->state.started_us = jp_realtime_us();
}

void jc_launch_succeeded(struct jc_job *job)
{
    job->launch.error = 0;
    if (job->launch.started_ms == 0)
        jc_launch_began(job);
    job->state.pidfd = job->launch.pidfd;
}

static int launch_on_pad(struct jc_job *job)
{
    struct jc_launch *launch = &job->launch;
    launch->stage = "descriptors";
    int status = jc_pad_take(job->engine, &launch->pad);
    if (status == 0) {
        launch->stage = "pipe";
        status = open_streams(job);
    }
    if (launch->stdin_fd >= 0)
        close(launch->stdin_fd);
    launch->stdin_fd = -1;
    return status == 0 ? spawn_in_cgroup(job) : status;
}

/// False: the loop took the job from the launcher.
static bool launch_job(struct jc_job *job, struct jc_launcher *launcher)
{
    struct jc_launch *launch = &job->launch;
    launch->base = &job->engine->base;
    launch->launcher = launcher;
    const int status = launch_on_pad(job);
    if (status == -EINPROGRESS && launcher != NULL)
        return false;
    if (status == -EINPROGRESS) {
        launch->error = EINPROGRESS;
        return true;
    }
    jc_launch_leave_pad(job);
    if (status < 0)
        jc_launch_failed(job, status);
    else
        jc_launch_succeeded(job);
    return true;
}

void jc_launches_take_back(void *context)
{
    struct jc_engine *engine = context;
    uint64_t count;
    (void)!read(engine->done_fd, &count, sizeof count);
    pthread_mutex_lock(&engine->lock);
    struct jc_jobs done = STAILQ_HEAD_INITIALIZER(done);
    STAILQ_CONCAT(&done, &engine->done);
    engine->done_posted = false;
    pthread_mutex_unlock(&engine->lock);
    for (struct jc_job *job; (job = STAILQ_FIRST(&done)) != NULL;) {
        STAILQ_REMOVE_HEAD(&done, link);
        jc_job_launched(job);
    }
}

static void hand_back(struct jc_launcher *launcher, struct jc_job *job)
{
    struct jc_engine *engine = launcher->engine;
    pthread_mutex_lock(&engine->lock);
    launcher->job = NULL;
    STAILQ_INSERT_TAIL(&engine->done, job, link);
    // One wakes the loop for all that are done until it comes.
    const bool waking = !engine->done_posted;
    engine->done_posted = true;
    pthread_mutex_unlock(&engine->lock);
    // With the lock free, which the loop takes as soon as it wakes. An eventfd(2) takes no memory to write.
    const uint64_t one = 1;
    if (waking)
        (void)!write(engine->done_fd, &one, sizeof one);
}

static struct jc_job *next_job(struct jc_launcher *launcher)
{
    struct jc_engine *engine = launcher->engine;
    pthread_mutex_lock(&engine->lock);
    while (STAILQ_EMPTY(&engine->waiting) && !engine->stopping)
        pthread_cond_wait(&engine->wake, &engine->lock);
    struct jc_job *job = STAILQ_FIRST(&engine->waiting);
    if (job != NULL) {
        STAILQ_REMOVE_HEAD(&engine->waiting, link);
        engine->queued--;
        launcher->job = job;
        launcher->since_ms = jp_monotonic_ms();
    }
    pthread_mutex_unlock(&engine->lock);
    return job;
}

static void *run_launcher(void *context)
{
    struct jc_launcher *launcher = context;
    jp_name_thread("launcher");
    for (struct jc_job *job; (job = next_job(launcher)) != NULL;) {
        if (!launch_job(job, launcher)) {
            // Another has its place.
            free(launcher);
            return NULL;
        }
        hand_back(launcher, job);
    }
    return NULL;
}

static int make_launcher(struct jc_engine *engine, struct jc_launcher **out)
{
    struct jc_launcher *launcher = calloc(1, sizeof *launcher);
    if (launcher == NULL)
        return -ENOMEM;
    launcher->engine = engine;
    sigset_t all, before;
    sigfillset(&all);
    // Signals are the loop's thread's.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int status = -pthread_create(&launcher->thread, NULL, run_launcher, launcher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status < 0)
        free(launcher);
    else
        *out = launcher;
    return status;
}

/// Puts others in the place of launchers that have waited long. Their jobs are added to `taken`. Under the
/// lock. Whether launches are under way.
static bool relieve(struct jc_engine *engine, struct jc_jobs *taken)
{
    const int64_t now = jp_monotonic_ms();
    bool is_busy = !STAILQ_EMPTY(&engine->waiting);
    for (unsigned i = 0; i < engine->options.launchers; i++) {
        struct jc_launcher **place = &engine->launchers[i], *launcher = *place;
        if (launcher != NULL && launcher->job != NULL) {
            is_busy = true;
            struct jc_job *job = launcher->job;
            const pthread_t thread = launcher->thread;
            if (now - launcher->since_ms < JC_SOON_MS || !jc_spawn_take(launcher))
                continue;
            pthread_detach(thread);
            STAILQ_INSERT_TAIL(taken, job, link);
            *place = NULL;
        }
        if (*place == NULL)
            is_busy |= make_launcher(engine, place) < 0;
    }
    return is_busy;
}

static void look_at_launches(void *context)
{
    struct jc_engine *engine = context;
    struct jc_jobs taken = STAILQ_HEAD_INITIALIZER(taken);
    pthread_mutex_lock(&engine->lock);
    const bool is_busy = relieve(engine, &taken);
    pthread_mutex_unlock(&engine->lock);
    engine->looks_at_launches = is_busy && jc_timer_start(engine->launch_timer, JC_SOON_MS) == 0;
    for (struct jc_job *job; (job = STAILQ_FIRST(&taken)) != NULL;) {
        STAILQ_REMOVE_HEAD(&taken, link);
        job->launch.error = EINPROGRESS;
        jc_job_launched(job);
    }
}

bool jc_launchers_full(struct jc_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    bool full = engine->queued >= MOST_QUEUED;
    pthread_mutex_unlock(&engine->lock);
    return full;
}

/// On the loop's thread, which does not wait for exec.
static void launch_here(struct jc_job *job)
{
    launch_job(job, NULL);
    if (job->launch.error == EINPROGRESS)
        jc_start_watch(job);
    else
        jc_engine_set_deadline(job, 0); // in a later round: nothing is told of a job before its start returns
}

void jc_launch_submit(struct jc_job *job)
{
    struct jc_engine *engine = job->engine;
    if (engine->options.launchers == 0)
        return launch_here(job);
    pthread_mutex_lock(&engine->lock);
    STAILQ_INSERT_TAIL(&engine->waiting, job, link);
    engine->queued++;
    pthread_mutex_unlock(&engine->lock);
    // Not before: the thread it wakes would wait for the lock at once.
    pthread_cond_signal(&engine->wake);
    if (!engine->looks_at_launches)
        engine->looks_at_launches = jc_timer_start(engine->launch_timer, JC_SOON_MS) == 0;
}

int jc_launchers_start(struct jc_engine *engine)
{
    const unsigned count = engine->options.launchers;
    engine->launchers = calloc(count + 1, sizeof(struct jc_launcher *));
    int status = engine->launchers == NULL ? -ENOMEM : 0;
    if (status == 0)
        status = jc_timer_new(engine->loop, look_at_launches, engine, &engine->launch_timer);
    for (unsigned i = 0; status == 0 && i < count; i++)
        status = make_launcher(engine, &engine->launchers[i]);
    return status;
}

void jc_launchers_stop(struct jc_engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    pthread_cond_broadcast(&engine->wake);
    pthread_mutex_unlock(&engine->lock);
    for (unsigned i = 0; engine->launchers != NULL && i < engine->options.launchers; i++) {
        if (engine->launchers[i] == NULL)
            continue;
        pthread_join(engine->launchers[i]->thread, NULL);
        free(engine->launchers[i]);
    }
    free(engine->launchers);
    jc_timer_free(engine->launch_timer);
}
