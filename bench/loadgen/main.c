#include "loadgen.h"
#include "meter.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct mode *const modes[] = {
    &mode_get,       &mode_handshake, &mode_resume,         &mode_jobs,
    &mode_run,       &mode_download,  &mode_idle,           &mode_hold,
    &mode_put,       &mode_flood,     &mode_slow_handshake, &mode_slow_head,
    &mode_slow_body, &mode_deaf};

static const struct mode *find_mode(const char *name)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        if (strcmp(modes[i]->name, name) == 0)
            return modes[i];
    }
    fail("there is no mode %s", name);
}

static void take_cpu(struct load *load, uint64_t *cpu, uint64_t *children)
{
    for (int i = 0; i < load->options.pid_count; i++) {
        cpu[i] = cpu_ns(load->options.pids[i]);
        children[i] = children_cpu_ns(load->options.pids[i]);
    }
}

/* Waits for events at most until `until`; no event at all for a minute is a failure. */
static void turn(struct load *load, uint64_t until)
{
    struct epoll_event events[256];
    uint64_t now = now_ns(), wait = pace(load, now), most = 60000000000u;
    if (until > now && until - now < most)
        most = until - now;
    bool bounded = wait < most || until != UINT64_MAX;
    if (wait > most)
        wait = most;
    struct timespec time = {.tv_sec = (time_t)(wait / 1000000000u), .tv_nsec = (long)(wait % 1000000000u)};
    int count = epoll_pwait2(load->epoll, events, 256, &time, NULL);
    if (count < 0 && errno != EINTR)
        fail("epoll: %s", strerror(errno));
    if (count == 0 && !bounded)
        fail("nothing came from the server for a minute");
    for (int i = 0; i < count; i++)
        connection_ready(events[i].data.ptr);
}

static void run_until(struct load *load, uint64_t until)
{
    while (now_ns() < until)
        turn(load, until);
}

/* At most 64 handshakes at a time, so that no server's queue of new connections overflows. */
static void open_all(struct load *load)
{
    for (int opened = 0; load->open_count < load->options.connections;) {
        while (opened < load->options.connections && opened - load->open_count < 64)
            connection_open(&load->connections[opened++]);
        turn(load, UINT64_MAX);
    }
}

static void run_to_the_end(struct load *load)
{
    while (load->finished_count < load->options.connections)
        turn(load, UINT64_MAX);
}

static void begin_all(struct load *load)
{
    load->start = now_ns();
    for (int i = 0; i < load->options.connections; i++)
        load->mode->begin(&load->connections[i]);
}

static void measure(struct load *load)
{
    const struct options *o = &load->options;
    uint64_t cpu[MOST_PIDS], children[MOST_PIDS], whole = load->mode->runs_to_its_end;
    if (whole)
        load->measuring = true;
    load->measured_from = now_ns();
    take_cpu(load, load->cpu, load->children);
    begin_all(load);
    if (!whole) {
        run_until(load, load->start + (uint64_t)(o->warmup * 1e9));
        take_cpu(load, load->cpu, load->children);
        load->measured_from = now_ns();
        load->measuring = true;
        load->bytes = 0;
        run_until(load, load->measured_from + (uint64_t)(o->seconds * 1e9));
    } else {
        run_to_the_end(load);
    }
    load->measured_to = now_ns();
    load->measuring = false;
    take_cpu(load, cpu, children);
    for (int i = 0; i < o->pid_count; i++) {
        load->cpu[i] = cpu[i] - load->cpu[i];
        load->children[i] = children[i] - load->children[i];
    }
    load->stopping = true;
    /* With nothing open there is no reply to finish at. */
    for (int i = 0; !whole && i < o->connections; i++) {
        if (load->connections[i].open == 0 && !load->mode->opens_itself)
            connection_finish(&load->connections[i]);
    }
    run_to_the_end(load);
}

static void print_numbers(FILE *out, const char *name, const uint64_t *numbers, int count)
{
    fprintf(out, ",\"%s\":[", name);
    for (int i = 0; i < count; i++)
        fprintf(out, "%s%.6f", i ? "," : "", (double)numbers[i] / 1e9);
    fputc(']', out);
}

static void print(struct load *load, FILE *out)
{
    double seconds = (double)(load->measured_to - load->measured_from) / 1e9;
    uint64_t own = cpu_ns(getpid());
    fprintf(out, "{\"mode\":\"%s\",\"seconds\":%.6f,\"done\":%llu", load->mode->name, seconds,
            (unsigned long long)load->done);
    fprintf(out, ",\"bytes\":%llu,\"per_second\":%.3f", (unsigned long long)load->bytes,
            (double)load->done / seconds);
    print_numbers(out, "cpu", load->cpu, load->options.pid_count);
    print_numbers(out, "children_cpu", load->children, load->options.pid_count);
    print_numbers(out, "own_cpu", &own, 1);
    fprintf(out, ",\"latency\":");
    histogram_print(&load->latency, out);
    if (load->mode->print != NULL)
        load->mode->print(load, out);
    fprintf(out, "}\n");
    fflush(out);
}

/* Until standard input ends. */
static void hold(void)
{
    char bytes[64];
    while (read(STDIN_FILENO, bytes, sizeof(bytes)) > 0)
        continue;
}

static void again(struct load *load, int stage)
{
    load->finished_count = 0;
    for (int i = 0; i < load->options.connections; i++) {
        load->connections[i].finished = false;
        hold_begin(&load->connections[i], stage);
    }
    run_to_the_end(load);
}

static void finish(struct load *load)
{
    if (load->mode == &mode_hold)
        again(load, 0);
    print(load, stdout);
    if (load->mode == &mode_idle || load->mode == &mode_hold)
        hold();
    if (load->mode == &mode_hold)
        again(load, 1);
}

static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int count, char **arguments)
{
    struct load *load = calloc(1, sizeof(*load));
    if (load == NULL)
        fail("out of memory");
    options_parse(count, arguments, &load->options);
    raise_limit();
    /* A connection that the server closed is told as such. */
    signal(SIGPIPE, SIG_IGN);
    load->mode = find_mode(load->options.mode);
    load->tls = tls_make(&load->options);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->connections = calloc((size_t)load->options.connections, sizeof(*load->connections));
    if (load->epoll < 0 || load->connections == NULL)
        fail("epoll or memory: %s", strerror(errno));
    for (int i = 0; i < load->options.connections; i++) {
        load->connections[i].load = load;
        load->connections[i].number = i;
    }
    if (!load->mode->opens_itself)
        open_all(load);
    measure(load);
    finish(load);
    return 0;
}
