#ifndef JOBCORE_JOB_H
#define JOBCORE_JOB_H

#include <jobcore/loop.h>
#include <stddef.h>
#include <sys/types.h>

/// Launches, drains and reaps jobs on one loop.
struct jc_engine;
struct jc_job;

enum jc_stream { JC_STDOUT = 0, JC_STDERR = 1 };
enum jc_limit_action { JC_LIMIT_TRUNCATE = 0, JC_LIMIT_KILL = 1 };
/// Whom the signals of a job reach: TERM (with CONT) before the KILL, and those of jc_job_signal. Of KILL
/// that ends the job it is each of its processes, in all ways.
enum jc_signals {
    JC_SIGNALS_TREE = 0, ///< all of its processes, or the first one
    /// Its first process is a runner that makes a PID namespace for the job proper, such as bwrap(1): those
    /// in there, also of jc_job_signal to the first process. While there are none that take it: as with TREE.
    JC_SIGNALS_INSIDE = 1,
    /// The processes here only stand for the job: TERM is the owner's to send (`term_asked`); jc_job_signal
    /// as with TREE.
    JC_SIGNALS_OWNER = 2,
};

/// What a job may use, all of its processes together. 0: no limit.
struct jc_limits {
    uint64_t memory;    ///< bytes; nothing of it is swapped. All of the job is killed when it needs more
    uint32_t cpu_milli; ///< thousandths of a CPU, 10 at least; it waits when it needs more
    uint32_t processes; ///< with threads; fork(2) fails beyond it
};
/// Which of them an engine can enforce.
enum jc_limit_bits { JC_LIMIT_MEMORY = 1, JC_LIMIT_CPUS = 2, JC_LIMIT_PROCESSES = 4 };

struct jc_engine_options {
    unsigned launchers; ///< launcher threads; 0: each launch runs on the loop's thread
    /// A cgroup v2 directory this process may make children in, or NULL: process groups and child-subreaper.
    const char *_Nullable cgroup_parent;
    /// Descriptor of the directory of output files; stays the caller's. Files get the group of the directory
    /// they are in where that has the set-group-ID bit.
    int output_dir;
    mode_t output_mode; ///< permission bits of output files, such as 0640
    /// A daemon's engine, never a library's: it becomes child-subreaper and reaps orphans, and its jobs have
    /// limits (setrlimit(2)) and an OOM score that do not depend on who started the daemon.
    bool is_daemon;
    /// Milliseconds that a program may take to come to run (execve(2)); then it is killed.
    uint64_t launch_ms;
    int keeper; ///< link to the keeper (keeper/link.h), the parent of adopted jobs' processes; -1: none
};

/// Who a job runs as.
struct jc_identity {
    uid_t uid;                     ///< (uid_t)-1: as this process, with its groups
    gid_t gid;                     ///< (gid_t)-1: as this process
    const gid_t *_Nullable groups; ///< supplementary ones, where `uid` is set
    size_t group_count;
    /// NULL-terminated: the entries of the environment that the plan does not replace.
    const char *_Nullable const *_Nonnull environment;
};

/// What a plan does not say of its job. The strings are copied before `jc_job_start` returns; `identity`
/// lives as long as the engine.
struct jc_job_options {
    const void *_Nonnull plan; ///< a plan that was checked (jc_plan_check); copied
    size_t plan_length;
    const struct jc_identity *_Nonnull identity;
    const char *_Nonnull marker;      ///< NAME=VALUE, the environment's last entry, which no plan replaces
    const char *_Nonnull output_name; ///< files are `<output_name>.stdout` and `.stderr` in output_dir
    /// Taken over, closed after the launch (also when the start fails). -1: a pipe where the plan's standard
    /// input stays open, else /dev/null.
    int stdin_fd;
    uint64_t output_limit; ///< bytes kept of each stream, if the plan's limit is not less
    uint64_t grace_ms;     ///< where the plan has none
    struct jc_limits limits;
    enum jc_signals signals;
    /// The output stays in memory until jc_job_keep_output: at most 64 KiB of a stream, and 64 MiB of all
    /// jobs; with more the job waits, which `output_full` tells. Until then it cannot be adopted.
    bool holds_output;
};

