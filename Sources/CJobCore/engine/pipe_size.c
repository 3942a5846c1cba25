#define _GNU_SOURCE
#include "engine_private.h"

#include <fcntl.h>

// All pipes of an ordinary user together have no more pages than pipe-user-pages-soft (pipe(7)), 64 MiB as it
// comes; beyond that a new one holds 8 KiB. So no more than a quarter of them is for large pipes.

#define MOST_LARGE 16
#define SMALL_READS 4

static void set_large(struct jc_job *job, enum jc_stream stream, bool is_large)
{
    struct jc_pipe_size *size = &job->pipe_size[stream];
    if (size->is_large != is_large)
        job->engine->large_pipes += is_large ? 1 : -1U;
    size->is_large = is_large;
    size->small_reads = 0;
}

static void grow(struct jc_job *job, enum jc_stream stream)
{
    if (job->engine->large_pipes >= MOST_LARGE)
        return;
    if (fcntl(job->state.pipe[stream], F_SETPIPE_SZ, JC_PIPE_LARGE) >= 0)
        set_large(job, stream, true);
    else
        job->pipe_size[stream].is_fixed = true;
}

void jc_pipe_resize(struct jc_job *job, enum jc_stream stream, size_t count)
{
    struct jc_pipe_size *size = &job->pipe_size[stream];
    if (count >= JC_PIPE_SMALL) {
        size->small_reads = 0;
        if (!size->is_large && !size->is_fixed)
            grow(job, stream);
    } else if (size->is_large && ++size->small_reads >= SMALL_READS) {
        // With more in it than it could hold it stays as it is (EBUSY).
        size->small_reads = 0;
        if (fcntl(job->state.pipe[stream], F_SETPIPE_SZ, JC_PIPE_SMALL) >= 0)
            set_large(job, stream, false);
    }
}

void jc_pipe_sizes_read(struct jc_job *job)
{
    for (int i = 0; i < 2; i++)
        if (job->state.pipe[i] >= 0 && fcntl(job->state.pipe[i], F_GETPIPE_SZ) > JC_PIPE_SMALL)
            set_large(job, (enum jc_stream)i, true);
}

void jc_pipe_size_forget(struct jc_job *job, enum jc_stream stream)
{
    set_large(job, stream, false);
}
