#include "baseline.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A link of unlimited bandwidth: what comes on one side leaves on the other a while later. */

enum { BLOCK = 256 << 10, MOST_CONNECTIONS = 16 };

struct block {
    struct block *next;
    uint64_t due; /* ns */
    size_t sent, length;
    char bytes[];
};

/* One way of a connection. What is under way has no bound: the ends have theirs. */
struct way {
    int from, to;
    uint64_t earliest; /* before it nothing arrives at all */
    struct block *first, **last;
    bool ended, done; /* its source has ended; and the other side was told */
};

struct link {
    uint64_t delay; /* ns, each way */
    uint16_t port;  /* where it leads */
    size_t count;
    struct way *ways[2 * MOST_CONNECTIONS]; /* two a connection */
};

static int listen_anywhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        fail("listen: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

static struct way *new_way(int from, int to, uint64_t earliest)
{
    struct way *way = malloc(sizeof(*way));
    if (way == NULL)
        fail("out of memory");
    *way = (struct way){.from = from, .to = to, .earliest = earliest, .last = &way->first};
    return way;
}

static void add_connection(struct link *link, int listener)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(link->port)};
    int near = accept(listener, NULL, NULL), far = socket(AF_INET, SOCK_STREAM, 0);
    if (near < 0 || far < 0 || connect(far, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("connection: %s", strerror(errno));
    if (link->count == 2 * MOST_CONNECTIONS)
        fail("too many connections");
    /* A handshake of TCP takes a round trip before the first byte leaves. */
    link->ways[link->count++] = new_way(near, far, now_ns() + 3 * link->delay);
    link->ways[link->count++] = new_way(far, near, 0);
}

static void take(struct way *way, uint64_t delay)
{
    struct block *block = malloc(sizeof(*block) + BLOCK);
    if (block == NULL)
        fail("out of memory");
    ssize_t count = recv(way->from, block->bytes, BLOCK, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
        free(block);
        return;
    }
    way->ended = count <= 0;
    block->next = NULL;
    block->due = now_ns() + delay;
    if (block->due < way->earliest)
        block->due = way->earliest;
    block->sent = 0;
    block->length = count > 0 ? (size_t)count : 0;
    *way->last = block;
    way->last = &block->next;
}

static void drop(struct way *way)
{
    struct block *block = way->first;
    way->first = block->next;
    if (way->first == NULL)
        way->last = &way->first;
    free(block);
}

/* An end is a block without bytes. */
static void give(struct way *way)
{
    uint64_t now = now_ns();
    while (way->first != NULL && way->first->due <= now) {
        struct block *block = way->first;
        if (block->length == 0) {
            shutdown(way->to, SHUT_WR);
            way->done = true;
        }
        ssize_t count = block->length == 0 ? 0
                                           : send(way->to, block->bytes + block->sent,
                                                  block->length - block->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0 && errno == EAGAIN)
            return;
        /* Whoever does not listen any longer misses the rest. */
        block->sent += count < 0 ? block->length - block->sent : (size_t)count;
        if (block->sent == block->length)
            drop(way);
    }
}

static void remove_ended(struct link *link)
{
    size_t kept = 0;
    for (size_t i = 0; i < link->count; i += 2) {
        struct way *up = link->ways[i], *down = link->ways[i + 1];
        if (up->done && down->done) {
            close(up->from);
            close(up->to);
            free(up);
            free(down);
        } else {
            link->ways[kept++] = up;
            link->ways[kept++] = down;
        }
    }
    link->count = kept;
}

/* Until the next block is due. */
static struct timespec next_wait(const struct link *link)
{
    uint64_t now = now_ns(), wait = 1000000000;
    for (size_t i = 0; i < link->count; i++) {
        const struct block *block = link->ways[i]->first;
        if (block != NULL && block->due > now && block->due - now < wait)
            wait = block->due - now;
    }
    return (struct timespec){.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};
}

/* A way's source is watched until it ends, and its end while a block that is due does not fit. */
static void turn(struct link *link, int input, int listener)
{
    struct pollfd all[2 + 4 * MOST_CONNECTIONS] = {{.fd = input, .events = POLLIN},
                                                   {.fd = listener, .events = POLLIN}};
    uint64_t now = now_ns();
    for (size_t i = 0; i < link->count; i++) {
        const struct way *way = link->ways[i];
        bool waits = way->first != NULL && way->first->due <= now;
        all[2 + 2 * i] = (struct pollfd){.fd = way->ended ? -1 : way->from, .events = POLLIN};
        all[3 + 2 * i] = (struct pollfd){.fd = waits ? way->to : -1, .events = POLLOUT};
    }
    struct timespec wait = next_wait(link);
    if (ppoll(all, 2 + 2 * link->count, &wait, NULL) < 0)
        fail("poll: %s", strerror(errno));
    if (all[0].revents != 0)
        exit(0);
    for (size_t i = 0; i < link->count; i++) {
        if (all[2 + 2 * i].revents != 0)
            take(link->ways[i], link->delay);
        give(link->ways[i]);
    }
    if (all[1].revents != 0)
        add_connection(link, listener);
    remove_ended(link);
}

void delayed_link(uint16_t port, double milliseconds)
{
    struct link link = {.delay = (uint64_t)(milliseconds * 1e6), .port = port};
    uint16_t own;
    int listener = listen_anywhere(&own);
    printf("%u\n", own);
    fflush(stdout);
    for (;;)
        turn(&link, STDIN_FILENO, listener);
}
