#define _GNU_SOURCE
#include "engine_private.h"

#include <fcntl.h>
#include <unistd.h>

// Linux before 6.11, and before the stable releases of August 2024 (6.1.107, 6.6.48 and others), leaves marks
// of full blocks of 64 descriptors behind in the table of who leaves a shared one by close_range(2): numbers
// that nobody has are skipped, and a job with more than 64 descriptors soon has none. What the running kernel
// does is tried once, by two threads that share a table of their own.

#define BLOCK 64

/// With both blocks full: the second one is left behind.
static void *leave_block(void *context)
{
    bool *is_right = context;
    *is_right = close_range(BLOCK, ~0U, CLOSE_RANGE_UNSHARE) == 0 && fcntl(0, F_DUPFD_CLOEXEC, 0) == BLOCK;
    return NULL;
}

static void *try_it(void *context)
{
    pthread_t other;
    // Nothing is above the last: it is a copy of the whole.
    const bool is_own = close_range(~0U, ~0U, CLOSE_RANGE_UNSHARE) == 0;
    const int file = is_own ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -1;
    for (int fd = 0; file >= 0 && fd < 2 * BLOCK; fd++)
        if (fcntl(fd, F_GETFD) < 0 && dup3(file, fd, O_CLOEXEC) < 0)
            return NULL;
    if (file >= 0 && pthread_create(&other, NULL, leave_block, context) == 0)
        pthread_join(other, NULL);
    return NULL;
}

static bool may_share;

static void find_out(void)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    // Signals are other threads'.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&thread, NULL, try_it, &may_share) == 0)
        pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool jc_may_share_files(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_out);
    return may_share;
}
