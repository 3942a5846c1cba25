#define _GNU_SOURCE
#include "client_private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <platform/clock.h>
#include <platform/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void jw_set_error(struct jw_error *error, enum jw_failure kind, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error->kind = kind;
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

int64_t jw_deadline(unsigned milliseconds)
{
    return milliseconds == 0 ? 0 : jp_monotonic_ms() + milliseconds;
}

int jw_wait_any(struct pollfd *descriptors, unsigned count, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline == 0 ? -1 : deadline - jp_monotonic_ms();
        if (deadline != 0 && left < 0)
            left = 0;
        int ready = poll(descriptors, count, left > INT32_MAX ? INT32_MAX : (int)left);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready != 0 || left == 0)
            return ready;
    }
}

bool jw_wait(int socket, short events, int64_t deadline)
{
    return jw_wait_any(&(struct pollfd){.fd = socket, .events = events}, 1, deadline) > 0;
}

/// 0 or an errno.
static int connect_one(const struct addrinfo *address, int64_t deadline, int *out)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int status = connect(fd, address->ai_addr, address->ai_addrlen) < 0 ? errno : 0;
    if (status == EINPROGRESS) {
        socklen_t size = sizeof status;
        if (!jw_wait(fd, POLLOUT, deadline))
            status = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &size) < 0)
            status = errno;
    }
    if (status != 0) {
        close(fd);
        return status;
    }
    // A server that vanished is noticed, also while its reply may be silent for ever. What is sent and not
    // taken has no such limit of the kernel's: a job that does not read its input is waited for.
    (void)jp_tcp_tune(fd);
    *out = fd;
    return 0;
}

/// Each address in turn. One that does not answer has its share of the time only, so that the next is tried.
static int connect_any(const struct addrinfo *found, int64_t deadline, int *out)
{
    int count = 0, failed = EADDRNOTAVAIL;
    for (const struct addrinfo *address = found; address != NULL; address = address->ai_next)
        count++;
    for (const struct addrinfo *address = found; address != NULL; address = address->ai_next, count--) {
        int64_t now = jp_monotonic_ms();
        failed = connect_one(address, deadline == 0 ? 0 : now + (deadline - now) / count, out);
        if (failed == 0)
            break;
    }
    return failed;
}

/// The socket, or -1 with `error`. `what`: goes before the host in words.
static int connect_to(const char *host, unsigned number, const char *what, int64_t deadline,
                      struct jw_error *error)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV}, *found = NULL;
    snprintf(port, sizeof port, "%u", number);
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0) {
        jw_set_error(error, JW_FAIL_CONNECT, "cannot find the %s %s: %s", what[0] != '\0' ? what : "host",
                     host, status == EAI_SYSTEM ? strerrordesc_np(errno) : gai_strerror(status));
        return -1;
    }
    int fd = -1, failed = connect_any(found, deadline, &fd);
    freeaddrinfo(found);
    if (failed != 0)
        jw_set_error(error, JW_FAIL_CONNECT, "cannot connect to %s%s%s port %s: %s", what,
                     what[0] != '\0' ? " " : "", host, port, strerrordesc_np(failed));
    return fd;
}

int jw_connect(const struct jw_client_options *options, int64_t deadline, struct jw_error *error)
{
    const struct jw_proxy *proxy = options->proxy;
    if (proxy == NULL)
        return connect_to(options->host, options->port, "", deadline, error);
    int fd = connect_to(proxy->host, proxy->port, "proxy", deadline, error);
    if (fd >= 0 && !jw_tunnel(fd, options, deadline, error)) {
        close(fd);
        return -1;
    }
    return fd;
}
