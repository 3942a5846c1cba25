#define _GNU_SOURCE
#include <errno.h>
#include <keeper/link.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

int jk_wait(pid_t pid, uint64_t value[4], bool keeps)
{
    siginfo_t info = {0};
    struct rusage usage = {0};
    // The raw call: the library's has no place for the usage.
    if (syscall(SYS_waitid, P_PID, pid, &info, WEXITED | WNOHANG | (keeps ? WNOWAIT : 0), &usage) < 0)
        return -errno;
    if (info.si_pid == 0)
        return -EAGAIN;
    const int status = info.si_status;
    value[0] = info.si_code == CLD_EXITED ? (uint64_t)(status & 0xff) << 8 : (uint64_t)(status & 0x7f);
    value[1] = microseconds(usage.ru_utime);
    value[2] = microseconds(usage.ru_stime);
    value[3] = (uint64_t)usage.ru_maxrss;
    return 0;
}
