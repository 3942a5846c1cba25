#include "engine_private.h"

// A binary heap of jobs by deadline, and one timer for the first: most jobs have no deadline and cost nothing
// here.

static void put(struct jc_engine *engine, size_t at, struct jc_job *job)
{
    engine->heap[at] = job;
    job->heap_index = at;
}

static void rise(struct jc_engine *engine, size_t at)
{
    struct jc_job *job = engine->heap[at];
    for (; at > 0 && engine->heap[(at - 1) / 2]->deadline > job->deadline; at = (at - 1) / 2)
        put(engine, at, engine->heap[(at - 1) / 2]);
    put(engine, at, job);
}

static void sink(struct jc_engine *engine, size_t at)
{
    struct jc_job *job = engine->heap[at];
    for (size_t child; (child = 2 * at + 1) < engine->heap_count; at = child) {
        if (child + 1 < engine->heap_count &&
            engine->heap[child + 1]->deadline < engine->heap[child]->deadline)
            child++;
        if (engine->heap[child]->deadline >= job->deadline)
            break;
        put(engine, at, engine->heap[child]);
    }
    put(engine, at, job);
}

static void arm(struct jc_engine *engine)
{
    if (engine->heap_count == 0)
        return jc_timer_stop(engine->timer);
    int64_t left = engine->heap[0]->deadline - jp_monotonic_ms();
    // Without memory for the timer the next change of a deadline tries again.
    (void)!jc_timer_start(engine->timer, left > 0 ? (uint64_t)left : 0);
}

static void on_timer(void *context)
{
    struct jc_engine *engine = context;
    int64_t now = jp_monotonic_ms();
    while (engine->heap_count > 0 && engine->heap[0]->deadline <= now) {
        struct jc_job *job = engine->heap[0];
        jc_engine_clear_deadline(job);
        jc_job_deadline(job);
    }
    arm(engine);
}

int jc_deadlines_start(struct jc_engine *engine)
{
    return jc_timer_new(engine->loop, on_timer, engine, &engine->timer);
}

void jc_engine_set_deadline(struct jc_job *job, int64_t after_ms)
{
    struct jc_engine *engine = job->engine;
    if (job->heap_index != SIZE_MAX)
        jc_engine_clear_deadline(job);
    job->deadline = after_ms > INT64_MAX / 2 ? INT64_MAX / 2 : jp_monotonic_ms() + after_ms;
    put(engine, engine->heap_count, job);
    rise(engine, engine->heap_count++);
    if (engine->heap[0] == job)
        arm(engine);
}

void jc_engine_clear_deadline(struct jc_job *job)
{
    struct jc_engine *engine = job->engine;
    size_t at = job->heap_index;
    if (at == SIZE_MAX)
        return;
    job->heap_index = SIZE_MAX;
    struct jc_job *last = engine->heap[--engine->heap_count];
    if (last == job)
        return;
    put(engine, at, last);
    rise(engine, at);
    sink(engine, last->heap_index);
}
