#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// Of a supervisor that has given no sign of life yet.
#define START_PATIENCE_MS 60000
/// In which the binary of an upgrade has to be ready.
#define READY_MS 60000
/// A supervisor that died within this of being ready died young.
#define YOUNG_MS 200
/// Supervisors that are started to end in order, before the jobs are killed.
#define END_TRIES 8
/// So many are replaced at once, one after the other, before there are pauses.
#define AT_ONCE 3
#define FIRST_PAUSE_MS 50
#define LONGEST_PAUSE_MS 2000
/// Woken up so much later than wanted, the keeper did not run itself: nobody else's silence is to be blamed.
#define LATE_MS 1000

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR2};

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/// Ends the keeper, and tells why where there is more to say than the supervisor said.
static _Noreturn void end(int status, const char *format, ...)
{
    char text[JK_TEXT_SIZE + 64];
    va_list arguments;
    if (format != NULL) {
        va_start(arguments, format);
        int length = snprintf(text, sizeof text, "jobd-keeper: ");
        length += vsnprintf(text + length, sizeof text - (size_t)length - 1, format, arguments);
        va_end(arguments);
        const size_t size = (size_t)length < sizeof text - 1 ? (size_t)length : sizeof text - 1;
        text[size] = '\n';
        (void)!write(STDERR_FILENO, text, size + 1);
    }
    _exit(status);
}

/// As a shell has it.
static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/// How the supervisor ended, for the next one.
static void say_end(struct keeper *keeper, pid_t pid, int status)
{
    // Those that only failed to take its place are no news.
    if (keeper->is_ready || keeper->cause != JK_CAUSE_DEATH || keeper->end[0] == '\0') {
        keeper->predecessor = pid;
        if (keeper->blame[0] != '\0')
            memcpy(keeper->end, keeper->blame, sizeof keeper->end);
        else if (WIFSIGNALED(status))
            snprintf(keeper->end, sizeof keeper->end, "it ended by signal %d", WTERMSIG(status));
        else
            snprintf(keeper->end, sizeof keeper->end, "it ended with status %d", WEXITSTATUS(status));
    }
    keeper->blame[0] = '\0';
}

static void deliver(struct keeper *keeper, int signo)
{
    if (signo == SIGTERM || signo == SIGINT) {
        keeper->is_asked_to_end = true;
        keeper->restart_ms = keeper->supervisor == 0 ? now_ms() : 0;
    }
    if (keeper->supervisor > 0)
        kill(keeper->supervisor, signo);
    else
        keeper->signals |= UINT32_C(1) << signo;
}

/// Signals wait in the new one until it can take them.
static void deliver_kept(struct keeper *keeper)
{
    uint32_t kept = keeper->signals;
    keeper->signals = 0;
    if (keeper->is_asked_to_end && (kept & (UINT32_C(1) << SIGINT)) == 0)
        kept |= UINT32_C(1) << SIGTERM;
    for (int signo = 1; signo < 32; signo++)
        if ((kept >> signo & 1) != 0)
            kill(keeper->supervisor, signo);
}

static int64_t restart_pause(unsigned failures)
{
    if (failures <= AT_ONCE)
        return 0;
    const unsigned doublings = failures - AT_ONCE - 1;
    const int64_t pause = (int64_t)FIRST_PAUSE_MS << (doublings < 16 ? doublings : 16);
    return pause < LONGEST_PAUSE_MS ? pause : LONGEST_PAUSE_MS;
}

/// Jobs are not left without anybody: they are children of this process, whose numbers are their own until it
/// ends.
static _Noreturn void give_up(const struct keeper *keeper)
{
    size_t killed = 0;
    for (size_t i = 0; i < keeper->table.count; i++)
        if (keeper->table.entries[i].pid > 0 && kill(keeper->table.entries[i].pid, SIGKILL) == 0)
            killed++;
    end(1, "no supervisor starts that could end in order (%s): %zu jobs were killed", keeper->end, killed);
}

/// At once, but ever later while one dies young after the other.
static void plan_restart(struct keeper *keeper)
{
    if (keeper->is_asked_to_end && ++keeper->end_tries > END_TRIES)
        give_up(keeper);
    const bool was_young = !keeper->is_ready || now_ms() - keeper->ready_ms < YOUNG_MS;
    keeper->failures = keeper->leave == 0 && was_young ? keeper->failures + 1 : 0;
    keeper->restart_ms = now_ms() + restart_pause(keeper->failures);
}

