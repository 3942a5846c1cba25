#include "baseline.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 2, MOST_IN_FLIGHT = 64 };

struct work {
    pthread_t thread;
    int in_flight;
    uint64_t until, done;
};

static void finish(const struct child *child)
{
    char bytes[4096];
    int status;
    while (read(child->out, bytes, sizeof(bytes)) > 0 || read(child->err, bytes, sizeof(bytes)) > 0)
        continue;
    close(child->out);
    close(child->err);
    if (waitpid(child->pid, &status, 0) != child->pid || status != 0)
        fail("/bin/true ended with %d: %s", status, strerror(errno));
}

static void *work(void *context)
{
    struct work *w = context;
    struct child children[MOST_IN_FLIGHT];
    char *arguments[] = {"/bin/true", NULL};
    int oldest = 0, count = 0;
    while (now_ns() < w->until || count > 0) {
        while (count < w->in_flight && now_ns() < w->until)
            children[(oldest + count++) % MOST_IN_FLIGHT] = child_start(arguments);
        finish(&children[oldest]);
        oldest = (oldest + 1) % MOST_IN_FLIGHT;
        count--;
        w->done++;
    }
    return NULL;
}

static double rusage_seconds(int who)
{
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void bare_jobs(int in_flight, double seconds)
{
    struct work works[THREADS] = {0};
    uint64_t start = now_ns(), done = 0;
    if (in_flight < THREADS || in_flight > MOST_IN_FLIGHT)
        fail("2 to %d in flight", MOST_IN_FLIGHT);
    for (int i = 0; i < THREADS; i++) {
        works[i].in_flight = in_flight / THREADS;
        works[i].until = start + (uint64_t)(seconds * 1e9);
        if (pthread_create(&works[i].thread, NULL, work, &works[i]) != 0)
            fail("no thread");
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(works[i].thread, NULL);
        done += works[i].done;
    }
    double wall = (double)(now_ns() - start) / 1e9;
    printf("{\"done\":%llu,\"seconds\":%.6f,\"per_second\":%.3f,\"cpu\":%.6f,\"children_cpu\":%.6f}\n",
           (unsigned long long)done, wall, (double)done / wall, rusage_seconds(RUSAGE_SELF),
           rusage_seconds(RUSAGE_CHILDREN));
}
