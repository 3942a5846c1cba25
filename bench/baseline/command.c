#include "baseline.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_AT_ONCE = 64 };

struct runs {
    pthread_t thread;
    char *const *command;
    /* What ends between the two is counted. */
    uint64_t from, until, done;
};

static void run(char *const *command)
{
    struct child child = child_start(command);
    char bytes[4096];
    int status;
    while (read(child.out, bytes, sizeof(bytes)) > 0 || read(child.err, bytes, sizeof(bytes)) > 0)
        continue;
    close(child.out);
    close(child.err);
    if (waitpid(child.pid, &status, 0) != child.pid || status != 0)
        fail("%s ended with %d: %s", command[0], status, strerror(errno));
}

static void *repeat(void *context)
{
    struct runs *runs = context;
    for (uint64_t now = now_ns(); now < runs->until; now = now_ns()) {
        run(runs->command);
        uint64_t ended = now_ns();
        runs->done += ended >= runs->from && ended < runs->until;
    }
    return NULL;
}

void bare_command(int at_once, double seconds, double warmup, char *const *command)
{
    struct runs runs[MOST_AT_ONCE] = {0};
    uint64_t from = now_ns() + (uint64_t)(warmup * 1e9), done = 0;
    if (at_once < 1 || at_once > MOST_AT_ONCE)
        fail("1 to %d at once", MOST_AT_ONCE);
    for (int i = 0; i < at_once; i++) {
        runs[i].command = command;
        runs[i].from = from;
        runs[i].until = from + (uint64_t)(seconds * 1e9);
        if (pthread_create(&runs[i].thread, NULL, repeat, &runs[i]) != 0)
            fail("no thread");
    }
    for (int i = 0; i < at_once; i++) {
        pthread_join(runs[i].thread, NULL);
        done += runs[i].done;
    }
    printf("{\"done\":%llu,\"per_second\":%.3f}\n", (unsigned long long)done, (double)done / seconds);
}