/// The program that was ready last, or the one in the file while that has to show what it can.
static struct started start_program(const struct keeper *keeper)
{
    const bool is_new = keeper->program < 0 || keeper->cause == JK_CAUSE_UPGRADE || keeper->candidate >= 0;
    return starter_start((struct start){is_new ? START_PATH : START_DESCRIPTOR, keeper->program, NULL});
}

static void start(struct keeper *keeper)
{
    const struct started started = start_program(keeper);
    keeper->restart_ms = 0;
    keeper->is_ready = false;
    keeper->leave = 0;
    if (started.error != 0) {
        if (!keeper->was_ready)
            end(1, "cannot start the supervisor: %s", strerror(started.error));
        snprintf(keeper->end, sizeof keeper->end, "it could not be started: %s", strerror(started.error));
        if (keeper->cause == JK_CAUSE_UPGRADE)
            keeper->cause = JK_CAUSE_RETURN;
        return plan_restart(keeper);
    }
    keeper->starts++;
    keeper->supervisor = started.pid;
    keeper->link = started.link;
    if (keeper->candidate >= 0)
        close(keeper->candidate);
    keeper->candidate = started.program != keeper->program ? started.program : -1;
    keeper->patience_ms = START_PATIENCE_MS;
    keeper->silent_ms = now_ms() + keeper->patience_ms;
    keeper->ready_by_ms = keeper->cause == JK_CAUSE_UPGRADE ? now_ms() + READY_MS : 0;
    deliver_kept(keeper);
}

/// It serves: its binary is the one to go on with.
static void be_ready(struct keeper *keeper)
{
    if (!keeper->is_ready)
        keeper->ready_ms = now_ms();
    keeper->was_ready = keeper->is_ready = true;
    keeper->has_migrated = false;
    keeper->ready_by_ms = 0;
    if (keeper->candidate < 0)
        return;
    if (keeper->program >= 0)
        close(keeper->program);
    keeper->program = keeper->candidate;
    keeper->candidate = -1;
}

static void greet(const struct keeper *keeper, struct jk_record *record)
{
    record->value[JK_HELLO_STARTS] = keeper->starts;
    record->value[JK_HELLO_CAUSE] = keeper->cause;
    record->pid = keeper->predecessor;
    memcpy(record->text, keeper->end, sizeof record->text);
}

static int take(const struct keeper *keeper, struct jk_record *record)
{
    if (record->value[0] >= keeper->table.count)
        return -1;
    const struct held *held = &keeper->table.entries[record->value[0]];
    record->status = 0;
    record->pid = held->pid;
    memcpy(record->name, held->name, sizeof record->name);
    return held->descriptor;
}

/// Answers a question. `descriptor`: what came with it, or -1.
static void reply(struct keeper *keeper, struct jk_record *record, int descriptor)
{
    int sent = -1;
    record->status = 0;
    switch (record->kind) {
    case JK_HELLO:
        greet(keeper, record);
        break;
    case JK_HOLD:
        record->status =
            descriptor < 0 ? -EMFILE : table_hold(&keeper->table, record->name, record->pid, descriptor);
        if (record->status == 0)
            descriptor = -1;
        break;
    case JK_TAKE:
        record->status = -ENOENT;
        sent = take(keeper, record);
        break;
    case JK_EXIT:
        record->status =
            table_has(&keeper->table, record->pid) ? jk_wait(record->pid, record->value, true) : -ECHILD;
        break;
    default:
        record->status = -ENOSYS;
    }
    if (descriptor >= 0)
        close(descriptor);
    // A supervisor reads the reply to each question before it asks another, so that there is room.
    (void)!jk_send(keeper->link, record, sent);
}

static void be_patient(struct keeper *keeper, uint64_t milliseconds)
{
    keeper->patience_ms = milliseconds < UINT32_MAX ? (int64_t)milliseconds : (int64_t)UINT32_MAX;
    keeper->silent_ms = now_ms() + keeper->patience_ms;
}

