#include "loadgen.h"
#include "meter.h"

static void begin(struct connection *c)
{
    pace_next(c);
    connection_flush(c);
}

static void next(struct connection *c)
{
    if (c->load->stopping && c->open == 0)
        connection_finish(c);
    else
        pace_next(c);
}

static void request_put(struct connection *c, uint64_t begun)
{
    create_add(c, 1, begun);
}

static void reply_put(struct connection *c, int status, const char *body, size_t length)
{
    create_reply(c, status, body, length);
    next(c);
}

const struct mode mode_put = {.name = "put", .begin = begin, .request = request_put, .reply = reply_put};

static void request_flood(struct connection *c, uint64_t begun)
{
    create_add(c, c->load->options.batch > 1 ? c->load->options.batch : 1, begun);
}

/* To be told to wait is an answer: this client does not. */
static void reply_flood(struct connection *c, int status, const char *body, size_t length)
{
    if (status != 200 && status != 429 && status != 503)
        fail("connection %d: create: status %d: %.*s", c->number, status, (int)length, body ? body : "");
    next(c);
}

const struct mode mode_flood = {
    .name = "flood", .begin = begin, .request = request_flood, .reply = reply_flood};
