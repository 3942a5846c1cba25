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
/// After KILL, when what cannot be ended is left.
#define JC_LEAVE_MS 10000

/// A job's cgroup. One of the pool is made once, and used by one job after the other: making one costs more
/// than a launch may.
struct jc_cgroup {
    SLIST_ENTRY(jc_cgroup) link;
    LIST_ENTRY(jc_cgroup) known; ///< of all of an engine
    unsigned number;             ///< its name is job-<number>
    int dir;                     ///< O_PATH-like directory descriptor, for CLONE_INTO_CGROUP
    int events;                  ///< cgroup.events
    int changes;                 ///< number of its watch in the engine's inotify(7) instance, or negative
    bool watched;
    bool is_limited; ///< made for one job, with controllers
    bool is_free;
    _Atomic bool is_spent; ///< killed, or changed by somebody: not to be used again
};

SLIST_HEAD(jc_cgroups, jc_cgroup);

/// What a child uses of this process until exec; see launch_pad.c.
struct jc_launch_pad {
    TAILQ_ENTRY(jc_launch_pad) link;
    void *stack;     ///< JC_STACK_SIZE bytes
    int fds[3];      ///< what is put here becomes the child's 0, 1 and 2; else /dev/null
    bool is_used[3]; ///< something was put here
    int end;         ///< above all of them
};

TAILQ_HEAD(jc_launch_pads, jc_launch_pad);

/// What the launcher makes of a job, and all that it needs for it.
struct jc_launch {
    char **argv, **envp;
    char **files; ///< along PATH, for one that it is searched for; one allocation. NULL: it is `argv[0]`
    const char *cwd;
    struct jc_cgroup *cgroup;
    int stdin_fd;           ///< -1: none was given
    int places[3];          ///< of the pad, for the child's 0, 1 and 2
    uint16_t rows, columns; ///< of the terminal that they are; 0: they are none
    struct jc_limits limits;
    const struct jc_identity *identity;
    const char *marker; ///< the last entry of `envp`
    const struct jc_spawn_base *base;
    uint32_t flags;                  ///< of the plan
    struct jc_launch_pad *pad;       ///< until exec
    struct jc_launcher *launcher;    ///< who waits for exec; NULL: the loop's thread, which may not
    bool joins_cgroup, has_handlers; ///< what the child has to do itself
    bool shares_files;               ///< the child begins with this process's table of descriptors
    /// Out. Stored by the kernel before the child runs, zero once it is reaped: at any time in between the
    /// loop's thread can tell a job's first process from an orphan.
    _Atomic pid_t pid;
    _Atomic uint32_t is_starting; ///< cleared by the kernel: see spawn.c
    int pidfd;
    int64_t started_ms; ///< monotonic; 0: handed over
    int error;          ///< EINPROGRESS: it has not come to exec yet
    const char *stage;  ///< the child's while it is starting
};

/// A thread that launches.
struct jc_launcher {
    struct jc_engine *engine;
    pthread_t thread;
    struct jc_job *job; ///< at work on it since `since_ms`; under the lock
    int64_t since_ms;
    _Atomic bool waits; ///< until its child has come to exec: whoever clears it goes on with the job
};

/// Starting: exec takes long.
enum jc_job_phase { JC_QUEUED, JC_STARTING, JC_RUNNING, JC_OVER };

struct jc_job {
    struct jc_engine *engine;
    STAILQ_ENTRY(jc_job) link; ///< in the launchers' queues
    const struct jc_job_events *events;
    void *context;
    struct jc_job_state state; ///< what a successor takes over; the launcher's until the job runs
    struct jc_launch launch;   ///< its vectors are freed after the launch
    void *memory;              ///< one allocation: the launch's vectors, and the plan they point into
    char *output_name;
    char *marker;      ///< the environment's entry that names the job; without cgroups only
    bool holds_output; ///< in memory, and not in files yet
    struct jc_held {
        char *bytes;
        size_t length, size;
        bool waits; ///< no more is read for now
    } held[2];
    struct jc_pipe_size {
        bool is_large, is_fixed;
        unsigned small_reads; ///< one after the other, of a large one
    } pipe_size[2];
    uint64_t user_us, system_us, max_rss_kib; ///< as its parent was told
    uint64_t timeout_ms;
    uint64_t stop_grace; ///< the shortest grace asked for
    struct jc_timer *timer;
    uint32_t slot, generation;
    int status;
    enum jc_job_phase phase;
    bool reaped, tree_gone, stop_asked, forced_eof;
    bool is_term_due;       ///< of one that was adopted: its predecessor may not have come to it
    bool is_wait_told;      ///< that its launch takes long
    bool is_watched;        ///< its pipes and its end
    bool awaits_room;       ///< its terminal did not take all of the input
    bool hangs_up;          ///< its terminal is hung up once the output that is held is in files
    bool is_left;           ///< it is over, but not all of its processes
    int64_t start_limit_ms; ///< monotonic: when one that is starting is killed
    int64_t give_up_ms;     ///< monotonic: when what cannot be ended is left
    bool looks_again;       ///< nothing tells when it has ended, but looking from time to time
    bool is_zombie;         ///< reaped with the job's release: until then a successor can read how it ended
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
    bool shares_files;          ///< children begin with this process's table of descriptors
    _Atomic bool forbids_dumps; ///< see jc_engine_forbid_dumps
    uint64_t ignored; ///< signals to reset, the first in the lowest bit: those this process ignores, or may
};

