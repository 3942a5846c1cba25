#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

// What a successor must know of a job after this process was killed. Each note is one write of less than a
// page, which the kernel makes whole or not at all, also when the process is killed in it.

#define MAGIC 0x4b435044

/// The fields and their numbers, which are never given to another. One that is not known is skipped, and one
/// that is not there has its default: the daemon that reads it may be of another version.
#define FIELDS(X)                                                                                            \
    X(1, pid)                                                                                                \
    X(2, cgroup)                                                                                             \
    X(3, started_us)                                                                                         \
    X(4, dropped[0])                                                                                         \
    X(5, dropped[1])                                                                                         \
    X(6, output_error[0])                                                                                    \
    X(7, output_error[1])                                                                                    \
    X(8, output_limit)                                                                                       \
    X(9, grace_ms)                                                                                           \
    X(10, deadline)                                                                                          \
    X(11, input_taken)                                                                                       \
    X(12, input_pending)                                                                                     \
    X(13, limit_action)                                                                                      \
    X(14, term_sent)                                                                                         \
    X(15, kill_sent)                                                                                         \
    X(16, timed_out)                                                                                         \
    X(17, limit_killed)                                                                                      \
    X(18, stdin_closed)                                                                                      \
    X(19, term_pending)                                                                                      \
    X(20, launcher_rss_kib)                                                                                  \
    X(21, is_limited)                                                                                        \
    X(22, oom_killed)                                                                                        \
    X(23, counted.user_us)                                                                                   \
    X(24, counted.system_us)                                                                                 \
    X(25, counted.throttled_us)                                                                              \
    X(26, counted.peak_memory)                                                                               \
    X(27, signals)                                                                                           \
    X(28, is_terminal)

struct checkpoint {
    uint32_t magic, count;
    struct {
        uint64_t number, value;
    } fields[];
};
#define MOST ((JC_CHECKPOINT_SIZE - sizeof(struct checkpoint)) / (2 * sizeof(uint64_t)))

const struct jc_job_state jc_job_state_none = {
    .pidfd = -1,
    .stdin_write = -1,
    .pipe = {-1, -1},
    .file = {-1, -1},
    .terminal_pipe = -1,
    .checkpoint = -1,
    .cgroup = -1,
    .deadline = INT64_MAX,
};

/// The bytes of a checkpoint.
static size_t fill(struct checkpoint *checkpoint, const struct jc_job_state *state)
{
    uint32_t count = 0;
    checkpoint->magic = MAGIC;
#define WRITE(no, field)                                                                                     \
    checkpoint->fields[count].number = no;                                                                   \
    checkpoint->fields[count++].value = (uint64_t)state->field;
    FIELDS(WRITE)
    checkpoint->count = count;
    return sizeof *checkpoint + count * sizeof *checkpoint->fields;
}

static void take(struct jc_job_state *state, uint64_t number, uint64_t value)
{
    switch (number) {
#define READ(no, field)                                                                                      \
    case no:                                                                                                 \
        state->field = (__typeof__(state->field))value;                                                      \
        break;
        FIELDS(READ)
    }
}

int jc_checkpoint_open(struct jc_job *job)
{
    int fd = memfd_create("jobd checkpoint", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, JC_CHECKPOINT_SIZE) < 0) {
        int status = -errno;
        close(fd);
        return status;
    }
    job->state.checkpoint = fd;
    if (!job->state.adopted)
        job->state.launcher_rss_kib = jc_own_max_rss_kib();
    jc_checkpoint_note(job);
    return 0;
}

void jc_checkpoint_note(struct jc_job *job)
{
    if (job->state.checkpoint < 0)
        return;
    _Alignas(struct checkpoint) char page[JC_CHECKPOINT_SIZE];
    struct jc_job_state state = job->state;
    state.cgroup = job->launch.cgroup != NULL ? (int64_t)job->launch.cgroup->number : -1;
    state.is_limited = job->launch.cgroup != NULL && job->launch.cgroup->is_limited;
    // What a job waits for after its end is no limit of its own.
    if (job->reaped || job->looks_again)
        state.deadline = INT64_MAX;
    // Fails only without memory, the first time; then the checkpoint is empty, and none.
    (void)!pwrite(job->state.checkpoint, page, fill((struct checkpoint *)page, &state), 0);
}

int jc_checkpoint_read(int fd, struct jc_job_state *state)
{
    _Alignas(struct checkpoint) char page[JC_CHECKPOINT_SIZE];
    const struct checkpoint *checkpoint = (const struct checkpoint *)page;
    if (pread(fd, page, sizeof page, 0) != (ssize_t)sizeof page)
        return -EINVAL;
    if (checkpoint->magic != MAGIC || checkpoint->count > MOST)
        return -EINVAL;
    for (uint32_t i = 0; i < checkpoint->count; i++)
        take(state, checkpoint->fields[i].number, checkpoint->fields[i].value);
    return state->pid > 1 ? 0 : -EINVAL;
}

void jc_checkpoint_void(struct jc_job *job)
{
    static const struct checkpoint none;
    (void)!pwrite(job->state.checkpoint, &none, sizeof none, 0);
    close(job->state.checkpoint);
    job->state.checkpoint = -1;
}
