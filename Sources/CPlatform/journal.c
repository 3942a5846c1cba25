#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <platform/journal.h>
#include <platform/process.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int jp_journal_socket(unsigned wait_ms)
{
    const struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0)
        return fd;
    int status = -errno;
    if (fd >= 0)
        close(fd);
    return status;
}

static int send_message(int fd, const struct msghdr *message)
{
    ssize_t sent;
    do
        sent = sendmsg(fd, message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/// The journal maps the file: it takes none that could be changed meanwhile.
static int sealed_file(const void *entry, size_t length)
{
    int fd = memfd_create("jobd audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int status = jp_write_all(fd, entry, length);
    if (status == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        status = -errno;
    if (status == 0)
        return fd;
    close(fd);
    return status;
}

static int send_file(int fd, const struct sockaddr_un *to, const void *entry, size_t length)
{
    int file = sealed_file(entry, length);
    if (file < 0)
        return file;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {{0}};
    struct msghdr message = {.msg_name = (void *)to,
                             .msg_namelen = sizeof *to,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &file, sizeof file);
    int status = send_message(fd, &message);
    close(file);
    return status;
}

int jp_journal_send(int fd, const char *path, const void *entry, size_t length)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path)
        return -ENAMETOOLONG;
    strcpy(to.sun_path, path);
    struct iovec part = {.iov_base = (void *)entry, .iov_len = length};
    const struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &part, .msg_iovlen = 1};
    int status = send_message(fd, &message);
    return status == -EMSGSIZE || status == -ENOBUFS ? send_file(fd, &to, entry, length) : status;
}
