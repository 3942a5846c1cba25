#include "loadgen.h"
#include "meter.h"

#include <string.h>

/* Creates `--total` jobs in batches, which go on running until standard input ends; then deletes them. All of
 * them are looked at while all of them run. */

static uint64_t share(const struct connection *c)
{
    const struct options *o = &c->load->options;
    return o->total / (uint64_t)o->connections;
}

static void begin(struct connection *c)
{
    if (c->load->options.batch != (int)share(c) || c->load->options.batch > 1000)
        fail("hold: --batch is to be --total / --connections, at most 1000");
    create_add(c, c->load->options.batch, now_ns());
    connection_flush(c);
}

static void reply(struct connection *c, int status, const char *body, size_t length)
{
    if (c->id_count == 0) {
        create_reply(c, status, body, length);
        connection_finish(c);
        return;
    }
    if (status != 200 || body == NULL)
        fail("connection %d: %s: status %d: %.*s", c->number, c->ids[c->id_next], status, (int)length,
             body ? body : "");
    if (c->stage == 0 && memmem(body, length, "\"running\"", 9) == NULL)
        fail("connection %d: %s does not run: %.*s", c->number, c->ids[c->id_next], (int)length, body);
    if (++c->id_next < c->id_count)
        hold_next(c);
    else
        connection_finish(c);
}

void hold_begin(struct connection *c, int stage)
{
    c->stage = stage;
    c->id_next = 0;
    hold_next(c);
    connection_flush(c);
}

void hold_next(struct connection *c)
{
    request_add(c, c->stage == 0 ? "GET" : "DELETE", c->ids[c->id_next], c->stage == 0 ? "/status" : "");
}

const struct mode mode_hold = {.name = "hold", .begin = begin, .reply = reply, .runs_to_its_end = true};
