#include <errno.h>
#include <fcntl.h>
#include <keeper/link.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// In place of jobd in an upgrade: passes the trial, and then does what the file `<own path>.does` says, as a
// binary would that has one fault or the other.

/// The file beside this program with the suffix.
static void name_file(char name[4096 + 8], const char *suffix)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    snprintf(name, 4096 + 8, "%s%s", path, suffix);
}

static void read_order(char order[64])
{
    char name[4096 + 8];
    name_file(name, ".does");
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd >= 0 ? read(fd, order, 63) : 0;
    order[length > 0 ? length : 0] = '\0';
}

static int run_script(char **argv)
{
    char name[4096 + 8];
    name_file(name, ".sh");
    execv(name, argv);
    return 7;
}

static void tell(enum jk_kind kind, uint64_t value)
{
    struct jk_record record = jk_record_make(kind, NULL, NULL);
    record.value[0] = value;
    if (jk_tell(JK_LINK, &record) < 0)
        _exit(9);
}

static uint64_t starts(void)
{
    struct jk_record record = jk_record_make(JK_HELLO, NULL, NULL);
    return jk_ask(JK_LINK, &record, -1, NULL) == 0 ? record.value[JK_HELLO_STARTS] : 0;
}

/// A newer supervisor than the keeper is: what the keeper does not know it says so of, and loses nothing.
static int speak_another_version(void)
{
    struct jk_record record = jk_record_make((enum jk_kind)90, NULL, NULL);
    if (jk_ask(JK_LINK, &record, -1, NULL) < 0 || record.status != -ENOSYS)
        return 8;
    tell((enum jk_kind)40, 1);
    return 5;
}

int main(int argc, char **argv)
{
    char order[64];
    if (argc < 2 || strcmp(argv[1], "supervisor") != 0)
        return 0;
    read_order(order);
    if (strcmp(order, "die") == 0)
        return 3;
    if (strcmp(order, "crash") == 0)
        kill(getpid(), SIGKILL);
    if (strcmp(order, "script") == 0)
        return run_script(argv);
    if (strcmp(order, "speak") == 0)
        return speak_another_version();
    if (strcmp(order, "migrate and die") == 0) {
        // The second time there is nothing to migrate any more.
        if (starts() == 2)
            tell(JK_MIGRATING, 60000);
        usleep(100000);
        return 4;
    }
    // It promises to be ready, and is not.
    tell(JK_ALIVE, 1500);
    for (;;)
        pause();
}
