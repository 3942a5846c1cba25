#define _GNU_SOURCE
#include "engine_private.h"

#include <stdlib.h>

// The first process of a sandbox has no handlers: a signal ends it, and then the rest is killed. So signals
// go to those that it keeps in a PID namespace.

struct inside {
    const struct jc_engine *engine;
    int signo;
    size_t outside; ///< namespaces that the first process is in
    bool is_taken;
};

/// Reads a process's status (proc_pid_status(5)). The number of PID namespaces that it is in, in each of
/// which it has a number, the innermost one last; 0: it is gone.
static size_t read_namespaces(const struct jc_engine *engine, pid_t pid, int *number)
{
    size_t count = 0;
    if (!jc_status_read(engine, pid))
        return 0;
    for (const char *next = jc_status_values(engine, "\nNSpid:"); *next == '\t'; count++)
        *number = (int)strtol(next + 1, (char **)&next, 10);
    return count;
}

/// The first process of a namespace takes what it has a handler for, and little else (pid_namespaces(7)). So
/// TERM ends a sandbox that is being set up, or the program in it would never hear of it.
static bool takes(const struct inside *inside, int number)
{
    const bool always = inside->signo == SIGKILL || inside->signo == SIGSTOP || inside->signo == SIGCONT;
    return number != 1 || always || jc_status_has_signal(inside->engine, "\nSigCgt:\t", inside->signo);
}

static void send_inside(void *context, pid_t pid)
{
    struct inside *inside = context;
    int number = 0;
    if (read_namespaces(inside->engine, pid, &number) > inside->outside && takes(inside, number))
        inside->is_taken |= kill(pid, inside->signo) == 0;
}

bool jc_inside_signal(struct jc_job *job, int signo)
{
    int number;
    struct inside inside = {.engine = job->engine, .signo = signo};
    if (job->state.signals != JC_SIGNALS_INSIDE)
        return false;
    inside.outside = read_namespaces(job->engine, job->state.pid, &number);
    if (inside.outside > 0)
        jc_tree_visit(job, send_inside, &inside);
    return inside.is_taken;
}
