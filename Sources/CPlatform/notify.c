#define _GNU_SOURCE
#include <errno.h>
#include <platform/process.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST 2

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

static void add_descriptors(struct msghdr *message, struct cmsghdr *header, const int *fds, size_t count)
{
    *header = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(count * sizeof(int))};
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    message->msg_control = header;
    message->msg_controllen = CMSG_SPACE(count * sizeof(int));
}

int jp_notify(const char *address, const char *text, size_t length, const int *fds, size_t count)
{
    struct sockaddr_un to;
    struct iovec part = {(void *)text, length};
    struct msghdr message = {.msg_name = &to, .msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control = {0};
    int status = count <= MOST ? make_address(address, &to, &message.msg_namelen) : -EINVAL;
    if (status < 0)
        return status;
    if (count > 0)
        add_descriptors(&message, &control.header, fds, count);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        status = -errno;
    close(fd);
    return status;
}
