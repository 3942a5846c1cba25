#include "engine_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

// Output of a job that is not on record yet stays in memory: its files would be nobody's after a kill. What
// does not fit is left in the pipe, and the job waits, until it is on record and its files take all.

/// Of one stream.
#define MOST ((size_t)64 << 10)
/// Of all jobs together.
#define MOST_TOGETHER ((size_t)64 << 20)

size_t jc_held_room(const struct jc_job *job, enum jc_stream stream)
{
    const size_t left = MOST - job->held[stream].length;
    const size_t together = job->engine->held_output;
    const size_t rest = together < MOST_TOGETHER ? MOST_TOGETHER - together : 0;
    return left < rest ? left : rest;
}

size_t jc_held_add(struct jc_job *job, enum jc_stream stream, const char *bytes, size_t length)
{
    struct jc_held *held = &job->held[stream];
    const size_t needed = held->length + length;
    if (needed > held->size) {
        size_t size = held->size > 0 ? held->size : 256;
        while (size < needed)
            size *= 2;
        char *grown = realloc(held->bytes, size);
        if (grown == NULL)
            return 0;
        *held = (struct jc_held){grown, held->length, size, held->waits};
    }
    memcpy(held->bytes + held->length, bytes, length);
    held->length = needed;
    job->engine->held_output += length;
    return length;
}

void jc_held_wait(struct jc_job *job, enum jc_stream stream)
{
    jc_engine_unwatch(job->engine, job->state.pipe[stream]);
    job->held[stream].waits = true;
    if (job->events->output_full != NULL)
        job->events->output_full(job->context);
}

void jc_held_free(struct jc_job *job)
{
    for (int stream = 0; stream < 2; stream++) {
        job->engine->held_output -= job->held[stream].length;
        free(job->held[stream].bytes);
        job->held[stream] = (struct jc_held){0};
    }
}

const void *jc_job_held_output(const struct jc_job *job, enum jc_stream stream, size_t *length)
{
    *length = job->held[stream].length;
    return job->held[stream].bytes;
}

static void hold_no_more(struct jc_job *job, bool keeps)
{
    if (!job->holds_output)
        return;
    job->holds_output = false;
    if (!keeps)
        job->state.output_limit = 0;
    for (int stream = 0; stream < 2; stream++) {
        jc_drain_put(job, (enum jc_stream)stream, job->held[stream].bytes, job->held[stream].length);
        if (!job->held[stream].waits || job->state.pipe[stream] < 0)
            continue;
        if (jc_engine_watch(job, job->state.pipe[stream], (enum jc_watch)stream, EPOLLIN) < 0)
            jc_drain(job, (enum jc_stream)stream, true);
    }
    jc_held_free(job);
    if (job->hangs_up)
        jc_terminal_hang_up(job);
}

void jc_job_keep_output(struct jc_job *job)
{
    hold_no_more(job, true);
}

void jc_job_drop_output(struct jc_job *job)
{
    hold_no_more(job, false);
}
