#include "loadgen.h"
#include "meter.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bodies to this size are kept whole for the mode. */
static const uint64_t most_kept = 4 << 20;

static void complete(struct connection *c, const char *body, size_t length)
{
    struct load *load = c->load;
    uint64_t now = now_ns(), begun = c->begun[c->first];
    if (c->open == 0)
        fail("connection %d: a reply that nobody asked for", c->number);
    c->first = (c->first + 1) % MOST_DEPTH;
    c->open--;
    if (load->measuring && !load->mode->counts_itself) {
        histogram_record(&load->latency, now - begun);
        load->done++;
    }
    load->mode->reply(c, c->status, body, length);
}

/* The value of a field, between its colon and the line's end; NULL when the head has none. */
static const char *field(const char *head, const char *end, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = memchr(head, '\n', (size_t)(end - head)); line != NULL && line + length < end;
         line = memchr(line, '\n', (size_t)(end - line))) {
        line++;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* Takes the head of a reply; false while it is not whole. */
static bool take_head(struct connection *c)
{
    char *start = c->in.start + c->in.from;
    char *end = memmem(start, c->in.to - c->in.from, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    if (memcmp(start, "HTTP/1.1 ", 9) != 0)
        fail("connection %d: not a reply: %.20s", c->number, start);
    const char *length = field(start, end, "content-length"),
               *coding = field(start, end, "transfer-encoding");
    if (field(start, end, "connection") != NULL &&
        strncasecmp(field(start, end, "connection"), "close", 5) == 0)
        fail("connection %d: the server is about to close it: %.*s", c->number, (int)(end - start), start);
    uint64_t size = length != NULL ? strtoull(length, NULL, 10) : 0;
    size_t head = (size_t)(end + 4 - start);
    c->chunked = coding != NULL;
    c->streaming = c->chunked || size > most_kept;
    if (!c->streaming && c->in.to - c->in.from < head + size) {
        bytes_room(&c->in, head + size);
        return false;
    }
    c->status = atoi(start + 9);
    c->left = c->chunked ? 0 : size;
    c->streamed = 0;
    c->chunk_open = false;
    c->in.from += head;
    return true;
}

/* Takes a line of chunk framing; false while it is not whole. */
static bool take_line(struct connection *c, const char **line)
{
    char *start = c->in.start + c->in.from, *end = memmem(start, c->in.to - c->in.from, "\r\n", 2);
    if (end == NULL)
        return false;
    *end = 0;
    *line = start;
    c->in.from = (size_t)(end + 2 - c->in.start);
    return true;
}

static void end_stream(struct connection *c)
{
    c->streaming = false;
    complete(c, NULL, c->streamed);
}

/* Takes what is there of a long body; false when more has to come. */
static bool take_stream(struct connection *c)
{
    uint64_t here = c->in.to - c->in.from, count = here < c->left ? here : c->left;
    const char *line;
    if (count > 0 && c->load->mode->piece != NULL)
        c->load->mode->piece(c, c->in.start + c->in.from, count);
    c->in.from += count;
    c->left -= count;
    c->streamed += count;
    c->load->bytes += count;
    if (c->left > 0)
        return false;
    if (!c->chunked) {
        end_stream(c);
        return true;
    }
    if (!take_line(c, &line))
        return false;
    if (c->chunk_open) {
        c->chunk_open = false;
        return true;
    }
    c->left = strtoull(line, NULL, 16);
    c->chunk_open = true;
    if (c->left == 0) {
        if (!take_line(c, &line) || *line != 0)
            fail("connection %d: the end of a chunked reply is not whole", c->number);
        end_stream(c);
    }
    return true;
}

void reply_parse(struct connection *c)
{
    while (c->in.from < c->in.to) {
        if (c->streaming) {
            if (!take_stream(c))
                return;
            continue;
        }
        if (!take_head(c))
            return;
        if (c->streaming)
            continue;
        const char *body = c->in.start + c->in.from;
        c->in.from += c->left;
        c->load->bytes += c->left;
        complete(c, body, c->left);
    }
}
