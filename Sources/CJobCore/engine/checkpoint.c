#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

// What a successor must know of a job after this process was killed. Each note is one write of less than a
// page, which the kernel makes whole or not at all, also when the process is killed in it.

#define MAGIC 0x4c444f4a
/// Changes with `struct jc_job_state`: a daemon of another version does not adopt the job.
#define VERSION 1

struct checkpoint {
    uint32_t magic, version;
    struct jc_job_state state;
};
_Static_assert(sizeof(struct checkpoint) <= JC_CHECKPOINT_SIZE, "a checkpoint fits in its page");

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
    jc_checkpoint_note(job);
    return 0;
}

void jc_checkpoint_note(struct jc_job *job)
{
    if (job->state.checkpoint < 0)
        return;
    struct checkpoint checkpoint = {.magic = MAGIC, .version = VERSION};
    jc_job_describe(job, &checkpoint.state);
    // Fails only without memory, the first time; then the checkpoint is empty, and none.
    (void)!pwrite(job->state.checkpoint, &checkpoint, sizeof checkpoint, 0);
}

int jc_checkpoint_read(int fd, struct jc_job_state *out)
{
    struct checkpoint checkpoint;
    if (pread(fd, &checkpoint, sizeof checkpoint, 0) != (ssize_t)sizeof checkpoint)
        return -EINVAL;
    if (checkpoint.magic != MAGIC || checkpoint.version != VERSION || checkpoint.state.pid <= 1)
        return -EINVAL;
    *out = checkpoint.state;
    return 0;
}

void jc_checkpoint_void(struct jc_job *job)
{
    static const struct checkpoint none;
    (void)!pwrite(job->state.checkpoint, &none, sizeof none, 0);
    close(job->state.checkpoint);
    job->state.checkpoint = -1;
}
