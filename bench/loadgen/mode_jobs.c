#include "loadgen.h"
#include "meter.h"

#include <stdio.h>
#include <string.h>

enum stage { CREATE, WAIT, OUTPUT, DELETE, WHOLE };
static const char *const stage_names[] = {"create", "wait", "output", "delete", "job"};

static void enter(struct connection *c, enum stage stage)
{
    c->stage = (int)stage;
    c->stage_begun = now_ns();
    if (stage == CREATE)
        c->job_begun = c->stage_begun;
}

static void add(struct connection *c, enum stage stage)
{
    switch (stage) {
    case CREATE:
        create_add(c, c->load->options.batch > 1 ? c->load->options.batch : 1, c->stage_begun);
        break;
    case WAIT:
        request_add(c, "GET", c->ids[c->id_next], "/status?wait=30s");
        break;
    case OUTPUT:
        request_add(c, "GET", c->ids[c->id_next], "/output");
        break;
    case DELETE:
        request_add(c, "DELETE", c->ids[c->id_next], "");
        break;
    case WHOLE:
        break;
    }
}

static void ask(struct connection *c, enum stage stage)
{
    enter(c, stage);
    add(c, stage);
}

static void begin(struct connection *c)
{
    ask(c, CREATE);
    connection_flush(c);
}

static bool holds(const char *body, size_t length, const char *text)
{
    return body != NULL && memmem(body, length, text, strlen(text)) != NULL;
}

static void check(const struct connection *c, int status, const char *body, size_t length)
{
    static const char output[] = "{\"stdout\":\"\",\"stderr\":\"\"}";
    bool right = status == 200;
    if (c->stage == WAIT)
        right = right && holds(body, length, "\"completed\"") && holds(body, length, "\"exit_code\":0");
    if (c->stage == OUTPUT)
        right = right && holds(body, length, "\"stdout\":\"\"") && length < sizeof(output) + 32;
    if (!right)
        fail("connection %d: %s of %s: status %d: %.*s", c->number, stage_names[c->stage], c->ids[c->id_next],
             status, (int)length, body ? body : "");
}

static void advance(struct connection *c)
{
    if (c->stage < DELETE) {
        ask(c, (enum stage)(c->stage + 1));
        return;
    }
    if (c->load->measuring) {
        histogram_record(&c->load->stages[WHOLE], now_ns() - c->job_begun);
        c->load->done++;
    }
    if (++c->id_next < c->id_count)
        ask(c, WAIT);
    else if (c->load->stopping)
        connection_finish(c);
    else
        ask(c, CREATE);
}

static void reply(struct connection *c, int status, const char *body, size_t length)
{
    if (c->load->measuring)
        histogram_record(&c->load->stages[c->stage], now_ns() - c->stage_begun);
    if (c->stage == CREATE)
        create_reply(c, status, body, length);
    else
        check(c, status, body, length);
    advance(c);
}

static void print(struct load *load, FILE *out)
{
    for (int i = CREATE; i <= WHOLE; i++) {
        fprintf(out, ",\"%s\":", stage_names[i]);
        histogram_print(&load->stages[i], out);
    }
}

const struct mode mode_jobs = {
    .name = "jobs", .begin = begin, .reply = reply, .print = print, .counts_itself = true};
