#ifndef JOBCORE_HANDOVER_H
#define JOBCORE_HANDOVER_H

#include <jobcore/job.h>

/// A running job as a successor takes it over. Descriptors are -1 where there is none.
struct jc_job_state {
    pid_t pid;
    int pidfd, stdin_write, pipe[2], file[2];
    int terminal_pipe; ///< write end of `pipe[0]`, of one with a terminal; no other has a copy
    int checkpoint;    ///< see `jc_job_entry`
    int64_t cgroup;    ///< number of its cgroup, -1: none
    bool is_limited;   ///< that one has controllers
    int64_t started_us;
    uint64_t kept[2], dropped[2];
    int output_error[2];
    uint64_t output_limit, grace_ms;
    int64_t deadline;          ///< of its time limit or grace, CLOCK_MONOTONIC milliseconds; INT64_MAX: none
    uint64_t input_taken;      ///< bytes of the open standard input that its pipe took
    uint64_t input_pending;    ///< bytes that were being written when the predecessor ended, if it was killed
    uint64_t launcher_rss_kib; ///< the most memory that the process that launched it had
    enum jc_limit_action limit_action;
    enum jc_signals signals;
    bool term_sent, kill_sent, timed_out, limit_killed, stdin_closed;
    bool is_terminal;  ///< `stdin_write` is the master of a terminal, whose output goes through `pipe[0]`
    bool term_pending; ///< TERM was being sent, or its owner asked for it, when the predecessor ended
    bool adopted;      ///< its process is the keeper's child
    bool oom_killed;   ///< see `struct jc_job_result`; known once its cgroup is gone
    /// What that counted in all, of a job with limits.
    struct jc_usage counted;
};

// To a successor, after this process ended in whatever way: the keeper holds copies of the descriptors until
// then, and is the parent of the job's process.

/// Bytes of a checkpoint.
#define JC_CHECKPOINT_SIZE 4096

/// Makes an entry of a running job: a socket in whose queue copies of its pidfd, its output pipes and its
/// checkpoint lie; the caller's to close. The checkpoint is memory that tells from now on what the job's
/// state is. Its standard input is not in the entry, since whoever holds a copy of that keeps it open: see
/// `jc_job_stdin_fd`. From now on output goes from the pipe to the file in one step that a kill cannot
/// divide, and its first process stays a zombie until `jc_job_free`. -EAGAIN while it is being launched or
/// when its first process has ended: wait for its next event.
int jc_job_entry(struct jc_job *_Nonnull job, int *_Nonnull out) __attribute__((warn_unused_result));
/// The write end of its standard input, or -1. Stays the job's.
int jc_job_stdin_fd(const struct jc_job *_Nonnull job);
/// Reads an entry, which stays as it is, with fresh copies of the descriptors. -EINVAL for anything else.
int jc_entry_read(int entry, struct jc_job_state *_Nonnull out) __attribute__((warn_unused_result));
/// Whether its entry tells what a successor needs. Not on a file system that cannot splice, until another
/// entry is made: what is between pipe and file would be lost with this process.
bool jc_job_is_adoptable(const struct jc_job *_Nonnull job);
/// Goes on with a held job whose supervisor is gone, with its output files as they are. Sets `kept` and
/// `file` of `state`, and takes over its descriptors; when it fails they stay the caller's, and `file` is as
/// it was. `output_name` and `marker` (the environment's JOBD_JOB_ID entry) are copied. Nothing is told
/// before it returns.
int jc_job_adopt(struct jc_engine *_Nonnull engine, struct jc_job_state *_Nonnull state,
                 const char *_Nonnull output_name, const char *_Nonnull marker,
                 const struct jc_job_events *_Nonnull events, void *_Nullable context,
                 struct jc_job *_Nullable *_Nonnull out) __attribute__((warn_unused_result));
/// Closes the descriptors of a state that nobody takes over.
void jc_job_state_close(struct jc_job_state *_Nonnull state);
/// Kills a job that is not adopted: its first process and all in its cgroup. Closes the descriptors.
void jc_job_state_kill(struct jc_engine *_Nonnull engine, struct jc_job_state *_Nonnull state);

#endif
