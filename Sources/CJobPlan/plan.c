#include <errno.h>
#include <jobplan/plan.h>
#include <platform/utf8.h>
#include <stdbool.h>
#include <string.h>

_Static_assert(offsetof(struct jc_plan_header, priority) == JC_PLAN_FIRST_SIZE &&
                   offsetof(struct jc_plan_header, rows) == JC_PLAN_SECOND_SIZE,
               "a header only grows");

static const uint32_t texts[] = {JC_PLAN_CWD,   JC_PLAN_USER,   JC_PLAN_GROUP,
                                 JC_PLAN_QUEUE, JC_PLAN_RUNNER, JC_PLAN_TRACE};

static uint32_t number_at(const void *numbers, uint32_t index)
{
    uint32_t number;
    memcpy(&number, (const char *)numbers + 4 * (size_t)index, sizeof number);
    return number;
}

static uint64_t string_count(const struct jc_plan_header *header)
{
    uint64_t count = (uint64_t)header->arguments + header->environment + 2 * (uint64_t)header->labels;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        count += (header->flags & texts[i]) != 0;
    return count;
}

struct jc_plan jc_plan_view(const void *bytes)
{
    struct jc_plan plan = {0};
    uint32_t size = number_at(bytes, 1);
    memcpy(&plan.header, bytes, size < sizeof plan.header ? size : sizeof plan.header);
    plan.ends = (const char *)bytes + size;
    plan.strings = (const char *)plan.ends + 4 * string_count(&plan.header);
    return plan;
}

const char *jc_plan_string(const struct jc_plan *plan, uint32_t index)
{
    return plan->strings + (index > 0 ? number_at(plan->ends, index - 1) : 0);
}

const char *jc_plan_text(const struct jc_plan *plan, enum jc_plan_flag kind)
{
    const struct jc_plan_header *header = &plan->header;
    uint32_t index = header->arguments + header->environment + 2 * header->labels;
    if ((header->flags & (uint32_t)kind) == 0)
        return NULL;
    for (size_t i = 0; texts[i] != (uint32_t)kind; i++)
        index += (header->flags & texts[i]) != 0;
    return jc_plan_string(plan, index);
}

/// Each string ends with its only NUL, and the last where the plan does.
static bool has_whole_strings(const struct jc_plan *plan, uint32_t count, size_t length)
{
    size_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t end = number_at(plan->ends, i);
        if (end <= at || end > length ||
            memchr(plan->strings + at, '\0', end - at) != plan->strings + end - 1)
            return false;
        at = end;
    }
    return at == length;
}

static bool is_text(const char *bytes, size_t length)
{
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t step; length > 0; at += step, length -= step)
        if ((step = jp_utf8_length(at, length)) == 0)
            return false;
    return true;
}

/// Names up to `mark`, or the string's end, that are not empty and ascend; every `step`th string has one.
static bool has_ascending_names(const struct jc_plan *plan, uint32_t first, uint32_t count, uint32_t step,
                                char mark)
{
    const char *before = "";
    size_t before_length = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *name = jc_plan_string(plan, first + i * step);
        const size_t length = strlen(name),
                     named = mark != '\0' ? strcspn(name, (char[]){mark, '\0'}) : length;
        const size_t common = named < before_length ? named : before_length;
        const int order = memcmp(before, name, common);
        if (named == 0 || (mark != '\0' && named == length) || order > 0 ||
            (order == 0 && before_length >= named))
            return false;
        before = name;
        before_length = named;
    }
    return true;
}

static bool is_sound(const struct jc_plan *plan)
{
    const struct jc_plan_header *header = &plan->header;
    const char *cwd = jc_plan_text(plan, JC_PLAN_CWD);
    const bool is_terminal = header->rows > 0 && header->columns > 0 &&
                             (header->flags & (JC_PLAN_STDIN_OPEN | JC_PLAN_MERGE)) == 0;
    return *jc_plan_string(plan, 0) != '\0' && (cwd == NULL || *cwd == '/') &&
           ((header->flags & JC_PLAN_TERMINAL) == 0 || is_terminal) &&
           has_ascending_names(plan, header->arguments, header->environment, 1, '=') &&
           has_ascending_names(plan, header->arguments + header->environment, header->labels, 2, '\0');
}

int jc_plan_check(const void *bytes, size_t length)
{
    if (length < JC_PLAN_FIRST_SIZE || length > UINT32_MAX || number_at(bytes, 0) != JC_PLAN_MAGIC)
        return -EINVAL;
    const uint32_t size = number_at(bytes, 1);
    if (size < JC_PLAN_FIRST_SIZE || size > length)
        return -EINVAL;
    struct jc_plan_header header = {0};
    memcpy(&header, bytes, size < sizeof header ? size : sizeof header);
    const uint64_t count = string_count(&header);
    if (header.arguments == 0 || count > (length - size) / 5)
        return -EINVAL;
    const struct jc_plan plan = jc_plan_view(bytes);
    const size_t text = length - size - 4 * (size_t)count;
    if (!has_whole_strings(&plan, (uint32_t)count, text) || !is_text(plan.strings, text) || !is_sound(&plan))
        return -EINVAL;
    return 0;
}
