#include "loadgen.h"
#include "meter.h"

static void begin(struct connection *c)
{
    pace_next(c);
    connection_flush(c);
}

static void reply(struct connection *c, int status, const char *body, size_t length)
{
    (void)body;
    (void)length;
    if (status != 200)
        fail("connection %d: status %d for %s", c->number, status, c->load->options.path);
    if (c->load->stopping && c->open == 0)
        connection_finish(c);
    else
        pace_next(c);
}

const struct mode mode_get = {.name = "get", .begin = begin, .request = get_add, .reply = reply};

static void begin_download(struct connection *c)
{
    c->load->options.depth = 1;
    pace_next(c);
    connection_flush(c);
}

static void reply_download(struct connection *c, int status, const char *body, size_t length)
{
    (void)body;
    if (status != 200 || length != c->load->options.expected_bytes)
        fail("connection %d: status %d with %zu bytes for %s", c->number, status, length,
             c->load->options.path);
    connection_finish(c);
}

const struct mode mode_download = {.name = "download",
                                   .begin = begin_download,
                                   .request = get_add,
                                   .reply = reply_download,
                                   .runs_to_its_end = true};

static void reply_idle(struct connection *c, int status, const char *body, size_t length)
{
    (void)body;
    (void)length;
    if (status != 200)
        fail("connection %d: status %d for %s", c->number, status, c->load->options.path);
    connection_finish(c);
}

const struct mode mode_idle = {.name = "idle",
                               .begin = begin_download,
                               .request = get_add,
                               .reply = reply_idle,
                               .runs_to_its_end = true};
