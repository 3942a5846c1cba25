#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 32
// Of a round, so that the loop's other work has its turn.
#define MOST_EVENTS 256
#define MOST_BYTES (16 << 20)

// A descriptor's entry in the epoll set can outlive its close: a process that is being launched may hold
// copies of descriptors until its exec. So entries name a job's slot and generation, never its address, and
// what comes for a job that is gone is dropped. What is closed while it is ready is taken out of the set
// before, unless it is watched for one event only: else it would wake the loop again and again until that
// exec.

int jc_engine_watch(struct jc_job *job, int fd, enum jc_watch kind, uint32_t events)
{
    struct epoll_event event = {
        .events = events, .data.u64 = (uint64_t)job->generation << 32 | (uint64_t)job->slot << 3 | kind};
    if (epoll_ctl(job->engine->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return 0;
    if (errno == EEXIST && epoll_ctl(job->engine->epoll, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return -errno;
}

void jc_engine_unwatch(const struct jc_engine *engine, int fd)
{
    epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static struct jc_job *job_of(struct jc_engine *engine, uint64_t data)
{
    uint32_t slot = (uint32_t)data >> 3;
    if (slot >= engine->slot_count || engine->slots[slot].generation != (uint32_t)(data >> 32))
        return NULL;
    return engine->slots[slot].job;
}

static void handle(struct jc_job *job, enum jc_watch kind, uint32_t events)
{
    switch (kind) {
    case JC_WATCH_STDOUT:
    case JC_WATCH_STDERR:
        jc_drain(job, kind == JC_WATCH_STDOUT ? JC_STDOUT : JC_STDERR, false);
        break;
    case JC_WATCH_EXIT:
        jc_job_exited(job);
        break;
    case JC_WATCH_TREE:
        jc_job_tree_check(job);
        break;
    case JC_WATCH_STDIN:
        jc_job_stdin_event(job, (events & (EPOLLERR | EPOLLHUP)) != 0);
        return;
    case JC_WATCH_TERMINAL:
        if (job->awaits_room)
            jc_job_stdin_event(job, false);
        jc_drain(job, JC_STDOUT, false);
        break;
    }
    jc_job_maybe_finish(job);
}

static int handle_some(struct jc_engine *engine)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(engine->epoll, events, EVENTS_AT_ONCE, 0);
    for (int i = 0; i < count; i++) {
        // Looked up for each event: an earlier one may have ended the job.
        struct jc_job *job = job_of(engine, events[i].data.u64);
        if (job != NULL && job->phase == JC_STARTING) {
            // It runs, or could not be started and is gone after this.
            jc_start_check(job);
            job = job_of(engine, events[i].data.u64);
        }
        if (job != NULL)
            handle(job, events[i].data.u64 & 7, events[i].events);
    }
    return count;
}

/// What is left over when the round is full makes the set readable again.
static void on_readable(void *context)
{
    struct jc_engine *engine = context;
    engine->drained = 0;
    for (int done = 0; done < MOST_EVENTS && engine->drained < MOST_BYTES; done += EVENTS_AT_ONCE)
        if (handle_some(engine) < EVENTS_AT_ONCE)
            return;
}

static uint64_t ignored_signals(void)
{
    uint64_t ignored = 0;
    for (int signo = 1; signo < NSIG; signo++) {
        // As the kernel has it; the handler comes first on every machine.
        unsigned long action[8] = {0};
        if (syscall(SYS_rt_sigaction, signo, NULL, action, sizeof(uint64_t)) == 0 &&
            action[0] == (unsigned long)SIG_IGN)
            ignored |= UINT64_C(1) << (signo - 1);
    }
    return ignored;
}

/// A write past a file-size limit or to a closed pipe is an error to report, not a reason to die.
static void ignore_write_signals(void)
{
    static const int signals[] = {SIGPIPE, SIGXFSZ};
    for (int i = 0; i < 2; i++) {
        struct sigaction action;
        if (sigaction(signals[i], NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
            action.sa_handler = SIG_IGN;
            sigaction(signals[i], &action, NULL);
        }
    }
}

/// proc_pid_oom_score_adj(5): a daemon is protected, and its jobs are not.
static bool is_oom_score_set(void)
{
    char text[JC_SMALL_FILE];
    return jc_small_file_read(AT_FDCWD, "/proc/self/oom_score_adj", text) && atoi(text) != 0;
}

/// What programs expect: select(2) breaks with more descriptors than this.
#define SOFT_DESCRIPTORS 1024

static void add_limit(struct jc_spawn_base *base, int resource, rlim_t soft, rlim_t hard)
{
    struct rlimit now;
    getrlimit(resource, &now);
    // Who may raise it is found out by doing so (CAP_SYS_RESOURCE).
    if (hard > now.rlim_max && setrlimit(resource, &(struct rlimit){now.rlim_cur, hard}) < 0)
        hard = now.rlim_max;
    if (soft > hard)
        soft = hard;
    if (now.rlim_cur != soft || now.rlim_max != hard)
        base->limits[base->limit_count++] = (struct jc_limit){resource, {soft, hard}};
}

static void fill_limits(struct jc_spawn_base *base)
{
    struct rlimit descriptors;
    getrlimit(RLIMIT_NOFILE, &descriptors);
    add_limit(base, RLIMIT_NOFILE, SOFT_DESCRIPTORS, descriptors.rlim_max);
    add_limit(base, RLIMIT_CORE, 0, RLIM_INFINITY);
    add_limit(base, RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY);
    add_limit(base, RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY);
}

static int fill_base(const struct jc_engine_options *options, struct jc_spawn_base *base)
{
    base->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (base->null_fd < 0)
        return -errno;
    base->shares_files = jc_may_share_files();
    base->resets_oom = options->is_daemon && is_oom_score_set();
    if (options->is_daemon)
        fill_limits(base);
    ignore_write_signals();
    // The program that uses a library may ignore others at any time.
    base->ignored = options->is_daemon ? ignored_signals() : UINT64_MAX;
    return 0;
}

static int open_parts(struct jc_engine *engine, struct jc_loop *loop)
{
    const char *parent = engine->options.cgroup_parent;
    if (parent != NULL && (engine->cgroup_dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        return -errno;
    if (parent != NULL)
        jc_cgroup_changes_open(engine);
    int status = parent != NULL ? jc_limits_open(engine) : 0;
    if (status < 0)
        return status;
    if ((engine->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        return -errno;
    if ((engine->proc = opendir("/proc")) == NULL)
        return -errno;
    if ((engine->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return -errno;
    engine->buffer = mmap(NULL, JC_PIPE_LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (engine->buffer == MAP_FAILED) {
        engine->buffer = NULL;
        return -ENOMEM;
    }
    status = fill_base(&engine->options, &engine->base);
    if (status == 0)
        status = jc_readable_new(loop, engine->epoll, on_readable, engine, &engine->readable);
    if (status == 0)
        status = jc_readable_new(loop, engine->done_fd, jc_launches_take_back, engine, &engine->launched);
    if (status == 0 && engine->options.is_daemon)
        status = jc_orphans_start(engine);
    return status;
}

int jc_engine_new(struct jc_loop *loop, const struct jc_engine_options *options, struct jc_engine **out)
{
    struct jc_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL)
        return -ENOMEM;
    engine->loop = loop;
    engine->options = *options;
    engine->epoll = engine->cgroup_dir = engine->limited_dir = -1;
    engine->base.null_fd = engine->changes = engine->done_fd = -1;
    engine->free_slot = UINT32_MAX;
    STAILQ_INIT(&engine->waiting);
    STAILQ_INIT(&engine->done);
    TAILQ_INIT(&engine->free_pads);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_cond_init(&engine->wake, NULL);
    int status = open_parts(engine, loop);
    if (status == 0)
        status = jc_pads_make(engine);
    if (status == 0)
        status = jc_launchers_start(engine);
    engine->options.cgroup_parent = NULL;
    if (status < 0)
        jc_engine_free(engine);
    else
        *out = engine;
    return status;
}

unsigned jc_engine_controllers(const struct jc_engine *engine)
{
    return engine->controllers;
}

int jc_engine_fd(const struct jc_engine *engine)
{
    return engine->epoll;
}

int64_t jc_engine_deadline(const struct jc_engine *engine)
{
    int64_t first = INT64_MAX;
    for (uint32_t i = 0; i < engine->slot_count; i++) {
        const struct jc_job *job = engine->slots[i].job;
        if (job != NULL && job->state.deadline < first)
            first = job->state.deadline;
    }
    return first;
}

void jc_engine_free(struct jc_engine *engine)
{
    if (engine == NULL)
        return;
    jc_launchers_stop(engine);
    jc_pads_free(engine);
    jc_watcher_free(engine->readable);
    jc_watcher_free(engine->launched);
    jc_timer_free(engine->orphan_timer);
    jc_cgroups_free(engine);
    if (engine->base.null_fd >= 0)
        close(engine->base.null_fd);
    if (engine->epoll >= 0)
        close(engine->epoll);
    if (engine->done_fd >= 0)
        close(engine->done_fd);
    if (engine->cgroup_dir >= 0)
        close(engine->cgroup_dir);
    if (engine->limited_dir >= 0)
        close(engine->limited_dir);
    if (engine->proc != NULL)
        closedir(engine->proc);
    if (engine->buffer != NULL)
        munmap(engine->buffer, JC_PIPE_LARGE);
    pthread_mutex_destroy(&engine->lock);
    pthread_cond_destroy(&engine->wake);
    free(engine->slots);
    free(engine);
}

void jc_engine_forbid_dumps(struct jc_engine *engine)
{
    // First, so that no child that is being launched leaves it as it was.
    if (!atomic_exchange(&engine->base.forbids_dumps, true))
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