struct jc_engine {
    struct jc_loop *loop;
    struct jc_engine_options options;
    struct jc_spawn_base base;
    int epoll; ///< of all the jobs' descriptors; itself one event of the loop
    struct jc_watcher *readable;
    int done_fd; ///< eventfd(2): there is something in `done`
    struct jc_watcher *launched;
    struct jc_timer *orphan_timer;
    char *buffer; ///< JC_PIPE_LARGE bytes, shared by all drains

    struct jc_job_slot *slots;
    uint32_t slot_count, free_slot;
    size_t job_count;
    pid_t ignored[32];
    size_t drained;     ///< bytes read in this round
    size_t held_output; ///< bytes of jobs' output that are in memory
    unsigned large_pipes;

    // The launchers' side, under `lock`.
    pthread_mutex_t lock;
    pthread_cond_t wake;
    STAILQ_HEAD(jc_jobs, jc_job) waiting, done;
    bool done_posted, stopping;
    unsigned queued;
    struct jc_launch_pads free_pads; ///< the lowest first
    unsigned free_pad_count;
    struct jc_cgroups free_cgroups;
    LIST_HEAD(, jc_cgroup) known_cgroups;
    unsigned next_cgroup, free_count, used_count;
    int changes; ///< inotify(7) instance that tells of changes of cgroups; -1: none
    int cgroup_dir, limited_dir;
    unsigned controllers;           ///< `enum jc_limit_bits`
    DIR *proc;                      ///< for jobs without a cgroup
    struct jc_launcher **launchers; ///< NULL: there is not the memory for one, for now
    struct jc_timer *launch_timer;  ///< runs while there are launches
    bool looks_at_launches;
};

#define JC_STACK_SIZE (64 << 10)
/// How long a launcher waits for exec, which takes less than a millisecond. Whatever takes longer is looked
/// at from time to time.
#define JC_SOON_MS 100
/// Starts a process in a session of its own. 0 or a negative errno with the `stage` that failed;
/// -EINPROGRESS: exec takes long, or the loop's thread launches, and `jc_spawn_end` follows when it is not
/// starting any more; what a launcher launched is the loop's then, and `launch` maybe gone.
int jc_spawn(struct jc_launch *launch);
/// The loop's thread takes a launch that takes long from its launcher. False: there is none.
bool jc_spawn_take(struct jc_launcher *launcher);
bool jc_spawn_is_starting(const struct jc_launch *launch);
/// One that is starting, and so not reaped.
void jc_spawn_kill(const struct jc_launch *launch);
/// How it went. 0: exec succeeded, or it was killed before.
int jc_spawn_end(struct jc_launch *launch);

/// Whether the kernel lets a child that shares the table of descriptors leave it rightly. The first call
/// takes a tenth of a millisecond.
bool jc_may_share_files(void);
/// Any thread, until jc_pads_free. One that is free, or a new one: 0 or a negative errno.
int jc_pad_take(struct jc_engine *engine, struct jc_launch_pad **out);
/// Makes `fd`, which is closed here, the pad's: 0 or a negative errno.
int jc_pad_put(struct jc_launch_pad *pad, int index, int fd);
/// No child uses it any more: what was put there is closed. It may be NULL.
void jc_pad_give(struct jc_engine *engine, struct jc_launch_pad *pad);
/// One for each launcher.
int jc_pads_make(struct jc_engine *engine);
void jc_pads_free(struct jc_engine *engine);
/// Makes the files that a program may be in. 0 or -ENOMEM.
int jc_exec_files(struct jc_launch *launch);
/// What the child does; returns only when exec failed, with the errno.
int jc_child_run(void *launch);
/// clone3(2) that calls `run(argument)` in the child, on the stack named in `args`.
long jc_clone3(void *args, size_t size, int (*run)(void *), void *argument);

