#define _GNU_SOURCE
#include <errno.h>
#include <keeper/link.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/// The keeper answers within microseconds; past this something has stopped it.
#define PATIENCE_MS 5000

/// One that did not answer is not waited for again until it does: a keeper that is stopped must not stop its
/// supervisor.
static bool is_deaf;

struct jk_record jk_record_make(enum jk_kind kind, const char *name, const char *text)
{
    struct jk_record record = {.kind = kind};
    if (name != NULL)
        snprintf(record.name, sizeof record.name, "%s", name);
    if (text != NULL)
        snprintf(record.text, sizeof record.text, "%s", text);
    return record;
}

const char *jk_record_name(const struct jk_record *record)
{
    return record->name;
}

const char *jk_record_text(const struct jk_record *record)
{
    return record->text;
}

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int jk_send(int link, const struct jk_record *record, int descriptor)
{
    struct iovec part = {(void *)record, sizeof *record};
    union control control = {
        .header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memcpy(CMSG_DATA(&control.header), &descriptor, sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
    }
    return sendmsg(link, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int jk_receive(int link, struct jk_record *record, int *descriptor)
{
    *record = (struct jk_record){0};
    *descriptor = -1;
    struct iovec part = {record, sizeof *record};
    union control control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
    ssize_t length;
    // A peer that ended without having read all is told of before what it sent.
    do {
        message.msg_controllen = CMSG_LEN(sizeof(int));
        length = recvmsg(link, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == ECONNRESET);
    if (length <= 0)
        return length == 0 ? -EPIPE : -errno;
    is_deaf = false;
    record->name[sizeof record->name - 1] = record->text[sizeof record->text - 1] = '\0';
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(descriptor, CMSG_DATA(header), sizeof(int));
    return 0;
}

/// 0: to be tried again; else what `status` says, or -ETIMEDOUT.
static int wait_for(int link, short events, int status)
{
    struct pollfd polled = {.fd = link, .events = events};
    if (status != -EAGAIN && status != -EINTR)
        return status == -ECONNRESET ? -EPIPE : status;
    if (poll(&polled, 1, is_deaf ? 0 : PATIENCE_MS) != 0)
        return 0;
    is_deaf = true;
    return -ETIMEDOUT;
}

static int send_waiting(int link, const struct jk_record *record, int descriptor)
{
    for (;;) {
        int status = jk_send(link, record, descriptor);
        if (status == 0 || (status = wait_for(link, POLLOUT, status)) < 0)
            return status;
    }
}

static int receive_waiting(int link, struct jk_record *record, int *descriptor)
{
    for (;;) {
        int status = jk_receive(link, record, descriptor);
        if (status == 0 || (status = wait_for(link, POLLIN, status)) < 0)
            return status;
    }
}

int jk_tell(int link, const struct jk_record *record)
{
    return send_waiting(link, record, -1);
}

int jk_ask(int link, struct jk_record *record, int descriptor, int *received)
{
    // A reply that came too late for the one who asked is not taken for this one's.
    static uint32_t count;
    const uint32_t number = record->number = ++count;
    int status = send_waiting(link, record, descriptor), got = -1;
    while (status == 0 && (status = receive_waiting(link, record, &got)) == 0 && record->number != number)
        if (got >= 0)
            close(got);
    if (status == 0 && received != NULL)
        *received = got;
    else if (got >= 0)
        close(got);
    return status;
}
