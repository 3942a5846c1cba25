#define _GNU_SOURCE
#include "server_private.h"
#include <jobcore/loop_base.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/// Peers taken in at once: more only while more come, so that a single one costs no call to see that there is
/// no other.
#define ACCEPTS_MAX 32

/// One line a second tells of peers turned away.
static void turn_away(struct jc_server *server, const union jc_address *peer, const char *reason)
{
    jc_server_count(server, JC_COUNT_TURNED_AWAY);
    const int64_t now_s = jp_coarse_ms() / 1000;
    if (now_s == server->refused_s)
        return;
    server->refused_s = now_s;
    jc_peer_failed(server, peer, reason);
}

static int spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/// Out of descriptors: the spare one makes room to take a peer off the queue and close it, or else the
/// listener would be ready for ever and the loop spin. Without a spare it is not looked at until the next
/// tick.
static bool shed(struct jc_server *server)
{
    union jc_address peer = {.any.sa_family = AF_UNSPEC};
    socklen_t length = sizeof peer;
    int fd = -1;
    if (server->spare_fd >= 0) {
        close(server->spare_fd);
        fd = accept4(server->listen_fd, &peer.any, &length, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        server->spare_fd = spare();
    }
    turn_away(server, &peer, "out of file descriptors or memory");
    if (fd < 0) {
        event_del(&server->acceptor);
        server->accepting = false;
        // There may be no connection that it ticks for.
        jc_server_tick(server);
    }
    return fd >= 0;
}

/// Peers that have not shaken hands take no place of those that have: the one that takes longest goes.
static void make_room(struct jc_server *server)
{
    const struct jc_deadlines *deadlines = &server->deadlines;
    struct jc_deadline *oldest = TAILQ_FIRST(&deadlines->lists[JC_DEADLINE_HANDSHAKE]);
    const bool is_full = server->connections >= server->options.max_connections ||
                         deadlines->counts[JC_DEADLINE_HANDSHAKE] >= server->options.max_handshakes;
    if (!is_full || oldest == NULL)
        return;
    struct jc_connection *connection = jc_connection_of_deadline(oldest);
    turn_away(server, &connection->peer, "too many handshakes: the one that took longest made room");
    jc_connection_free(connection);
}

static bool accept_one(struct jc_server *server)
{
    union jc_address peer;
    socklen_t length = sizeof peer;
    int fd = accept4(server->listen_fd, &peer.any, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            return shed(server);
        return errno != EAGAIN; // else a peer that is gone already
    }
    make_room(server);
    if (server->connections >= server->options.max_connections) {
        turn_away(server, &peer, "too many connections");
        close(fd);
    } else if (jc_connection_new(server, fd, &peer) < 0) {
        turn_away(server, &peer, "out of memory");
        close(fd);
    }
    return true;
}

static void on_acceptable(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct jc_server *server = context;
    unsigned accepted = 0;
    while (accepted < server->accepts && accept_one(server))
        accepted++;
    const bool more = accepted == server->accepts;
    server->accepts = !more ? 1 : accepted < ACCEPTS_MAX ? 2 * accepted : ACCEPTS_MAX;
}

int jc_acceptor_start(struct jc_server *server)
{
    server->spare_fd = spare();
    event_assign(&server->acceptor, jc_loop_base(server->loop), server->listen_fd, EV_READ | EV_PERSIST,
                 on_acceptable, server);
    if (event_add(&server->acceptor, NULL) != 0)
        return -ENOMEM;
    server->accepting = true;
    server->accepts = 1;
    return 0;
}

void jc_acceptor_resume(struct jc_server *server)
{
    if (server->accepting || server->listen_fd < 0)
        return;
    if (server->spare_fd < 0)
        server->spare_fd = spare();
    server->accepting = event_add(&server->acceptor, NULL) == 0;
}

void jc_acceptor_stop(struct jc_server *server)
{
    if (server->listen_fd >= 0) {
        event_del(&server->acceptor);
        close(server->listen_fd);
    }
    if (server->spare_fd >= 0)
        close(server->spare_fd);
    server->listen_fd = server->spare_fd = -1;
    server->accepting = false;
}