int jc_launchers_start(struct jc_engine *engine);
/// Launches that are done, or take long.
void jc_launches_take_back(void *engine);
void jc_launchers_stop(struct jc_engine *engine);
bool jc_launchers_full(struct jc_engine *engine);
void jc_launch_submit(struct jc_job *job);
/// On the loop's thread, for each job that came back from its launcher.
void jc_job_launched(struct jc_job *job);
/// Its child needs its pad no more.
void jc_launch_leave_pad(struct jc_job *job);
/// It did not come to exec: closes what was opened for it.
void jc_launch_failed(struct jc_job *job, int status);
/// Its process is there: the job has begun.
void jc_launch_began(struct jc_job *job);
/// It did: its process is the job's.
void jc_launch_succeeded(struct jc_job *job);

/// The loop's thread launched it: what comes of its process tells that it is starting no more.
void jc_start_watch(struct jc_job *job);
/// Its launch takes long: others are launched meanwhile.
void jc_start_wait(struct jc_job *job);
void jc_start_check(struct jc_job *job);
void jc_start_stop(struct jc_job *job);
/// Kills a job and tells it as one that could not be started.
void jc_job_give_up(struct jc_job *job, int error, const char *stage);
/// Ends a job though processes of it are left. The error is told unless its first process was reaped.
void jc_job_leave(struct jc_job *job, int error, const char *stage);
/// Looks whether what is left of a job that is over is gone.
void jc_left_check(struct jc_job *job);

/// Opens a cgroup, which is made unless it is there.
int jc_cgroup_open(int parent, const char *name, struct jc_cgroup *cgroup);
void jc_cgroup_close(const struct jc_cgroup *cgroup);
/// The cgroup of a job that was handed over.
int jc_cgroup_adopt(struct jc_engine *engine, const struct jc_job_state *state, struct jc_cgroup **out);
/// One of the pool, or for a job with limits one of its own.
int jc_cgroup_take(struct jc_engine *engine, const struct jc_limits *limits, struct jc_cgroup **out);
/// Names the job that is in it, for whoever looks at the hierarchy.
void jc_cgroup_label(const struct jc_cgroup *cgroup, const char *marker);
void jc_cgroup_give(struct jc_engine *engine, struct jc_cgroup *cgroup);
/// Leaves it as it is, for another to take over.
void jc_cgroup_let_go(struct jc_engine *engine, struct jc_cgroup *cgroup);
/// Removes one that is of no more use, with what is below it.
void jc_cgroup_drop(struct jc_engine *engine, struct jc_cgroup *cgroup);
bool jc_cgroup_populated(const struct jc_cgroup *cgroup);
void jc_cgroup_kill(struct jc_cgroup *cgroup);
void jc_cgroups_free(struct jc_engine *engine);

/// Where the cgroups with controllers are, beside those of the pool (freed with free). NULL: no memory.
char *jc_limits_path(const char *cgroup_parent);
/// Looks which limits jobs can have.
int jc_limits_open(struct jc_engine *engine);
/// `enum jc_limit_bits`: those that are asked for.
unsigned jc_limits_bits(const struct jc_limits *limits);
/// Sets the limits of a cgroup that has the controllers for them.
int jc_limits_set(const struct jc_cgroup *cgroup, const struct jc_limits *limits);
#define JC_SMALL_FILE 4096
/// Reads a small file of a cgroup or of /proc, ended by NUL. False when it is not there.
bool jc_small_file_read(int dir, const char *name, char text[JC_SMALL_FILE]);
/// Reads a file of /proc into the engine's buffer, ended by NUL. False when it cannot be opened (errno).
bool jc_proc_read(const struct jc_engine *engine, const char *path, size_t *length);
/// Reads a process's status (proc_pid_status(5)) into the engine's buffer. False: it is gone.
bool jc_status_read(const struct jc_engine *engine, pid_t pid);
/// The values of a line of what was read, and the characters after them. `name` begins with a line feed.
const char *jc_status_values(const struct jc_engine *engine, const char *name);
/// Whether a set of signals in it, such as "\nSigIgn:\t", has this one.
bool jc_status_has_signal(const struct jc_engine *engine, const char *name, int signo);
int jc_small_file_write(int dir, const char *name, const char *text);
/// Of a job that ended, before its cgroup is removed: what it used, and whether the OOM killer ended it.
void jc_limits_take_usage(struct jc_job *job);

