#include "server_private.h"
#include <jobcore/loop_base.h>

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LINGER_MS 1000
#define LINGER_DRAINING_MS 200
#define TRIM_CONNECTIONS 1000
#define SLOTS_MAX ((size_t)1 << 24)

static void release(struct jc_server *server)
{
    jc_timer_free(server->tick);
    jc_bytes_free(&server->batch);
    jc_bytes_free(&server->wire.out);
    free(server->wire.in);
    free(server->plain);
    free(server->slots);
    free(server);
}

void jc_server_tick(struct jc_server *server)
{
    if (!server->ticking)
        server->ticking = jc_timer_start(server->tick, jc_deadlines_tick(&server->deadlines)) == 0;
}

/// The heap keeps what connections leave behind, its free pages among those in use, until it is asked for
/// them.
static void give_memory_back(struct jc_server *server)
{
    if (server->most_connections < server->connections)
        server->most_connections = server->connections;
    if (server->most_connections < TRIM_CONNECTIONS || server->connections > server->most_connections / 4)
        return;
    server->most_connections = server->connections;
    malloc_trim(0);
}

/// A certificate that has expired since its handshake is none any more.
static void cut_expired(struct jc_server *server)
{
    const int64_t now_s = jp_realtime_us() / 1000000;
    if (now_s == server->expiry_s)
        return;
    server->expiry_s = now_s;
    for (uint32_t slot = 0; slot < server->slots_used; slot++) {
        struct jc_connection *connection = server->slots[slot].connection;
        if (connection != NULL && connection->phase == JC_PHASE_OPEN && connection->until_s < now_s)
            jc_connection_cut(connection, "the client's certificate has expired");
    }
}

/// Runs only while there is something to look after: an idle server sleeps.
static void on_tick(void *context)
{
    struct jc_server *server = context;
    const int64_t now_ms = jp_coarse_ms();
    enum jc_deadline_kind kind;
    struct jc_deadline *passed;
    server->ticking = false;
    while ((passed = jc_deadlines_next(&server->deadlines, now_ms, &kind)) != NULL)
        jc_connection_expired(jc_connection_of_deadline(passed), kind);
    cut_expired(server);
    jc_acceptor_resume(server);
    give_memory_back(server);
    if (server->connections > 0 || (!server->accepting && server->listen_fd >= 0))
        jc_server_tick(server);
}

/// Those that are put back meanwhile wait for the next round. `drained` comes last: it may free the server.
static void on_ready(void *context)
{
    struct jc_server *server = context;
    server->ready_posted = false;
    if (server->freed) {
        release(server);
        return;
    }
    struct jc_connection *last = TAILQ_LAST(&server->ready, jc_ready_list), *connection;
    bool more = last != NULL;
    while (more) {
        connection = TAILQ_FIRST(&server->ready);
        more = connection != last;
        jc_connection_resume(connection);
    }
    jc_callback drained = server->drained;
    if (drained == NULL || server->connections > 0)
        return;
    server->drained = NULL;
    drained(server->drained_context);
}

void jc_server_wake(struct jc_server *server)
{
    if (!server->ready_posted)
        server->ready_posted = jc_loop_post(server->loop, on_ready, server) == 0;
}

void jc_server_add(struct jc_server *server, struct jc_connection *connection)
{
    if (server->free_slot > 0) {
        connection->slot = server->free_slot - 1;
        server->free_slot = server->slots[connection->slot].next_free;
    } else {
        connection->slot = server->slots_used++;
    }
    server->slots[connection->slot].connection = connection;
    server->connections++;
    jc_server_tick(server);
}

void jc_server_remove(struct jc_server *server, const struct jc_connection *connection)
{
    struct jc_connection_slot *slot = &server->slots[connection->slot];
    slot->connection = NULL;
    slot->next_free = server->free_slot;
    server->free_slot = connection->slot + 1;
    server->connections--;
    if (server->drained != NULL && server->connections == 0)
        jc_server_wake(server);
}