struct jc_job_result {
    int error; ///< 0, or the errno that kept the job from starting
    /// What failed: "exec", "chdir", "pipe", ...; static storage. "wait": it ran and ended, but other code of
    /// this process took its exit status (ECHILD). "start": exec took too long (ETIMEDOUT), or the job was
    /// stopped meanwhile (ECANCELED). "kill": it runs, and cannot be ended.
    const char *_Nullable error_stage;
    /// What it failed for: the program of "exec" and "start", the directory of "chdir", else NULL. Lives
    /// during the callback.
    const char *_Nullable error_subject;
    int exit_code;                ///< 128 + signal when ended by a signal
    int signal;                   ///< 0, or the signal that ended the first process
    bool timed_out, limit_killed; ///< why it was ended, if by this engine
    /// KILL was sent by this engine, or the one before it, at once or after the grace, while its first
    /// process had not ended; not told of jc_job_signal. Also set where there is an error.
    bool killed;
    bool oom_killed; ///< the kernel killed a job with limits, for want of memory
    bool forced_eof; ///< a pipe was held open by a process outside the tree and was let go
    /// Processes of it are left that KILL does not end: they wait in the kernel, or are another user's.
    /// `gone` follows, and the job is not freed before. `left_pid`: the first process, 0 when it is not among
    /// them.
    bool left;
    pid_t left_pid;
    int64_t started_us, finished_us; ///< CLOCK_REALTIME, microseconds
    uint64_t bytes[2];               ///< kept, per stream
    uint64_t dropped[2];             ///< past the limit, or not writable, per stream
    int output_error[2];             ///< errno of the first failed write to the stream's file, or 0
    /// CPU time of a job with limits (cpu.stat); of others of the first process and of those it waited for
    /// (wait4).
    uint64_t user_us, system_us;
    uint64_t throttled_us; ///< that it waited because of `cpu_milli`
    /// Peak memory of a job with limits (memory.peak, since Linux 5.19); of others the peak resident set of
    /// the largest reaped process (wait4), 0: no more than this process has had, which is all that the kernel
    /// tells.
    uint64_t max_rss_kib;
};

/// What a job has used, and uses.
struct jc_usage {
    uint64_t user_us, system_us, throttled_us;
    uint64_t memory, peak_memory; ///< bytes; `peak_memory` 0: not known
    unsigned looked_at;           ///< processes, each of which cost a file of /proc to read
};

/// All are called on the loop's thread.
struct jc_job_events {
    /// Exec takes long: others are launched meanwhile. `started` or `finished` follows. NULL: not wanted.
    void (*_Nullable start_waits)(void *_Nullable context);
    /// The program runs: exec succeeded. Not called when it fails (then `finished` carries the errno).
    void (*_Nonnull started)(void *_Nullable context, pid_t pid, int64_t started_us);
    /// `length` bytes more of `stream` are in its file, or held in memory. NULL: not wanted.
    void (*_Nullable output)(void *_Nullable context, enum jc_stream stream, uint64_t length);
    /// Nothing more of `stream` can be kept, because of `error` (an errno); told once. NULL: not wanted.
    void (*_Nullable output_failed)(void *_Nullable context, enum jc_stream stream, int error);
    /// More output than memory takes: the job waits for jc_job_keep_output. Told of each stream. NULL: not
    /// wanted.
    void (*_Nullable output_full)(void *_Nullable context);
    /// Room in the stdin pipe again after a short `jc_job_stdin_write`; or (error < 0) the reader is gone.
    void (*_Nullable stdin_ready)(void *_Nullable context, int error);
    /// With JC_SIGNALS_OWNER: TERM is to be sent, and jc_job_term_sent to be called when it is; the grace has
    /// begun. Told within jc_job_stop too, and again to a successor, unless it was sent: the grace is the
    /// same then. NULL: jobs have no such way, and JC_SIGNALS_OWNER is JC_SIGNALS_TREE.
    void (*_Nullable term_asked)(void *_Nullable context);
    /// First process reaped, both pipes at end of file, tree gone. The output files stay open until
    /// `jc_job_free`, which the owner calls, here or later. Called exactly once for each started job.
    void (*_Nonnull finished)(void *_Nullable context, const struct jc_job_result *_Nonnull result);
    /// What was left of it is gone: the last call, where `result->left` was set.
    void (*_Nonnull gone)(void *_Nullable context);
};