/// From now on what somebody changes of a cgroup is noticed.
void jc_cgroup_changes_open(struct jc_engine *engine);
void jc_cgroup_changes_add(struct jc_engine *engine, struct jc_cgroup *cgroup);
/// Marks those that were changed as spent. Under the lock.
void jc_cgroup_changes_read(struct jc_engine *engine);
/// Visits processes that are in a cgroup, `most` of them at most.
void jc_cgroup_processes(int dir, int most, void (*visit)(void *context, pid_t pid), void *context);
/// Visits all processes in a cgroup and below it.
void jc_cgroup_walk(int dir, void (*visit)(void *context, pid_t pid), void *context);
/// Removes the cgroups below one that is empty.
void jc_cgroup_walk_remove(int dir);

struct jc_job *jc_job_make(struct jc_engine *engine);
int jc_job_watch(struct jc_job *job);
/// Its end, once.
int jc_job_watch_exit(struct jc_job *job);
/// Should this process be killed in it, its successor does it again.
void jc_job_send_term(struct jc_job *job);
/// As what its deadline brings, in a later round: its deadline stays.
void jc_job_term_again(struct jc_job *job);

/// Kinds of descriptors in the engine's epoll set.
enum jc_watch {
    JC_WATCH_STDOUT,
    JC_WATCH_STDERR,
    JC_WATCH_EXIT,
    JC_WATCH_TREE,
    JC_WATCH_STDIN,
    JC_WATCH_TERMINAL
};
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
/// Puts bytes that were counted as kept into the stream's file.
void jc_drain_put(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length);
/// Makes a terminal as what the child gets as 0, 1 and 2. 0 or a negative errno.
int jc_terminal_open(struct jc_job *job);
/// Of one that was handed over: before anything reads its pipe, which has no writer.
int jc_terminal_reopen(struct jc_job_state *state);
int jc_terminal_watch(struct jc_job *job);
/// Moves what the job's terminal holds into its pipe, as far as that takes it. Once its tree is gone, and
/// nothing is left, the terminal is closed.
void jc_terminal_pump(struct jc_job *job);
/// Hangs up. What is in its pipe is still read.
void jc_terminal_close(struct jc_job *job);
/// Of a job that runs: closes the terminal when what it holds has become output.
void jc_terminal_hang_up(struct jc_job *job);
/// Bytes of a stream that memory takes still.
size_t jc_held_room(const struct jc_job *job, enum jc_stream stream);
/// The number of bytes taken: 0 without memory.
size_t jc_held_add(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length);
/// Leaves what comes in the pipe until jc_job_keep_output.
void jc_held_wait(struct jc_job *job, enum jc_stream stream);
void jc_held_free(struct jc_job *job);
/// Of a job that is adopted: how large its pipes are.
void jc_pipe_sizes_read(struct jc_job *job);
/// `count` bytes were in it: one that a job fills becomes larger, and smaller again when it does not.
void jc_pipe_resize(struct jc_job *job, enum jc_stream stream, size_t count);
/// It is about to be closed.
void jc_pipe_size_forget(struct jc_job *job, enum jc_stream stream);
/// Opens a job's output file. The descriptor, or a negative errno.
int jc_output_open(const struct jc_engine *engine, const char *output_name, enum jc_stream stream, int flags);
void jc_drain_close(struct jc_job *job, enum jc_stream stream);
void jc_drains_close(struct jc_job *job);
void jc_job_exited(struct jc_job *job);
/// How the first process ended. It is reaped, unless a successor may have to ask again. -EAGAIN: it has not
/// ended; -ECHILD: somebody else took its status for good.
int jc_exit_status(struct jc_job *job);
/// The most memory that this process has had.
uint64_t jc_own_max_rss_kib(void);
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

/// A visit that sends `*signo`.
void jc_send_signal(void *signo, pid_t pid);
/// Sends `signo` to all processes of the job: by its cgroup, else by what can be found of its tree.
void jc_tree_signal(struct jc_job *job, int signo);
/// Visits all processes of the job.
void jc_tree_visit(struct jc_job *job, void (*visit)(void *context, pid_t pid), void *context);
/// Sends `signo` to those in PID namespaces that were made within the job. False: it has no such way, or none
/// of them takes it.
bool jc_inside_signal(struct jc_job *job, int signo);
/// Whether anything of the tree is left, as far as can be seen without a cgroup.
bool jc_tree_left(struct jc_job *job);
/// From now on reaps orphans of jobs' trees that came to this process as the subreaper.
int jc_orphans_start(struct jc_engine *engine);

#endif
