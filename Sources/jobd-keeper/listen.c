#define _GNU_SOURCE
#include "keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST 3

void listen_take(struct table *table)
{
    const char *pid = getenv("LISTEN_PID"), *given = getenv("LISTEN_FDS");
    const bool is_ours = pid != NULL && given != NULL && atol(pid) == (long)getpid();
    const int count = is_ours ? atoi(given) : 0;
    for (int i = 0; i < count && i < MOST_HELD; i++) {
        char name[JK_NAME_SIZE];
        snprintf(name, sizeof name, "listener.%d", i);
        // Out of the way of the supervisor's descriptors.
        int descriptor = fcntl(FIRST + i, F_DUPFD_CLOEXEC, FIRST + count);
        if (descriptor >= 0 && table_hold(table, name, 0, descriptor) < 0)
            close(descriptor);
        close(FIRST + i);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv("LISTEN_PIDFDID");
}
