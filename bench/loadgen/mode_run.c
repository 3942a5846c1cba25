#include "loadgen.h"
#include "meter.h"

#include <stdlib.h>
#include <string.h>

/* Jobs whose creation is answered with their end: one a request, or a batch whose ends come as lines in any
 * order. */

static int batch(const struct connection *c)
{
    return c->load->options.batch > 1 ? c->load->options.batch : 1;
}

static void ask(struct connection *c)
{
    c->job_begun = now_ns();
    run_add(c, batch(c), c->job_begun);
    memset(c->ids, 0, sizeof(*c->ids) * (size_t)batch(c));
}

static void begin(struct connection *c)
{
    ask(c);
    connection_flush(c);
}

/* What follows `name` in the object; NULL: it has no such member. */
static const char *member(const char *text, size_t length, const char *name)
{
    const char *found = memmem(text, length, name, strlen(name));
    return found != NULL ? found + strlen(name) : NULL;
}

/* Whether what follows the member's name begins with this. */
static bool has(const char *text, size_t length, const char *name, const char *value)
{
    const char *found = member(text, length, name);
    return found != NULL && (size_t)(text + length - found) >= strlen(value) &&
           memcmp(found, value, strlen(value)) == 0;
}

/* The place of a line's job in its batch, -1 when it has none; a job of its own has the first. */
static int place(const struct connection *c, const char *text, size_t length)
{
    const char *index = member(text, length, "\"index\":");
    if (batch(c) == 1)
        return 0;
    long value = index != NULL && *index >= '0' && *index <= '9' ? strtol(index, NULL, 10) : -1;
    return value < batch(c) ? (int)value : -1;
}

/* Takes the end of a job: a good one, of a job whose end did not come before. */
static void take(struct connection *c, const char *text, size_t length)
{
    const char *id = member(text, length, "\"id\":\""), *quote = NULL;
    int index = place(c, text, length);
    if (id != NULL)
        quote = memchr(id, '"', (size_t)(text + length - id));
    bool right = quote != NULL && quote > id && quote - id < (long)sizeof(*c->ids) && index >= 0 &&
                 c->ids[index][0] == 0 && has(text, length, "\"status\":", "\"completed\"") &&
                 (has(text, length, "\"exit_code\":", "0,") || has(text, length, "\"exit_code\":", "0}")) &&
                 has(text, length, "\"stdout\":", "\"\"") && has(text, length, "\"stderr\":", "\"\"");
    if (!right)
        fail("connection %d: not the end of a job that is awaited: %.*s", c->number, (int)length, text);
    memcpy(c->ids[index], id, (size_t)(quote - id));
    c->id_count++;
    if (!c->load->measuring)
        return;
    histogram_record(&c->load->latency, now_ns() - c->job_begun);
    c->load->done++;
}

/* Takes the lines that are whole. */
static void piece(struct connection *c, const char *bytes, size_t count)
{
    struct bytes *line = &c->line;
    memcpy(bytes_room(line, count), bytes, count);
    line->to += count;
    for (char *end; (end = memchr(line->start + line->from, '\n', line->to - line->from)) != NULL;) {
        *end = 0;
        take(c, line->start + line->from, (size_t)(end - line->start) - line->from);
        line->from = (size_t)(end + 1 - line->start);
    }
}

static void reply(struct connection *c, int status, const char *body, size_t length)
{
    if (status != 200)
        fail("connection %d: run: status %d: %.*s", c->number, status, (int)length, body ? body : "");
    if (batch(c) == 1 && body != NULL)
        take(c, body, length);
    if (c->id_count != batch(c) || c->line.from != c->line.to)
        fail("connection %d: %d of %d jobs have ended at the reply's end", c->number, c->id_count, batch(c));
    if (c->load->stopping)
        connection_finish(c);
    else
        ask(c);
}

const struct mode mode_run = {
    .name = "run", .begin = begin, .reply = reply, .piece = piece, .counts_itself = true};
