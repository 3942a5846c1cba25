#include "loadgen.h"
#include "meter.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>

/* Peers that hold a connection: they begin something, go on with it byte by byte, `--rate` bytes a second in
 * all, and connect again when the server has enough. `done` counts how often that was. */

static const char head[] = "GET /jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
static const char body[] = "PUT /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{";
/* The beginning of a ClientHello in a record of 512 bytes. */
static const char hello[] = {0x16, 3, 1, 2, 0, 1, 0, 1, (char)0xfc, 3, 3};

static void send_some(struct connection *c, const char *bytes, size_t length)
{
    ERR_clear_error();
    if (c->load->mode->is_raw)
        (void)!send(c->fd, bytes, length, MSG_NOSIGNAL);
    else
        (void)!SSL_write(c->ssl, bytes, (int)length);
}

static void start(struct connection *c)
{
    c->stage = 1;
    if (c->load->mode == &mode_slow_handshake)
        send_some(c, hello, sizeof(hello));
    else if (c->load->mode == &mode_slow_head)
        send_some(c, head, sizeof(head) - 1);
    else
        send_some(c, body, sizeof(body) - 1);
}

/* Whether the server closed it; what it says is not looked at. */
static bool is_closed(struct connection *c)
{
    char bytes[4096];
    if (c->load->mode->is_raw) {
        ssize_t count = recv(c->fd, bytes, sizeof(bytes), 0);
        return count == 0 || (count < 0 && errno != EAGAIN);
    }
    int count;
    do {
        ERR_clear_error();
        count = SSL_read(c->ssl, bytes, sizeof(bytes));
    } while (count > 0);
    return SSL_get_error(c->ssl, count) != SSL_ERROR_WANT_READ;
}

static void ready(struct connection *c)
{
    if (c->stage == 0)
        start(c);
    if (!is_closed(c))
        return;
    if (c->load->measuring)
        c->load->done++;
    c->stage = 0;
    connection_close(c);
    connection_open(c);
}

static void begin(struct connection *c)
{
    (void)c;
}

static void dribble(struct connection *c, uint64_t begun)
{
    (void)begun;
    if (c->stage == 1)
        send_some(c, " ", 1);
}

const struct mode mode_slow_handshake = {
    .name = "slow-handshake", .begin = begin, .request = dribble, .ready = ready, .is_raw = true};
const struct mode mode_slow_head = {.name = "slow-head", .begin = begin, .request = dribble, .ready = ready};
const struct mode mode_slow_body = {.name = "slow-body", .begin = begin, .request = dribble, .ready = ready};

/* Asks for `--path` and never reads what comes. */
static void ready_deaf(struct connection *c)
{
    (void)c;
}

static void begin_deaf(struct connection *c)
{
    get_add(c, now_ns());
    connection_flush(c);
    connection_ignore(c);
    c->open = 0;
}

const struct mode mode_deaf = {.name = "deaf", .begin = begin_deaf, .ready = ready_deaf};
