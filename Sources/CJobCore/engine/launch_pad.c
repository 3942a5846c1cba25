#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// What a child uses of this process until exec: a stack, and three descriptors that become its 0, 1 and 2.
//
// A child begins with this process's table of descriptors, not with a copy: to copy and to close all of them
// would make a launch the slower the more jobs run. Its first call leaves the table, and takes along what is
// below its pad's end (close_range(2), CLOSE_RANGE_UNSHARE). So pads are made early, while low numbers are
// free, keep their numbers with /dev/null in between, and the lowest that is free is used.

/// Free ones that are kept, or as many as there are launchers.
#define MOST_FREE 16u

static void free_pad(struct jc_launch_pad *pad)
{
    for (int i = 0; i < 3; i++)
        if (pad->fds[i] >= 0)
            close(pad->fds[i]);
    if (pad->stack != MAP_FAILED)
        munmap(pad->stack, JC_STACK_SIZE);
    free(pad);
}

/// Under the lock.
static void take_out(struct jc_engine *engine, struct jc_launch_pad *pad)
{
    TAILQ_REMOVE(&engine->free_pads, pad, link);
    engine->free_pad_count--;
}

static int make(const struct jc_engine *engine, struct jc_launch_pad **out)
{
    struct jc_launch_pad *pad = malloc(sizeof *pad);
    if (pad == NULL)
        return -ENOMEM;
    *pad = (struct jc_launch_pad){.fds = {-1, -1, -1}};
    pad->stack =
        mmap(NULL, JC_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    int status = pad->stack == MAP_FAILED ? -errno : 0;
    for (int i = 0; i < 3 && status == 0; i++) {
        // Out of the way of the child's own, should this process run without its 0, 1 or 2.
        pad->fds[i] = fcntl(engine->base.null_fd, F_DUPFD_CLOEXEC, 3);
        status = pad->fds[i] < 0 ? -errno : 0;
        if (pad->end <= pad->fds[i])
            pad->end = pad->fds[i] + 1;
    }
    if (status < 0)
        free_pad(pad);
    else
        *out = pad;
    return status;
}

int jc_pad_take(struct jc_engine *engine, struct jc_launch_pad **out)
{
    pthread_mutex_lock(&engine->lock);
    struct jc_launch_pad *pad = TAILQ_FIRST(&engine->free_pads);
    if (pad != NULL)
        take_out(engine, pad);
    pthread_mutex_unlock(&engine->lock);
    *out = pad;
    return pad != NULL ? 0 : make(engine, out);
}

int jc_pad_put(struct jc_launch_pad *pad, int index, int fd)
{
    const int status = dup3(fd, pad->fds[index], O_CLOEXEC) < 0 ? -errno : 0;
    close(fd);
    pad->is_used[index] = status == 0;
    return status;
}

/// Under the lock.
static void insert(struct jc_engine *engine, struct jc_launch_pad *pad)
{
    struct jc_launch_pad *next = TAILQ_FIRST(&engine->free_pads);
    while (next != NULL && next->end < pad->end)
        next = TAILQ_NEXT(next, link);
    if (next != NULL)
        TAILQ_INSERT_BEFORE(next, pad, link);
    else
        TAILQ_INSERT_TAIL(&engine->free_pads, pad, link);
    engine->free_pad_count++;
}

void jc_pad_give(struct jc_engine *engine, struct jc_launch_pad *pad)
{
    if (pad == NULL)
        return;
    for (int i = 0; i < 3; i++)
        if (pad->is_used[i])
            // The child's end of a pipe is closed by this: while it is open nothing reads the pipe's end.
            dup3(engine->base.null_fd, pad->fds[i], O_CLOEXEC);
    pad->is_used[0] = pad->is_used[1] = pad->is_used[2] = false;
    const unsigned launchers = engine->options.launchers;
    struct jc_launch_pad *spare = NULL;
    pthread_mutex_lock(&engine->lock);
    insert(engine, pad);
    if (engine->free_pad_count > (launchers > MOST_FREE ? launchers : MOST_FREE))
        take_out(engine, spare = TAILQ_LAST(&engine->free_pads, jc_launch_pads));
    pthread_mutex_unlock(&engine->lock);
    if (spare != NULL)
        free_pad(spare);
}

int jc_pads_make(struct jc_engine *engine)
{
    int status = 0;
    for (unsigned i = 0; i < engine->options.launchers && status == 0; i++) {
        struct jc_launch_pad *pad;
        status = make(engine, &pad);
        if (status == 0)
            insert(engine, pad);
    }
    return status;
}

void jc_pads_free(struct jc_engine *engine)
{
    for (struct jc_launch_pad *pad; (pad = TAILQ_FIRST(&engine->free_pads)) != NULL;) {
        take_out(engine, pad);
        free_pad(pad);
    }
}
