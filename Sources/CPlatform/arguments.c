#include <platform/arguments.h>

static int count;
static const char *const *words;

// The C library gives main's arguments to these functions too, before anything else can have moved the
// environment, which is what the Swift runtime looks for them beside.
__attribute__((constructor)) static void keep(int argc, const char *const *argv)
{
    count = argc;
    words = argv;
}

int jp_argument_count(void)
{
    return count;
}

const char *jp_argument(int index)
{
    return words[index];
}
