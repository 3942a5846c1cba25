// A service manager as systemd is to a service of Type=notify with a descriptor store, as far as the tests
// need it: it starts a program, starts it again when it fails, reaps what its processes leave behind, and
// holds descriptors for it (sd_notify(3)).
//
// usage: fake-service-manager DIRECTORY [NAME=FILE...] -- PROGRAM [ARGUMENT...]
//
// In DIRECTORY it has its socket, `notify`, and says what it does: `main` is the program's pid, `held` the
// names of the descriptors it holds, `states` the other messages. While `hold` is there it does not start the
// program again. FILE is opened and held as NAME from the start.
#define _GNU_SOURCE
#include "manager.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static bool stopping;

static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    for (const int *signo = (const int[]){SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR2, 0}; *signo != 0; signo++)
        sigaddset(&set, *signo);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/// Reaps all that ended; as the subreaper also orphans. True when the program is among them.
static bool reap(const struct manager *manager, pid_t main_pid, int *main_status)
{
    bool has_ended = false;
    int status;
    pid_t whom = faccessat(manager->directory, "lazy", F_OK, 0) == 0 ? main_pid : -1;
    for (pid_t pid; (pid = waitpid(whom, &status, WNOHANG)) > 0;)
        if (pid == main_pid) {
            has_ended = true;
            *main_status = status;
        }
    return has_ended;
}

static void pass_on_signals(int signals, pid_t main_pid)
{
    struct signalfd_siginfo info;
    while (read(signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        stopping |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
        if (main_pid > 0)
            kill(main_pid, (int)info.ssi_signo);
    }
}

/// Until it ends: its wait status.
static int serve(struct manager *manager, int signals, pid_t main_pid)
{
    int status = 0;
    while (!reap(manager, main_pid, &status)) {
        struct pollfd fds[] = {{.fd = signals, .events = POLLIN}, {.fd = manager->socket, .events = POLLIN}};
        poll(fds, 2, 50);
        pass_on_signals(signals, main_pid);
        while (manager_receive(manager, main_pid)) {
        }
    }
    // What it sent last.
    while (manager_receive(manager, main_pid)) {
    }
    return status;
}

static void wait_to_restart(struct manager *manager, int signals)
{
    int status;
    do {
        poll(&(struct pollfd){.fd = signals, .events = POLLIN}, 1, 50);
        pass_on_signals(signals, -1);
        reap(manager, 0, &status);
    } while (!stopping && faccessat(manager->directory, "hold", F_OK, 0) == 0);
}

int main(int argc, char **argv)
{
    struct manager manager;
    int at = 2;
    if (argc < 4 || manager_open(&manager, argv[1]) < 0)
        return 2;
    for (; at < argc && strcmp(argv[at], "--") != 0; at++)
        if (manager_give(&manager, argv[at]) < 0)
            return 2;
    if (argv[at] == NULL || argv[at + 1] == NULL)
        return 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    int signals = watch_signals(), status = 0;
    while (!stopping) {
        pid_t pid = manager_start(&manager, argv + at + 1);
        if (pid < 0)
            return 1;
        status = serve(&manager, signals, pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
            break;
        wait_to_restart(&manager, signals);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
