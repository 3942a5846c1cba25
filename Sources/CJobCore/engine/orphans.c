#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define EVERY_MS 1000
#define EVERY_MS_IDLE 10000

static void reap(struct jc_engine *engine)
{
    for (;;) {
        siginfo_t info = {0};
        // Only looked at: the status of a job's first process, or of another child of this program, is not
        // ours here.
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
            return;
        // Its owner is about to take it; those behind it are seen the next time.
        if (jc_engine_owns(engine, info.si_pid))
            return;
        waitpid(info.si_pid, NULL, WNOHANG);
    }
}

static void on_timer(void *context)
{
    struct jc_engine *engine = context;
    reap(engine);
    // Fails only without memory; orphans stay zombies then.
    (void)!jc_timer_start(engine->orphan_timer, engine->job_count > 0 ? EVERY_MS : EVERY_MS_IDLE);
}

int jc_orphans_start(struct jc_engine *engine)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return -errno;
    int status = jc_timer_new(engine->loop, on_timer, engine, &engine->orphan_timer);
    return status < 0 ? status : jc_timer_start(engine->orphan_timer, EVERY_MS);
}
