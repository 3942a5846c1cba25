#ifndef ENGINE_PRIVATE_H
#define ENGINE_PRIVATE_H

#include <dirent.h>
#include <jobcore/handover.h>
#include <platform/clock.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/resource.h>

#define JC_PIPE_SMALL (64 << 10)
#define JC_PIPE_LARGE (1 << 20)
/// How often a tree without a cgroup, or one whose end is not told, is looked at again.
#define JC_TREE_AGAIN_MS 20

/// A cgroup of the pool. Made once, used by one job after the other: making one costs more than a launch may.
struct jc_cgroup {
    SLIST_ENTRY(jc_cgroup) link;
    unsigned number; ///< its name is job-<number>
    int dir;         ///< O_PATH-like directory descriptor, for CLONE_INTO_CGROUP
    int events;      ///< cgroup.events
    bool watched;
    bool killed; ///< by cgroup.kill: not to be used again
};

/// What the launcher makes of a job, and all that it needs for it.
struct jc_launch {
    char **argv, **envp;
    const char *cwd;
    struct jc_cgroup *cgroup;
    int stdin_fd; ///< -1: none was given
    int fds[3];   ///< the child's 0, 1 and 2, open here until it has them; else -1
    /// Out. Stored by the kernel before the child runs, zero once it is reaped: at any time in between the
    /// loop's thread can tell a job's first process from an orphan.
    _Atomic pid_t pid;
    int64_t started_ms; ///< monotonic; 0: handed over
    int error;
    const char *stage;
    const struct jc_identity *identity;
    uint32_t flags; ///< of the plan
};

enum jc_job_phase { JC_QUEUED, JC_RUNNING, JC_OVER };

struct jc_job {
    struct jc_engine *engine;
    STAILQ_ENTRY(jc_job) link; ///< in the launchers' queues
    const struct jc_job_events *events;
    void *context;
    struct jc_job_state state; ///< what a successor takes over; the launcher's until the job runs
    struct jc_launch launch;   ///< its vectors are freed after the launch
    void *memory;              ///< one allocation: the launch's vectors, and the plan they point into
    char *output_name;
    char *marker;     ///< the environment's entry that names the job; without cgroups only
    bool is_large[2]; ///< the stream's pipe
    uint64_t user_us, system_us, max_rss_kib; ///< see `struct jc_job_result`
    uint64_t timeout_ms;
    uint64_t stop_grace; ///< the shortest grace asked for
    struct jc_timer *timer;
    uint32_t slot, generation;
    int status;
    enum jc_job_phase phase;
    bool reaped, tree_gone, stop_asked, forced_eof;
    bool looks_again; ///< nothing tells when it has ended, but looking from time to time
    bool is_zombie;   ///< reaped with the job's release: until then a successor can read how it ended
    int64_t finished_us;
};

struct jc_job_slot {
    struct jc_job *job;
    uint32_t generation;
    uint32_t next_free;
};

/// What every child needs, fixed when the engine is made.
struct jc_spawn_base {
    int null_fd;
    /// Limits of jobs, where they are not this process's.
    struct jc_limit {
        int resource;
        struct rlimit limit;
    } limits[4];
    size_t limit_count;
    bool resets_oom;
    uint64_t ignored; ///< signals to reset, the first in the lowest bit: those this process ignores, or may
};

struct jc_engine {
    struct jc_loop *loop;
    struct jc_engine_options options;
    struct jc_spawn_base base;
    int epoll; ///< of all the jobs' descriptors; itself one event of the loop
    struct jc_watcher *readable;
    struct jc_timer *orphan_timer;
    char *buffer; ///< JC_PIPE_LARGE bytes, shared by all drains

    struct jc_job_slot *slots;
    uint32_t slot_count, free_slot;
    size_t job_count;
    pid_t ignored[32];
    size_t drained; ///< bytes read in this round

    // The launchers' side, under `lock`.
    pthread_mutex_t lock;
    pthread_cond_t wake;
    STAILQ_HEAD(jc_jobs, jc_job) waiting, done;
    bool done_posted, stopping;
    unsigned queued;
    SLIST_HEAD(, jc_cgroup) cgroups; ///< free ones
    unsigned next_cgroup;
    int cgroup_dir;
    DIR *proc; ///< for jobs without a cgroup
    pthread_t *threads;
    unsigned thread_count;
};

/// Starts a process in a session of its own. Its pidfd, or a negative errno with the `stage` that failed.
int jc_spawn(struct jc_launch *launch, const struct jc_spawn_base *base);
/// clone3(2) that calls `run(argument)` in the child, on the stack named in `args`.
long jc_clone3(void *args, size_t size, int (*run)(void *), void *argument);

