#include "server_private.h"

void jc_connection_account(struct jc_connection *connection)
{
    struct jc_budget *budget = connection->server->options.budget;
    if (budget == NULL || connection->tag < 0)
        return;
    size_t held =
        connection->in.capacity + connection->queue.capacity + connection->transport.unsent.capacity;
    const struct jc_exchange *exchange;
    LIST_FOREACH(exchange, &connection->exchanges, link)
    {
        held += exchange->body.capacity + exchange->passed;
    }
    if (held != connection->held)
        jc_budget_add(budget, connection->tag, (ptrdiff_t)(held - connection->held));
    connection->held = held;
}

bool jc_connection_has_room(const struct jc_connection *connection)
{
    const struct jc_budget *budget = connection->server->options.budget;
    return budget == NULL || connection->tag < 0 ||
           jc_budget_state(budget, connection->tag) == JC_BUDGET_HAS_ROOM;
}

const char *jc_connection_no_room(const struct jc_connection *connection)
{
    const struct jc_server *server = connection->server;
    const bool client = jc_budget_state(server->options.budget, connection->tag) == JC_BUDGET_CLIENT_FULL;
    jc_server_count(server, client ? JC_COUNT_CLIENT_MEMORY : JC_COUNT_MEMORY);
    return client ? "this client's requests, input and unread replies hold as much memory as a client's may"
                  : "the clients' requests, input and unread replies hold as much memory as they may";
}
