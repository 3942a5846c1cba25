#include "loadgen.h"
#include "meter.h"

static void open_next(struct connection *c)
{
    if (c->load->stopping) {
        connection_finish(c);
        return;
    }
    c->job_begun = now_ns();
    connection_open(c);
}

/* The ticket shows that the server has verified the client. */
static void ticket(struct connection *c)
{
    struct load *load = c->load;
    /* The first one of a connection has nothing to resume yet. */
    bool resumed = SSL_session_reused(c->ssl) == 1, first = c->issued++ == 0;
    if (resumed != (load->mode == &mode_resume && !first))
        fail("connection %d: the session was %s", c->number, resumed ? "resumed" : "not resumed");
    if (load->measuring) {
        histogram_record(&load->latency, now_ns() - c->job_begun);
        load->done++;
    }
    connection_close(c);
    open_next(c);
}

static void reply(struct connection *c, int status, const char *body, size_t length)
{
    (void)body;
    fail("connection %d: a reply (%d, %zu bytes) that nobody asked for", c->number, status, length);
}

const struct mode mode_handshake = {
    .name = "handshake", .begin = open_next, .reply = reply, .ticket = ticket, .opens_itself = true};
const struct mode mode_resume = {
    .name = "resume", .begin = open_next, .reply = reply, .ticket = ticket, .opens_itself = true};
