#include "server_private.h"

#include <string.h>
#include <unistd.h>

#define SLOT_BITS 24

/// The number of an exchange is that of its connection's slot below the count of exchanges: found without a
/// search, and never again another's.
void jc_exchange_open(struct jc_connection *connection, const struct jc_head *head)
{
    struct jc_exchange *exchange = &connection->exchange;
    const struct jw_slice method = head->request.method;
    *exchange = (struct jc_exchange){
        .id = ++connection->server->exchanges << SLOT_BITS | connection->slot,
        .head_only = method.length == 4 && memcmp(method.bytes, "HEAD", 4) == 0,
        .http_1_0 = head->http_1_0,
        .keep_alive = head->keep_alive,
        .waits_for_100 = head->expect_continue,
        .file = {.fd = -1},
    };
}

void jc_exchange_close(struct jc_connection *connection, bool complete)
{
    struct jc_exchange *exchange = &connection->exchange;
    const struct jc_server *server = connection->server;
    if (exchange->id == 0)
        return;
    if (exchange->user != NULL)
        server->handler.ended(server->context, exchange, complete);
    if (exchange->file.fd >= 0)
        close(exchange->file.fd);
    jc_bytes_free(&exchange->body);
    // What is still queued of a reply that is complete, its last chunk, is sent after it is closed.
    if (!complete || jc_bytes_length(&connection->queue) == 0)
        jc_bytes_free(&connection->queue);
    exchange->id = 0;
    const bool last = !exchange->keep_alive || server->drained != NULL;
    if (last && connection->phase == JC_PHASE_OPEN)
        connection->phase = JC_PHASE_CLOSING;
}

int64_t jc_exchange_tag(struct jc_exchange *exchange)
{
    return jc_connection_of(exchange)->tag;
}

void jc_exchange_set_user(struct jc_exchange *exchange, void *user)
{
    exchange->user = user;
}

void *jc_exchange_user(struct jc_exchange *exchange)
{
    return exchange->user;
}

uint64_t jc_exchange_id(struct jc_exchange *exchange)
{
    return exchange->id;
}

struct jc_exchange *jc_server_exchange(struct jc_server *server, uint64_t id)
{
    const uint64_t slot = id & (((uint64_t)1 << SLOT_BITS) - 1);
    if (id == 0 || slot >= server->slots_used)
        return NULL;
    struct jc_connection *connection = server->slots[slot].connection;
    return connection != NULL && connection->exchange.id == id ? &connection->exchange : NULL;
}

void jc_exchange_pause_body(struct jc_exchange *exchange)
{
    exchange->paused = true;
}

void jc_exchange_resume_body(struct jc_exchange *exchange)
{
    exchange->paused = false;
    jc_connection_ready(jc_connection_of(exchange));
}
