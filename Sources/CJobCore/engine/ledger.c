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

struct ledger {
    uint32_t magic, version;
    struct jc_job_state state;
};
_Static_assert(sizeof(struct ledger) <= JC_LEDGER_SIZE, "a ledger fits in its page");

int jc_ledger_open(struct jc_job *job)
{
    int fd = memfd_create("jobd ledger", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, JC_LEDGER_SIZE) < 0) {
        int status = -errno;
        close(fd);
        return status;
    }
    job->ledger = fd;
    jc_ledger_note(job);
    return 0;
}

void jc_ledger_note(struct jc_job *job)
{
    if (job->ledger < 0)
        return;
    struct ledger ledger = {.magic = MAGIC, .version = VERSION};
    jc_job_describe(job, &ledger.state);
    // Fails only without memory, the first time; then the ledger is empty, and none.
    (void)!pwrite(job->ledger, &ledger, sizeof ledger, 0);
}

int jc_ledger_read(int fd, struct jc_job_state *out)
{
    struct ledger ledger;
    if (pread(fd, &ledger, sizeof ledger, 0) != (ssize_t)sizeof ledger)
        return -EINVAL;
    if (ledger.magic != MAGIC || ledger.version != VERSION || ledger.state.pid <= 1)
        return -EINVAL;
    *out = ledger.state;
    return 0;
}

void jc_ledger_void(struct jc_job *job)
{
    static const struct ledger none;
    (void)!pwrite(job->ledger, &none, sizeof none, 0);
    close(job->ledger);
    job->ledger = -1;
}
