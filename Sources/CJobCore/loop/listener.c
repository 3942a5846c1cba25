#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <jobcore/listen.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <platform/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
/// Bytes in the kernel that a peer has no room for: many peers that do not read hold no more. Unlike a small
/// SO_SNDBUF it leaves what is under way alone, so that far peers get as much as before.
#define UNSENT_MAX (128 << 10)

static bool set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

int jc_listen_tune(int fd)
{
    const int status = jp_tcp_tune(fd);
    return status < 0 ? status : set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX) ? 0 : -errno;
}

static bool configure(int fd, bool reuse_port)
{
    return set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && (!reuse_port || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
           jc_listen_tune(fd) == 0;
}

static int open_at(const struct addrinfo *address, bool reuse_port)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (configure(fd, reuse_port) && bind(fd, address->ai_addr, address->ai_addrlen) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static int port_of(int fd, uint16_t *port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t length = sizeof address;
    if (getsockname(fd, &address.any, &length) < 0)
        return -errno;
    *port = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    return 0;
}

int jc_listen(const char *host, uint16_t port, bool reuse_port, int *out_fd, uint16_t *out_port,
              char error[JC_ERROR_SIZE])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int failed = getaddrinfo(host, service, &hints, &found);
    if (failed != 0) {
        snprintf(error, JC_ERROR_SIZE, "cannot resolve %.100s: %s", host, gai_strerror(failed));
        return failed == EAI_MEMORY ? -ENOMEM : -EADDRNOTAVAIL;
    }
    int fd = -EADDRNOTAVAIL;
    for (const struct addrinfo *at = found; at != NULL && fd < 0; at = at->ai_next)
        fd = open_at(at, reuse_port);
    freeaddrinfo(found);
    int status = fd < 0 ? fd : port_of(fd, out_port);
    if (status == 0) {
        *out_fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    snprintf(error, JC_ERROR_SIZE, "cannot listen on %.100s port %u: %s", host, (unsigned)port,
             strerrordesc_np(-status));
    return status;
}