int jc_launchers_start(struct jc_engine *engine);
void jc_launchers_stop(struct jc_engine *engine);
bool jc_launchers_full(struct jc_engine *engine);
void jc_launch_submit(struct jc_job *job);
/// On the loop's thread, for each job that came back from its launcher.
void jc_job_launched(struct jc_job *job);

/// Opens a cgroup, which is made unless it is there.
int jc_cgroup_open(int parent, const char *name, struct jc_cgroup *cgroup);
void jc_cgroup_close(const struct jc_cgroup *cgroup);
/// The cgroup of a job that was handed over.
int jc_cgroup_adopt(struct jc_engine *engine, unsigned number, struct jc_cgroup **out);
int jc_cgroup_take(struct jc_engine *engine, struct jc_cgroup **out);
void jc_cgroup_give(struct jc_engine *engine, struct jc_cgroup *cgroup);
/// Leaves it as it is, for another to take over.
void jc_cgroup_let_go(struct jc_cgroup *cgroup);
/// Removes one that is of no more use.
void jc_cgroup_drop(struct jc_engine *engine, struct jc_cgroup *cgroup);
bool jc_cgroup_populated(const struct jc_cgroup *cgroup);
void jc_cgroup_kill(struct jc_cgroup *cgroup);
void jc_cgroup_signal(const struct jc_cgroup *cgroup, int signo);
void jc_cgroups_free(struct jc_engine *engine);

struct jc_job *jc_job_make(struct jc_engine *engine);
int jc_job_watch(struct jc_job *job);
/// Should this process be killed in it, its successor does it again.
void jc_job_send_term(struct jc_job *job);

/// Kinds of descriptors in the engine's epoll set.
enum jc_watch { JC_WATCH_STDOUT, JC_WATCH_STDERR, JC_WATCH_EXIT, JC_WATCH_TREE, JC_WATCH_STDIN };
int jc_engine_add(struct jc_engine *engine, struct jc_job *job);
void jc_engine_remove(struct jc_engine *engine, struct jc_job *job);
int jc_engine_watch(struct jc_job *job, int fd, enum jc_watch kind, uint32_t events);
/// Before a watched descriptor is closed.
void jc_engine_unwatch(const struct jc_engine *engine, int fd);
/// Of a time limit, of a grace, or when to look again; in place of the one before.
void jc_engine_set_deadline(struct jc_job *job, int64_t after_ms);
void jc_engine_clear_deadline(struct jc_job *job);
/// A job's deadline has come.
void jc_job_deadline(void *job);
bool jc_engine_owns(struct jc_engine *engine, pid_t pid);

/// Reads what is in the pipe into the file: about a megabyte, or with `all` as much as a pipe holds.
void jc_drain(struct jc_job *job, enum jc_stream stream, bool all);
/// Opens a job's output file. The descriptor, or a negative errno.
int jc_output_open(const struct jc_engine *engine, const char *output_name, enum jc_stream stream, int flags);
void jc_drain_close(struct jc_job *job, enum jc_stream stream);
void jc_drain_rest(struct jc_job *job);
void jc_job_exited(struct jc_job *job);
/// How the first process ended. It is reaped, unless a successor may have to ask again. -EAGAIN: it has not
/// ended; -ECHILD: somebody else took its status for good.
int jc_exit_status(struct jc_job *job);
/// The end is stored, or nobody wants to know it.
void jc_exit_reap(struct jc_job *job);
void jc_job_tree_check(struct jc_job *job);
void jc_job_maybe_finish(struct jc_job *job);
void jc_job_finish(struct jc_job *job);
void jc_job_stdin_event(struct jc_job *job, bool failed);

/// Of which nothing is known: the defaults.
extern const struct jc_job_state jc_job_state_none;
/// Makes the checkpoint.
int jc_checkpoint_open(struct jc_job *job);
/// Brings the checkpoint up to date, if there is one: before a step that a successor must not repeat or
/// forget.
void jc_checkpoint_note(struct jc_job *job);
/// Sets what a checkpoint tells. -EINVAL: it is none.
int jc_checkpoint_read(int checkpoint, struct jc_job_state *state);
/// Makes the checkpoint useless: the job cannot be adopted.
void jc_checkpoint_void(struct jc_job *job);

/// Sends `signo` to all processes of the job: by its cgroup, else by what can be found of its tree.
void jc_tree_signal(struct jc_job *job, int signo);
/// Whether anything of the tree is left, as far as can be seen without a cgroup.
bool jc_tree_left(struct jc_job *job);
/// From now on reaps orphans of jobs' trees that came to this process as the subreaper.
int jc_orphans_start(struct jc_engine *engine);

#endif