static void set_deadlines(struct jc_server *server)
{
    const struct jc_server_options *options = &server->options;
    jc_deadlines_init(&server->deadlines);
    // With no limit too they are in the order of their coming.
    server->deadlines.lasts_ms[JC_DEADLINE_HANDSHAKE] =
        options->handshake_ms > 0 ? options->handshake_ms : UINT_MAX;
    server->deadlines.lasts_ms[JC_DEADLINE_HEAD] = options->head_ms;
    server->deadlines.lasts_ms[JC_DEADLINE_BODY] = options->body_ms;
    server->deadlines.lasts_ms[JC_DEADLINE_WRITE] = options->write_ms;
    server->deadlines.lasts_ms[JC_DEADLINE_IDLE] = options->idle_ms;
    server->deadlines.lasts_ms[JC_DEADLINE_LINGER] = LINGER_MS;
}

/// Accepted connections inherit it. What the kernel has to send to a peer that vanished would keep it there
/// for a quarter of an hour.
static int bound_unsent(const struct jc_server *server)
{
    const unsigned most = server->options.write_ms;
    const int milliseconds = most > INT_MAX ? INT_MAX : (int)most;
    return setsockopt(server->listen_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds) <
                   0
               ? -errno
               : 0;
}

static int set_up(struct jc_server *server)
{
    TAILQ_INIT(&server->ready);
    set_deadlines(server);
    server->slots = calloc(server->options.max_connections, sizeof *server->slots);
    server->wire.in = malloc(JC_WIRE_SIZE);
    server->plain = malloc(JC_PLAIN_SIZE);
    if (server->slots == NULL || server->wire.in == NULL || server->plain == NULL ||
        jc_bytes_reserve(&server->batch, 2 * JC_BATCH_SIZE) < 0 ||
        jc_bytes_reserve(&server->wire.out, 2 * JC_BATCH_SIZE + 4096) < 0 ||
        jc_timer_new(server->loop, on_tick, server, &server->tick) < 0)
        return -ENOMEM;
    const int status = bound_unsent(server);
    return status < 0 ? status : jc_acceptor_start(server);
}

int jc_server_new(struct jc_loop *loop, struct jc_tls *tls, const struct jc_server_options *options,
                  const struct jc_handler *handler, void *context, struct jc_server **out)
{
    if (options->max_connections == 0 || options->max_connections > SLOTS_MAX)
        return -EINVAL;
    struct jc_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return -ENOMEM;
    *server = (struct jc_server){
        .loop = loop,
        .options = *options,
        .handler = *handler,
        .context = context,
        .listen_fd = options->listen_fd,
        .spare_fd = -1,
        .wire = {.operations = &jc_tls_transport, .context = tls},
    };
    int status = set_up(server);
    if (status == 0) {
        *out = server;
        return 0;
    }
    server->listen_fd = -1;
    jc_acceptor_stop(server);
    release(server);
    return status;
}

void jc_server_drain(struct jc_server *server, jc_callback done, void *context)
{
    server->drained = done;
    server->drained_context = context;
    server->deadlines.lasts_ms[JC_DEADLINE_LINGER] = LINGER_DRAINING_MS;
    jc_acceptor_stop(server);
    for (uint32_t slot = 0; slot < server->slots_used; slot++) {
        if (server->slots[slot].connection != NULL)
            jc_connection_drain(server->slots[slot].connection);
    }
    jc_server_wake(server);
}

void jc_server_apply_trust(struct jc_server *server, const struct jc_trust *trust)
{
    for (uint32_t slot = 0; slot < server->slots_used; slot++) {
        if (server->slots[slot].connection != NULL)
            jc_connection_apply_trust(server->slots[slot].connection, trust);
    }
}

void jc_server_free(struct jc_server *server)
{
    if (server == NULL)
        return;
    jc_acceptor_stop(server);
    server->drained = NULL;
    for (uint32_t slot = 0; slot < server->slots_used; slot++) {
        if (server->slots[slot].connection != NULL)
            jc_connection_free(server->slots[slot].connection);
    }
    jc_timer_stop(server->tick);
    server->freed = true;
    if (!server->ready_posted)
        release(server);
}

size_t jc_server_connections(struct jc_server *server)
{
    return server->connections;
}
