#include "loadgen.h"
#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void request_add(struct connection *c, const char *method, const char *id, const char *rest)
{
    char request[512];
    int length = snprintf(request, sizeof(request), "%s /jobs/%s%s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          method, id, rest);
    connection_add(c, request, (size_t)length, now_ns());
}

static void add_with_body(struct connection *c, const char *line, const char *body, size_t length,
                          uint64_t begun)
{
    char head[256];
    int size = snprintf(
        head, sizeof(head),
        "%s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
        line, length);
    connection_add(c, head, (size_t)size, begun);
    memcpy(bytes_room(&c->out, length), body, length);
    c->out.to += length;
}

/* Adds a request that creates `count` jobs: by the line `single` when it is one, by `batch` when there are
 * more. */
static void add_jobs(struct connection *c, const char *single, const char *batch, int count, uint64_t begun)
{
    const char *job = c->load->options.job;
    size_t length = strlen(job), size = 16 + (size_t)count * (length + 1);
    if (c->ids == NULL && (c->ids = calloc((size_t)count, sizeof(*c->ids))) == NULL)
        fail("out of memory");
    c->id_next = c->id_count = 0;
    if (count == 1) {
        add_with_body(c, single, job, length, begun);
        return;
    }
    char *body = malloc(size);
    if (body == NULL)
        fail("out of memory");
    size_t at = (size_t)snprintf(body, size, "{\"jobs\":[");
    for (int i = 0; i < count; i++)
        at += (size_t)snprintf(body + at, size - at, "%s%s", i ? "," : "", job);
    at += (size_t)snprintf(body + at, size - at, "]}");
    add_with_body(c, batch, body, at, begun);
    free(body);
}

void create_add(struct connection *c, int count, uint64_t begun)
{
    add_jobs(c, "PUT /jobs", "POST /jobs:batch", count, begun);
}

void run_add(struct connection *c, int count, uint64_t begun)
{
    add_jobs(c, "POST /jobs:run", "POST /jobs:batch?run=1", count, begun);
}

/* Keeps the ids that a create or a batch answered. */
void create_reply(struct connection *c, int status, const char *body, size_t length)
{
    int wanted = c->load->options.batch > 1 ? c->load->options.batch : 1;
    if (status != 200 || body == NULL)
        fail("connection %d: create: status %d: %.*s", c->number, status, (int)length, body ? body : "");
    const char *end = body + length, *at = body;
    while (c->id_count < wanted && (at = memmem(at, (size_t)(end - at), "\"id\":\"", 6)) != NULL) {
        at += 6;
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (quote == NULL || quote - at >= (long)sizeof(*c->ids))
            break;
        memcpy(c->ids[c->id_count], at, (size_t)(quote - at));
        c->ids[c->id_count++][quote - at] = 0;
    }
    if (c->id_count != wanted)
        fail("connection %d: %d of %d jobs were created: %.*s", c->number, c->id_count, wanted, (int)length,
             body);
}