int jc_engine_new(struct jc_loop *_Nonnull loop, const struct jc_engine_options *_Nonnull options,
                  struct jc_engine *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Ends the launchers and frees the engine. All its jobs must have been freed.
void jc_engine_free(struct jc_engine *_Nullable engine);

/// Readable when there is something to do for a job, for the timers see `jc_engine_deadline`; of an
/// engine without launchers. Stays the engine's.
int jc_engine_fd(const struct jc_engine *_Nonnull engine);
/// When the first of the jobs' timers is due, in milliseconds of the monotonic clock; INT64_MAX: never.
int64_t jc_engine_deadline(const struct jc_engine *_Nonnull engine);

/// From here on no core dump of this process is made, nor may another of its user's look into it (prctl(2),
/// PR_SET_DUMPABLE); jobs are not concerned. Any thread.
void jc_engine_forbid_dumps(struct jc_engine *_Nonnull engine);

/// `pid` is a child of this process that is not the engine's: its status is left to whoever started it.
void jc_engine_ignore_child(struct jc_engine *_Nonnull engine, pid_t pid);
/// It was reaped by its owner: the kernel may give its number to another process.
void jc_engine_forget_child(struct jc_engine *_Nonnull engine, pid_t pid);

/// `enum jc_limit_bits`: the limits that jobs can have here; none without launchers.
unsigned jc_engine_controllers(const struct jc_engine *_Nonnull engine);

/// Starts a job; everything after this is told through `events`. -ENOMEM, -EAGAIN while 2^20 jobs wait for a
/// launcher, -ENOTSUP for a limit that cannot be enforced.
int jc_job_start(struct jc_engine *_Nonnull engine, const struct jc_job_options *_Nonnull options,
                 const struct jc_job_events *_Nonnull events, void *_Nullable context,
                 struct jc_job *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Sends `signo` to the first process or (`tree`) to every process of the job, or as its `enum jc_signals`
/// says. -ESRCH once it has ended; -EINVAL.
int jc_job_signal(struct jc_job *_Nonnull job, int signo, bool tree) __attribute__((warn_unused_result));
/// TERM to the whole tree (see `enum jc_signals`), KILL after `grace_ms` (0: KILL at once). A job still
/// waiting for its launcher ends as soon as it is launched. Harmless when repeated; a shorter grace replaces
/// a longer one.
void jc_job_stop(struct jc_job *_Nonnull job, uint64_t grace_ms);
/// The owner has sent the TERM of `term_asked`: no successor is asked for it. Harmless when repeated.
void jc_job_term_sent(struct jc_job *_Nonnull job);
/// Writes to the job's stdin pipe or terminal. The number of bytes taken (0 when full: wait for
/// `stdin_ready`), -EPIPE, or -EBADF: its input was closed, it has none, or its first process has ended.
ssize_t jc_job_stdin_write(struct jc_job *_Nonnull job, const void *_Nonnull bytes, size_t length)
    __attribute__((warn_unused_result));
/// Its reader is at the end. A terminal is hung up: what it holds becomes output, and SIGHUP follows.
void jc_job_stdin_close(struct jc_job *_Nonnull job);
/// Sets the size of its terminal, of which its foreground processes are told (SIGWINCH). -ENOTTY where it has
/// none, or its input was closed; -ESRCH while it is being launched and once its first process has ended.
int jc_job_resize(struct jc_job *_Nonnull job, uint16_t rows, uint16_t columns)
    __attribute__((warn_unused_result));
/// What a job that runs has used so far. Of one with limits all is known (cpu.stat, memory.current). Of
/// others it is summed up over the processes that are there, a thousand at most, or without a cgroup over the
/// first one (proc_pid_stat(5)): what those have used that ended and were not waited for is not in it, and
/// what processes share counts for each. -EAGAIN while it is being launched, -ESRCH once its first process
/// has ended.
int jc_job_usage(struct jc_job *_Nonnull job, struct jc_usage *_Nonnull out)
    __attribute__((warn_unused_result));
/// Readable once its first process has ended; -1: it was reaped, or is not there yet. Stays the job's.
int jc_job_pidfd(const struct jc_job *_Nonnull job);
/// The stream's output file, or -1 when there was no output. Stays the job's.
int jc_job_output_fd(struct jc_job *_Nonnull job, enum jc_stream stream);
/// The output in memory of a job that `holds_output`; valid until jc_job_keep_output or jc_job_free.
const void *_Nullable jc_job_held_output(const struct jc_job *_Nonnull job, enum jc_stream stream,
                                         size_t *_Nonnull length);
/// From now on the output is in files, what was in memory too. Where a file does not take it, less is kept
/// than was told by `output`, and `output_failed` says so. Harmless when repeated.
void jc_job_keep_output(struct jc_job *_Nonnull job);
/// The output in memory is dropped, and whatever follows.
void jc_job_drop_output(struct jc_job *_Nonnull job);
/// Sets `bytes`, `dropped` and `output_error` as they are now.
void jc_job_output_counts(const struct jc_job *_Nonnull job, struct jc_job_result *_Nonnull result);
/// Frees a job that finished, and of which nothing is left, and closes its files.
void jc_job_free(struct jc_job *_Nullable job);

/// The cgroup that the daemon's own processes are in, below the one it was started in: where controllers are
/// turned on for a cgroup's children, none but those may hold processes (cgroups(7), "no internal
/// processes").
#define JC_DAEMON_LEAF "jobd-daemon"
/// Moves this process into the cgroup at `path`, which is made if it is not there, and with it the keeper,
/// which made the socket `link`, as long as that is its parent. 0 or a negative errno.
int jc_cgroup_move_daemon(const char *_Nonnull path, int link) __attribute__((warn_unused_result));
/// The writable cgroup v2 directory of this process, or the one above its leaf, for `cgroup_parent` (freed
/// with free), or -ENOENT, -EACCES.
int jc_cgroup_find(char *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Makes `<parent>/<name>` for the jobs of one daemon, and `<parent>/<name>-limited` for those with limits.
/// Kills whatever a predecessor left running in them, but in the cgroups with the `count` numbers `spared`.
/// `out`: the former, for `cgroup_parent`.
int jc_cgroup_claim(const char *_Nonnull parent, const char *_Nonnull name, const int64_t *_Nullable spared,
                    size_t count, char *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Turns on a controller, such as "memory", for the jobs with limits in a claimed directory. Where it fails
/// `failed` is the directory (freed with free): -ENOENT: there is no such controller; -EBUSY: there are
/// processes in it (cgroups(7), "no internal processes").
int jc_cgroup_turn_on(const char *_Nonnull path, const char *_Nonnull controller,
                      char *_Nullable *_Nonnull failed) __attribute__((warn_unused_result));
/// Removes claimed directories and the empty ones in them.
void jc_cgroup_release(const char *_Nonnull path);

#endif
