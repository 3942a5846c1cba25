#define _GNU_SOURCE
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// A filter of system calls is inherited by all that a thread starts, and jobs must not have the keeper's. So
// one thread is confined and does all the work, and this one has its rights, and does two things when it is
// asked to.

#define STACK_SIZE (64 << 10)

extern char **environ;

static char **argv;        ///< of the supervisor: its path, "supervisor", its options
static char **replacement; ///< arguments of the keeper that takes this one's place
static int ends[2];        ///< orders and their answers: the first is the confined thread's

struct child {
    int program, link;
    int error;
};

/// Shares the keeper's memory until exec: system calls only.
static int run_child(void *context)
{
    struct child *child = context;
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int signo = 1; signo < NSIG; signo++)
        sigaction(signo, &standard, NULL);
    // In a session of its own, without the keeper's terminal, whose Ctrl-C is for the keeper. Signals stay
    // blocked, and wait, until the supervisor can take them.
    setsid();
    // The program's descriptor may be in the way of the link's.
    const int program = fcntl(child->program, F_DUPFD_CLOEXEC, JK_LINK + 1);
    const bool is_placed =
        child->link == JK_LINK ? fcntl(JK_LINK, F_SETFD, 0) == 0 : dup2(child->link, JK_LINK) == JK_LINK;
    if (program >= 0 && is_placed)
        syscall(SYS_execveat, program, "", argv, environ, AT_EMPTY_PATH);
    child->error = errno;
    return 127;
}

static int clone_child(struct child *child, pid_t *pid)
{
    static _Alignas(16) char stack[STACK_SIZE];
    *pid = clone(run_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, child);
    if (*pid < 0)
        return errno;
    if (child->error != 0)
        syscall(SYS_wait4, *pid, NULL, 0, NULL);
    return child->error;
}

static struct started start(struct start order)
{
    struct started started = {.link = -1, .program = order.program};
    int pair[2];
    if (order.what == START_PATH)
        started.program = open(argv[0], O_RDONLY | O_CLOEXEC);
    if (started.program < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        started.error = errno;
    } else {
        struct child child = {started.program, pair[1], 0};
        started.error = clone_child(&child, &started.pid);
        started.link = pair[0];
        close(pair[1]);
    }
    if (started.error == 0)
        return started;
    if (started.link >= 0)
        close(started.link);
    if (order.what == START_PATH && started.program >= 0)
        close(started.program);
    return (struct started){.error = started.error, .link = -1, .program = -1};
}

/// Whether the keeper's own program, which is beside the supervisor's, is another file now.
static bool is_replaced(void)
{
    struct stat own, now;
    return stat("/proc/self/exe", &own) == 0 && stat(replacement[0], &now) == 0 &&
           (own.st_dev != now.st_dev || own.st_ino != now.st_ino);
}

/// Returns only when it fails. Of the threads of a process, the one that calls exec goes on with its pid.
static int replace(const struct keeper *keeper)
{
    const int state = state_write(keeper);
    char number[16];
    if (state < 0)
        return errno;
    snprintf(number, sizeof number, "%d", state);
    replacement[2] = number;
    state_pass(keeper, true);
    execve(replacement[0], replacement, environ);
    const int error = errno;
    state_pass(keeper, false);
    close(state);
    return error;
}

static void *work(void *unused)
{
    (void)unused;
    prctl(PR_SET_NAME, "starter");
    for (struct start order; read(ends[1], &order, sizeof order) == (ssize_t)sizeof order;) {
        struct started answer = {.link = -1, .program = -1};
        if (order.what == REPLACE)
            answer.error = is_replaced() ? replace(order.keeper) : 0;
        else
            answer = start(order);
        (void)!write(ends[1], &answer, sizeof answer);
    }
    return NULL;
}

/// PATH supervisor OPTION..., and jobd-keeper --resume STATE PATH OPTION...
static int make_arguments(char **arguments)
{
    size_t count = 0;
    while (arguments[count] != NULL)
        count++;
    const char *slash = strrchr(arguments[0], '/');
    argv = calloc(count + 2, sizeof *argv);
    replacement = calloc(count + 4, sizeof *replacement);
    if (argv == NULL || replacement == NULL || slash == NULL ||
        asprintf(&replacement[0], "%.*s/jobd-keeper", (int)(slash - arguments[0]), arguments[0]) < 0)
        return -ENOMEM;
    argv[0] = arguments[0];
    argv[1] = (char *)"supervisor";
    memcpy(argv + 2, arguments + 1, (count - 1) * sizeof *arguments);
    replacement[1] = (char *)"--resume";
    memcpy(replacement + 3, arguments, count * sizeof *arguments);
    return 0;
}

int starter_begin(char **arguments)
{
    pthread_t thread;
    pthread_attr_t attributes;
    int status = make_arguments(arguments);
    if (status < 0)
        return status;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    // In place of another keeper, it must not fail for what jobs have used up at the moment.
    for (int i = 0; i < 500 && (status = -pthread_create(&thread, &attributes, work, NULL)) == -EAGAIN; i++)
        usleep(10000);
    pthread_attr_destroy(&attributes);
    return status;
}

struct started starter_start(struct start order)
{
    struct started answer = {.error = EIO, .link = -1, .program = -1};
    if (write(ends[0], &order, sizeof order) == (ssize_t)sizeof order)
        (void)!read(ends[0], &answer, sizeof answer);
    return answer;
}
