#define _GNU_SOURCE
#include <errno.h>
#include <platform/process.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int make_address(const char *text, struct sockaddr_un *address, socklen_t *size)
{
    const size_t length = strlen(text);
    if (length < 2 || length >= sizeof address->sun_path || (text[0] != '/' && text[0] != '@'))
        return -EINVAL;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, text, length);
    if (text[0] == '@')
        address->sun_path[0] = '\0';
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/'));
    return 0;
}

int jp_send(int socket, struct msghdr *message, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(JP_DESCRIPTORS * sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(count * sizeof(int))}};
    if (count > JP_DESCRIPTORS)
        return -EINVAL;
    if (count > 0) {
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
        message->msg_control = &control;
        message->msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    return sendmsg(socket, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int jp_notify(const char *address, const char *text, size_t length, const int *fds, size_t count)
{
    struct sockaddr_un to;
    struct iovec part = {(void *)text, length};
    struct msghdr message = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1};
    int status = make_address(address, &to, &message.msg_namelen);
    if (status < 0)
        return status;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    status = jp_send(fd, &message, fds, count);
    close(fd);
    return status;
}
