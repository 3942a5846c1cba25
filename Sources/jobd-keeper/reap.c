#define _GNU_SOURCE
#include "keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int children = -1;

/// Zombies that are kept hide others from waitid(P_ALL), which tells the first alone; the list tells all
/// (proc(5); Linux has it where CONFIG_PROC_CHILDREN is set). Without it those behind are reaped once the
/// first was.
int reap_begin(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    children = open(path, O_RDONLY | O_CLOEXEC);
    return children;
}

/// Of this thread alone: orphans come to the first one, the supervisor is the starter's.
static pid_t first_zombie(void)
{
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD) < 0)
        return 0;
    return info.si_pid;
}

static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

static void reap_listed(const struct table *table)
{
    char text[4096];
    off_t at = 0;
    ssize_t length;
    // A list that changes while it is read may leave one out: it is looked at again at the next end of a
    // child.
    while ((length = pread(children, text, sizeof text - 1, at)) > 0) {
        text[length] = '\0';
        char *next = text, *end = NULL;
        for (long pid; (pid = strtol(next, &end, 10)) > 0 && *end == ' '; next = end)
            if (has_ended((pid_t)pid) && !table_has(table, (pid_t)pid))
                waitpid((pid_t)pid, NULL, WNOHANG);
        if (next == text)
            return;
        at += next - text;
    }
}

void reap_orphans(const struct table *table)
{
    for (pid_t pid; (pid = first_zombie()) != 0; waitpid(pid, NULL, WNOHANG)) {
        if (!table_has(table, pid))
            continue;
        if (children >= 0)
            reap_listed(table);
        return;
    }
}
