#pragma once
#include <stdint.h>
#include <sys/types.h>

enum { MOST_PIDS = 16, MOST_DEPTH = 64 };

struct options {
    const char *mode, *host, *path, *job, *certificate, *key, *authority;
    int port, connections, depth, batch;
    double seconds, warmup, rate;
    uint64_t expected_bytes, total;
    pid_t pids[MOST_PIDS];
    int pid_count;
};

/* Ends the program with an explanation when the command line is not as it should be. */
void options_parse(int count, char **arguments, struct options *options);
