#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The table of an engine's jobs. Whatever names a job from outside, such as an entry of the epoll set, names
// its slot and the slot's generation, never its address.

static int grow(struct jc_engine *engine)
{
    uint32_t count = engine->slot_count > 0 ? engine->slot_count * 2 : 64;
    struct jc_job_slot *slots = realloc(engine->slots, count * sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    for (uint32_t i = engine->slot_count; i < count; i++)
        slots[i] = (struct jc_job_slot){.next_free = i + 1 < count ? i + 1 : UINT32_MAX};
    engine->free_slot = engine->slot_count;
    engine->slot_count = count;
    engine->slots = slots;
    return 0;
}

int jc_engine_add(struct jc_engine *engine, struct jc_job *job)
{
    int status = engine->free_slot == UINT32_MAX ? grow(engine) : 0;
    // Made with the job, so that it is at hand when there is no memory left.
    if (status == 0)
        status = jc_timer_new(engine->loop, jc_job_deadline, job, &job->timer);
    if (status < 0)
        return status;
    job->slot = engine->free_slot;
    struct jc_job_slot *slot = &engine->slots[job->slot];
    engine->free_slot = slot->next_free;
    slot->job = job;
    job->generation = ++slot->generation;
    engine->job_count++;
    return 0;
}

void jc_engine_remove(struct jc_engine *engine, struct jc_job *job)
{
    struct jc_job_slot *slot = &engine->slots[job->slot];
    jc_timer_free(job->timer);
    slot->job = NULL;
    slot->generation++;
    slot->next_free = engine->free_slot;
    engine->free_slot = job->slot;
    engine->job_count--;
}

void jc_engine_ignore_child(struct jc_engine *engine, pid_t pid)
{
    const size_t most = sizeof engine->ignored / sizeof *engine->ignored;
    memmove(engine->ignored + 1, engine->ignored, (most - 1) * sizeof *engine->ignored);
    engine->ignored[0] = pid;
}

void jc_engine_forget_child(struct jc_engine *engine, pid_t pid)
{
    for (size_t i = 0; i < sizeof engine->ignored / sizeof *engine->ignored; i++)
        if (engine->ignored[i] == pid)
            engine->ignored[i] = 0;
}

bool jc_engine_owns(struct jc_engine *engine, pid_t pid)
{
    for (size_t i = 0; i < sizeof engine->ignored / sizeof *engine->ignored; i++)
        if (engine->ignored[i] == pid)
            return true;
    for (uint32_t i = 0; i < engine->slot_count; i++)
        if (engine->slots[i].job != NULL && atomic_load(&engine->slots[i].job->launch.pid) == pid)
            return true;
    return false;
}
