// sources: Sources/CJobPlan/plan.c
#include <errno.h>
#include <jobplan/plan.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static void require(bool held)
{
    if (!held)
        abort();
}

static const enum jc_plan_flag kinds[] = {JC_PLAN_CWD,   JC_PLAN_USER,   JC_PLAN_GROUP,
                                          JC_PLAN_QUEUE, JC_PLAN_RUNNER, JC_PLAN_TRACE};
enum { KINDS = sizeof kinds / sizeof *kinds };

/// A string of a plan of `length` bytes lies in it whole, right behind the one before.
static const char *require_string(const char *string, const char **next, const char *end)
{
    require(string == *next && string < end);
    *next = memchr(string, '\0', (size_t)(end - string));
    require(*next != NULL);
    (*next)++;
    return string;
}

static void require_ascending(const char *before, const char *name, size_t before_length, size_t length)
{
    const size_t common = before_length < length ? before_length : length;
    const int order = memcmp(before, name, common);
    require(length > 0 && (order < 0 || (order == 0 && before_length < length)));
}

/// What the check promises whoever reads the plan: each string by its index, and nothing but strings.
static void walk(const char *bytes, size_t length)
{
    const struct jc_plan plan = jc_plan_view(bytes);
    const struct jc_plan_header *header = &plan.header;
    const char *next = plan.strings, *end = bytes + length, *before = "";
    size_t before_length = 0;
    uint32_t index = 0;

    require(header->arguments > 0);
    while (index < header->arguments) {
        const char *argument = require_string(jc_plan_string(&plan, index), &next, end);
        require(index++ > 0 || *argument != '\0');
    }
    for (uint32_t i = 0; i < header->environment; i++) {
        const char *entry = require_string(jc_plan_string(&plan, index++), &next, end);
        const char *mark = strchr(entry, '=');
        require(mark != NULL);
        require_ascending(before, entry, before_length, (size_t)(mark - entry));
        before = entry;
        before_length = (size_t)(mark - entry);
    }
    before = "";
    for (uint32_t i = 0; i < header->labels; i++) {
        const char *name = require_string(jc_plan_string(&plan, index++), &next, end);
        require_ascending(before, name, strlen(before), strlen(name));
        before = name;
        require_string(jc_plan_string(&plan, index++), &next, end);
    }
    for (int i = 0; i < KINDS; i++) {
        const char *text = jc_plan_text(&plan, kinds[i]);
        require((text != NULL) == ((header->flags & kinds[i]) != 0));
        if (text != NULL)
            require(require_string(text, &next, end) == jc_plan_string(&plan, index++));
        require(text == NULL || kinds[i] != JC_PLAN_CWD || *text == '/');
    }
    require(next == end);
}

static void check(const void *data, size_t length)
{
    // A block of its own, at an odd address: no byte outside it is touched unseen, and nothing relies on
    // alignment.
    char *block = malloc(length + 1);
    require(block != NULL);
    char *bytes = memcpy(block + 1, data, length);
    const int status = jc_plan_check(bytes, length);
    require(status == 0 || status == -EINVAL);
    if (status == 0)
        walk(bytes, length);
    free(block);
}

/// The input as a plan's strings behind a header, whose ends are computed: what random bytes come upon
/// seldom.
static void check_assembled(const uint8_t *data, size_t size)
{
    enum { HEAD = 8 };
    if (size < HEAD)
        return;
    struct jc_plan_header header = {.magic = JC_PLAN_MAGIC,
                                    .size = sizeof header,
                                    .flags = data[0] | (uint32_t)data[7] << 8,
                                    .arguments = data[1] % 8,
                                    .environment = data[2] % 8,
                                    .labels = data[3] % 4,
                                    .timeout_ms = data[4],
                                    .output_limit = data[5]};
    uint32_t left = header.arguments + header.environment + 2 * header.labels;
    for (int i = 0; i < KINDS; i++)
        left += (header.flags & kinds[i]) != 0;
    const uint8_t *strings = data + HEAD;
    const size_t strings_size = size - HEAD, ends_size = 4 * (size_t)left;
    char *plan = calloc(1, sizeof header + ends_size + strings_size);
    require(plan != NULL);
    memcpy(plan, &header, sizeof header);
    memcpy(plan + sizeof header + ends_size, strings, strings_size);
    char *at = plan + sizeof header;
    for (uint32_t i = 0; i < strings_size && left > 0; i++) {
        if (strings[i] != '\0')
            continue;
        const uint32_t end = i + 1;
        memcpy(at, &end, sizeof end);
        at += sizeof end;
        left--;
    }
    check(plan, sizeof header + ends_size + strings_size);
    // Each one a little shorter is another plan, or none.
    check(plan, sizeof header + ends_size + strings_size - (data[6] < strings_size ? data[6] : 0));
    free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(data, size);
    check_assembled(data, size);
    return 0;
}