static void handle(struct keeper *keeper, struct jk_record *record, int descriptor)
{
    pid_t pid;
    if (record->kind >= JK_HELLO)
        return reply(keeper, record, descriptor);
    if (descriptor >= 0)
        close(descriptor);
    switch (record->kind) {
    case JK_MIGRATING:
        keeper->has_migrated = true;
        keeper->ready_by_ms = 0;
        // What the database is now, the binary before cannot read.
        // fall through
    case JK_ALIVE:
        be_patient(keeper, record->value[0]);
        break;
    case JK_READY:
        be_ready(keeper);
        notify_send(&keeper->notify, record->text);
        break;
    case JK_NOTIFY:
        notify_send(&keeper->notify, record->text);
        break;
    case JK_RELEASE:
        if ((pid = table_release(&keeper->table, record->name)) > 0)
            waitpid(pid, NULL, WNOHANG);
        break;
    case JK_LEAVE:
        keeper->leave = (uint32_t)record->value[0];
        break;
    }
}

/// The supervisor that lives is to be replaced, and its jobs go on.
static void kill_supervisor(struct keeper *keeper, const char *format, long long seconds)
{
    snprintf(keeper->blame, sizeof keeper->blame, format, seconds);
    kill(keeper->supervisor, SIGKILL);
    keeper->silent_ms = keeper->ready_by_ms = 0;
}

/// Handles what the supervisor sent, or some of it. A closed channel is its end, of which SIGCHLD tells, or
/// its fault.
static void receive(struct keeper *keeper, int most)
{
    struct jk_record record;
    int descriptor, status = 0;
    while (most-- > 0 && (status = jk_receive(keeper->link, &record, &descriptor)) == 0)
        handle(keeper, &record, descriptor);
    if (status == 0 || status == -EAGAIN || status == -EINTR)
        return;
    close(keeper->link);
    keeper->link = -1;
}

/// What follows after the one that ended without saying so.
static void replace_dead(struct keeper *keeper, int status)
{
    if (!keeper->was_ready) {
        end(exit_code(status), WIFSIGNALED(status) ? "the supervisor did not start: %s" : NULL, keeper->end);
    }
    if (!keeper->is_ready && keeper->candidate >= 0 && !keeper->has_migrated) {
        close(keeper->candidate);
        keeper->candidate = -1;
        keeper->cause = JK_CAUSE_RETURN;
    } else {
        keeper->cause = JK_CAUSE_DEATH;
    }
    plan_restart(keeper);
}

static void supervisor_ended(struct keeper *keeper, int status)
{
    // What it said before it died counts.
    receive(keeper, INT_MAX);
    if (keeper->link >= 0)
        close(keeper->link);
    keeper->link = -1;
    say_end(keeper, keeper->supervisor, status);
    keeper->supervisor = 0;
    keeper->silent_ms = keeper->ready_by_ms = 0;
    switch (keeper->leave) {
    case JK_LEAVE_END:
        end(exit_code(status), NULL);
    case JK_LEAVE_SUCCESSOR:
        keeper->cause = JK_CAUSE_UPGRADE;
        keeper->end[0] = '\0';
        // Returns when it is the same program still, or cannot be started.
        (void)starter_start((struct start){REPLACE, -1, keeper});
        plan_restart(keeper);
        break;
    default:
        replace_dead(keeper, status);
    }
}

static void look_at_children(struct keeper *keeper)
{
    int status;
    if (keeper->supervisor > 0 && waitpid(keeper->supervisor, &status, WNOHANG) == keeper->supervisor)
        supervisor_ended(keeper, status);
    reap_orphans(&keeper->table);
}

static void take_signals(struct keeper *keeper, int signals)
{
    struct signalfd_siginfo info;
    uint32_t arrived = 0;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
        arrived |= UINT32_C(1) << info.ssi_signo;
    // First: one that has ended takes no signal any more.
    look_at_children(keeper);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        if ((arrived >> forwarded[i] & 1) != 0)
            deliver(keeper, forwarded[i]);
}

static int64_t sooner(int64_t time, int64_t other)
{
    return other > 0 && other < time ? other : time;
}

