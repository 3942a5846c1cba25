#include "loadgen.h"
#include "meter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void watch(struct connection *c, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (c->wants_write ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(c->load->epoll, operation, c->fd, &event) != 0)
        fail("epoll_ctl: %s", strerror(errno));
}

static void want_write(struct connection *c, bool wants)
{
    if (c->wants_write == wants)
        return;
    c->wants_write = wants;
    watch(c, EPOLL_CTL_MOD);
}

/* Many connections: from many addresses, so that no port is short. */
static void bind_source(int fd, int number)
{
    int one = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)number % 64);
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
        fail("bind: %s", strerror(errno));
}

void connection_open(struct connection *c)
{
    int one = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->load->options.port)};
    if (inet_pton(AF_INET, c->load->options.host, &to.sin_addr) != 1)
        fail("%s is not an address", c->load->options.host);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0)
        fail("socket: %s", strerror(errno));
    if (ntohl(to.sin_addr.s_addr) == INADDR_LOOPBACK)
        bind_source(c->fd, c->number);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    c->shaken = c->wants_write = c->ticketed = false;
    if (!c->load->mode->is_raw)
        tls_attach(c);
    if (c->session != NULL && c->load->mode == &mode_resume)
        SSL_set_session(c->ssl, c->session);
    c->wants_write = true;
    watch(c, EPOLL_CTL_ADD);
}

void connection_close(struct connection *c)
{
    if (c->ssl != NULL)
        SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
    c->in.from = c->in.to = c->out.from = c->out.to = 0;
    ERR_clear_error();
}

static void opened(struct connection *c)
{
    want_write(c, false);
    c->shaken = true;
    c->load->open_count++;
}

static bool shake(struct connection *c)
{
    ERR_clear_error();
    int result = SSL_do_handshake(c->ssl);
    if (result != 1) {
        int error = SSL_get_error(c->ssl, result);
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            tls_fail(c, "handshake", result);
        want_write(c, error == SSL_ERROR_WANT_WRITE);
        return false;
    }
    opened(c);
    return true;
}

static void receive(struct connection *c)
{
    do {
        char *room = bytes_room(&c->in, c->load->options.connections > 1000 ? 4096 : 65536);
        ERR_clear_error();
        int count = SSL_read(c->ssl, room, (int)(c->in.capacity - c->in.to));
        if (count <= 0) {
            if (SSL_get_error(c->ssl, count) != SSL_ERROR_WANT_READ)
                tls_fail(c, "read", count);
            return;
        }
        c->in.to += (size_t)count;
        reply_parse(c);
        connection_flush(c);
    } while (c->ssl != NULL && SSL_has_pending(c->ssl));
}

void connection_ready(struct connection *c)
{
    if (!c->shaken && c->load->mode->is_raw)
        opened(c);
    if (!c->shaken && !shake(c))
        return;
    if (c->load->mode->ready != NULL) {
        c->load->mode->ready(c);
        return;
    }
    connection_flush(c);
    receive(c);
    if (c->ticketed && c->load->mode->ticket != NULL)
        c->load->mode->ticket(c);
}

void connection_ignore(struct connection *c)
{
    epoll_ctl(c->load->epoll, EPOLL_CTL_DEL, c->fd, NULL);
}

void connection_add(struct connection *c, const char *request, size_t length, uint64_t begun)
{
    memcpy(bytes_room(&c->out, length), request, length);
    c->out.to += length;
    if (c->open == MOST_DEPTH)
        fail("more than %d requests are open", MOST_DEPTH);
    c->begun[(c->first + c->open++) % MOST_DEPTH] = begun;
}

void connection_flush(struct connection *c)
{
    while (c->out.from < c->out.to) {
        ERR_clear_error();
        int count = SSL_write(c->ssl, c->out.start + c->out.from, (int)(c->out.to - c->out.from));
        if (count <= 0) {
            if (SSL_get_error(c->ssl, count) != SSL_ERROR_WANT_WRITE)
                tls_fail(c, "write", count);
            return want_write(c, true);
        }
        c->out.from += (size_t)count;
    }
    want_write(c, false);
}

void connection_finish(struct connection *c)
{
    if (c->finished)
        return;
    c->finished = true;
    c->load->finished_count++;
}
