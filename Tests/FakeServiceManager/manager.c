#define _GNU_SOURCE
#include "manager.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// Writes a file of the directory in one step.
static void say(const struct manager *manager, const char *name, const char *text)
{
    int fd = openat(manager->directory, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    (void)!write(fd, text, strlen(text));
    close(fd);
    renameat(manager->directory, "new", manager->directory, name);
}

static void say_held(const struct manager *manager)
{
    static char text[MOST_HELD * 257];
    size_t length = 0;
    for (size_t i = 0; i < manager->count; i++)
        length += (size_t)sprintf(text + length, "%s\n", manager->held[i].name);
    text[length] = '\0';
    say(manager, "held", text);
}

int manager_open(struct manager *manager, const char *directory)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    *manager = (struct manager){.directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    snprintf(manager->address, sizeof manager->address, "%s/notify", directory);
    if (manager->directory < 0 || strlen(manager->address) >= sizeof address.sun_path)
        return -1;
    strcpy(address.sun_path, manager->address);
    manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    setsockopt(manager->socket, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
    if (bind(manager->socket, (struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    // The program may be another user's.
    return chmod(manager->address, 0777);
}

static void hold(struct manager *manager, const char *name, int fd)
{
    if (manager->count == MOST_HELD) {
        close(fd);
        return;
    }
    struct held *held = &manager->held[manager->count++];
    held->fd = fd;
    snprintf(held->name, sizeof held->name, "%s", name);
}

static void let_go(struct manager *manager, const char *name)
{
    size_t left = 0;
    for (size_t i = 0; i < manager->count; i++) {
        if (strcmp(manager->held[i].name, name) == 0)
            close(manager->held[i].fd);
        else
            manager->held[left++] = manager->held[i];
    }
    manager->count = left;
}

int manager_give(struct manager *manager, const char *text)
{
    const char *sign = strchr(text, '=');
    int fd = sign != NULL ? open(sign + 1, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return -1;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)(sign - text), text);
    hold(manager, name, fd);
    return 0;
}

struct message {
    char text[4096];
    int fds[16];
    size_t count;
    pid_t sender;
};

static bool receive(int socket, struct message *message)
{
    char control[CMSG_SPACE(sizeof message->fds) + CMSG_SPACE(sizeof(struct ucred))];
    struct iovec part = {message->text, sizeof message->text - 1};
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
    if (length < 0)
        return false;
    message->text[length] = '\0';
    message->count = 0;
    message->sender = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&header); at != NULL; at = CMSG_NXTHDR(&header, at)) {
        if (at->cmsg_type == SCM_RIGHTS) {
            message->count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            memcpy(message->fds, CMSG_DATA(at), message->count * sizeof(int));
        } else if (at->cmsg_type == SCM_CREDENTIALS) {
            struct ucred sender;
            memcpy(&sender, CMSG_DATA(at), sizeof sender);
            message->sender = sender.pid;
        }
    }
    return true;
}

/// The value of a line `NAME=value`, in `value`; false when there is none.
static bool field(const char *text, const char *name, char value[256])
{
    for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, strlen(name)) != 0 || at[strlen(name)] != '=')
            continue;
        at += strlen(name) + 1;
        snprintf(value, 256, "%.*s", (int)strcspn(at, "\n"), at);
        return true;
    }
    return false;
}

static void note_state(const struct manager *manager, const char *text)
{
    int fd = openat(manager->directory, "states", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dprintf(fd, "%s\n", text);
    close(fd);
}

bool manager_receive(struct manager *manager, pid_t main_pid)
{
    struct message message;
    char name[256] = "", value[256];
    if (!receive(manager->socket, &message))
        return false;
    bool is_heard = message.sender == main_pid;
    bool stores = is_heard && field(message.text, "FDSTORE", value);
    field(message.text, "FDNAME", name);
    for (size_t i = 0; i < message.count; i++) {
        if (stores)
            hold(manager, name, message.fds[i]);
        else
            close(message.fds[i]);
    }
    if (is_heard && field(message.text, "FDSTOREREMOVE", value))
        let_go(manager, name);
    else if (!stores)
        note_state(manager, is_heard ? message.text : "a message of another process");
    say_held(manager);
    return true;
}

/// In the child: descriptors 3 and up are those held.
static void become(const struct manager *manager, char **argv)
{
    static char names[MOST_HELD * 257], text[32];
    int copies[MOST_HELD];
    for (size_t i = 0; i < manager->count; i++)
        copies[i] = fcntl(manager->held[i].fd, F_DUPFD_CLOEXEC, 3 + (int)manager->count);
    for (size_t i = 0; i < manager->count; i++) {
        dup2(copies[i], 3 + (int)i);
        strcat(strcat(names, i > 0 ? ":" : ""), manager->held[i].name);
    }
    sprintf(text, "%d", (int)getpid());
    setenv("LISTEN_PID", text, 1);
    sprintf(text, "%zu", manager->count);
    setenv("LISTEN_FDS", text, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    setenv("NOTIFY_SOCKET", manager->address, 1);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(argv[0], argv);
}

pid_t manager_start(struct manager *manager, char **argv)
{
    say_held(manager);
    pid_t pid = fork();
    if (pid == 0) {
        become(manager, argv);
        _exit(127);
    }
    char text[32];
    sprintf(text, "%d\n", (int)pid);
    say(manager, "main", text);
    return pid;
}