static void look_at_time(struct keeper *keeper, bool was_late)
{
    const int64_t now = now_ms();
    if (was_late && keeper->silent_ms > 0)
        keeper->silent_ms = now + keeper->patience_ms;
    if (was_late && keeper->ready_by_ms > 0)
        keeper->ready_by_ms = now + READY_MS;
    if (keeper->silent_ms > 0 && now >= keeper->silent_ms)
        kill_supervisor(keeper, "it gave no sign of life for %lld s", (long long)keeper->patience_ms / 1000);
    else if (keeper->ready_by_ms > 0 && now >= keeper->ready_by_ms)
        kill_supervisor(keeper, "it was not ready in %lld s", READY_MS / 1000);
    if (keeper->restart_ms > 0 && keeper->supervisor == 0 && now >= keeper->restart_ms)
        start(keeper);
    if (keeper->watchdog_ms > 0 && now >= keeper->watchdog_ms) {
        notify_send(&keeper->notify, "WATCHDOG=1");
        keeper->watchdog_ms = now + keeper->notify.watchdog_ms;
    }
}

static _Noreturn void keep(struct keeper *keeper, int signals)
{
    for (;;) {
        int64_t wake = sooner(INT64_MAX, keeper->silent_ms);
        wake = sooner(wake, keeper->ready_by_ms);
        wake = sooner(wake, keeper->restart_ms);
        wake = sooner(wake, keeper->watchdog_ms);
        const int64_t left = wake - now_ms();
        const struct timespec pause = {left > 0 ? left / 1000 : 0, left > 0 ? left % 1000 * 1000000 : 0};
        struct pollfd polled[] = {{.fd = signals, .events = POLLIN}, {.fd = keeper->link, .events = POLLIN}};
        if (ppoll(polled, 2, wake != INT64_MAX ? &pause : NULL, NULL) < 0 && errno != EINTR)
            end(1, "poll: %s", strerror(errno));
        const bool was_late = wake != INT64_MAX && now_ms() - wake > LATE_MS;
        if (polled[1].revents != 0)
            receive(keeper, 64);
        if ((polled[0].revents & POLLIN) != 0)
            take_signals(keeper, signals);
        look_at_time(keeper, was_late);
    }
}

/// SIGCHLD that is ignored, which exec keeps, would lose every status.
static int take_over_signals(void)
{
    sigset_t signals;
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
        sigaddset(&signals, forwarded[i]);
    sigprocmask(SIG_SETMASK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void raise_limit(void)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void set_up(struct keeper *keeper, int state, char **arguments)
{
    raise_limit();
    int status = table_make(&keeper->table, MOST_HELD);
    if (status < 0)
        end(1, "cannot map the table: %s", strerror(-status));
    if (state >= 0 && !state_read(keeper, state))
        end(1, "cannot go on with descriptor %d", state);
    const int64_t watchdog_ms = keeper->notify.watchdog_ms;
    notify_begin(&keeper->notify);
    if (state >= 0)
        keeper->notify.watchdog_ms = watchdog_ms;
    else
        listen_take(&keeper->table);
    keeper->watchdog_ms = keeper->notify.watchdog_ms > 0 ? now_ms() : 0;
    // Orphans of jobs, and jobs of a supervisor that died, become children of this process.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        end(1, "prctl: %s", strerror(errno));
    status = starter_begin(arguments);
    if (status < 0)
        end(1, "cannot make a thread: %s", strerror(-status));
    (void)reap_begin();
}

/// What is tried before this program takes the place of one that runs: as far as it comes without a
/// supervisor, with its name for whoever tries it, who has the other end of the link.
static int check(void)
{
    char *arguments[] = {(char *)"/check", NULL};
    static struct keeper keeper = {.link = -1, .program = -1, .candidate = -1};
    struct jk_record record = jk_record_make(JK_HELLO, "jobd-keeper", NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)take_over_signals();
    set_up(&keeper, -1, arguments);
    return confine() < 0 || jk_send(JK_LINK, &record, -1) < 0;
}

int main(int argc, char **argv)
{
    static struct keeper keeper = {.link = -1, .program = -1, .candidate = -1};
    if (argc == 2 && strcmp(argv[1], "--check") == 0)
        return check();
    const bool goes_on = argc > 3 && strcmp(argv[1], "--resume") == 0;
    char **arguments = argv + (goes_on ? 3 : 1);
    if (argc < 2 || arguments[0][0] != '/')
        end(2, "is started by jobd itself; see jobd --help");
    const int signals = take_over_signals();
    set_up(&keeper, goes_on ? atoi(argv[2]) : -1, arguments);
    const int status = confine();
    if (status < 0)
        end(1, "cannot confine itself: %s", strerror(-status));
    // Of what ended before this program took the place of another, no signal tells any more.
    look_at_children(&keeper);
    keeper.restart_ms = now_ms();
    keep(&keeper, signals);
}
