#include "loadgen.h"
#include "meter.h"

#include <stdio.h>
#include <string.h>

void get_add(struct connection *c, uint64_t begun)
{
    char request[1024];
    int length = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
                          c->load->options.path);
    connection_add(c, request, (size_t)length, begun);
}

/* The open loop deals its beginnings out to the connections in turn: the j-th of connection i is at (j * N +
 * i) / rate. */
static uint64_t due(const struct connection *c)
{
    const struct options *o = &c->load->options;
    double turn = (double)c->issued * o->connections + c->number;
    return c->load->start + (uint64_t)(turn / o->rate * 1e9);
}

void pace_next(struct connection *c)
{
    const struct options *o = &c->load->options;
    uint64_t now = now_ns();
    while (c->open < (unsigned)o->depth && !c->load->stopping) {
        uint64_t begun = now;
        if (o->rate > 0) {
            begun = due(c);
            if (begun > now)
                return;
        }
        c->issued++;
        c->load->mode->request(c, begun);
    }
}

uint64_t pace(struct load *load, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    if (load->options.rate <= 0 || load->mode->request == NULL || load->start == 0 || load->stopping)
        return UINT64_MAX;
    for (int i = 0; i < load->options.connections; i++) {
        struct connection *c = &load->connections[i];
        if (!c->shaken)
            continue;
        if (c->open < (unsigned)load->options.depth) {
            pace_next(c);
            connection_flush(c);
        }
        /* One that waits for a reply goes on when that is here. */
        if (c->open < (unsigned)load->options.depth && due(c) < next)
            next = due(c);
    }
    return next == UINT64_MAX ? next : next <= now ? 0 : next - now;
}
