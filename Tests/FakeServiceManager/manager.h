#ifndef MANAGER_H
#define MANAGER_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MOST_HELD 1024

struct held {
    char name[256];
    int fd;
};

struct manager {
    int directory, socket;
    char address[4096];
    struct held held[MOST_HELD];
    size_t count;
};

/// Binds the socket in the directory. -1 on failure.
int manager_open(struct manager *manager, const char *directory);
/// Holds what `NAME=FILE` says.
int manager_give(struct manager *manager, const char *text);
/// Takes one message, if there is one; those of others than `main_pid` are dropped.
bool manager_receive(struct manager *manager, pid_t main_pid);
/// Starts the program with all that is held.
pid_t manager_start(struct manager *manager, char **argv);

#endif
