#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <platform/process.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// An entry is a datagram in the queue of a socket: all of a job's descriptors in a fixed order, or none,
// under one name and at the cost of one descriptor for whoever holds it.

enum { AT_PIDFD, AT_CHECKPOINT, AT_PIPES, MOST = AT_PIPES + 2 };

#define MAGIC 0x44504f44

struct packet {
    uint32_t magic, has_pipe[2];
};

static int make_entry(const struct jc_job *job, int *out)
{
    int ends[2], fds[MOST] = {job->state.pidfd, job->state.checkpoint};
    size_t count = AT_PIPES;
    struct packet packet = {.magic = MAGIC};
    struct iovec part = {&packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    for (int i = 0; i < 2; i++) {
        packet.has_pipe[i] = job->state.pipe[i] >= 0;
        if (packet.has_pipe[i])
            fds[count++] = job->state.pipe[i];
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int status = jp_send(ends[0], &message, fds, count);
    close(ends[0]);
    if (status < 0)
        close(ends[1]);
    else
        *out = ends[1];
    return status;
}

int jc_job_entry(struct jc_job *job, int *out)
{
    if (job->phase != JC_RUNNING || job->reaped || job->launch.error != 0)
        return -EAGAIN;
    int status = job->state.checkpoint < 0 ? jc_checkpoint_open(job) : 0;
    if (status == 0)
        status = make_entry(job, out);
    if (status < 0 && job->state.checkpoint >= 0) {
        close(job->state.checkpoint);
        job->state.checkpoint = -1;
    }
    return status;
}

int jc_job_stdin_fd(const struct jc_job *job)
{
    return job->state.stdin_write;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/// Looks at the datagram and leaves it in the queue: whoever comes next finds it too. The number of
/// descriptors.
static int peek(int socket, struct packet *packet, int fds[MOST])
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control;
    struct iovec part = {packet, sizeof *packet};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(socket, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (length < 0)
        return -EINVAL;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return -EINVAL;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    bool is_whole = length == sizeof *packet && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (!is_whole || packet->magic != MAGIC ||
        count != AT_PIPES + packet->has_pipe[0] + packet->has_pipe[1]) {
        close_all(fds, count);
        return -EINVAL;
    }
    return (int)count;
}

int jc_entry_read(int entry, struct jc_job_state *out)
{
    struct packet packet;
    struct jc_job_state state;
    int fds[MOST], count = peek(entry, &packet, fds);
    if (count < 0)
        return count;
    int status = jc_checkpoint_read(fds[AT_CHECKPOINT], &state);
    if (status < 0) {
        close_all(fds, (size_t)count);
        return status;
    }
    state.pidfd = fds[AT_PIDFD];
    state.checkpoint = fds[AT_CHECKPOINT];
    state.stdin_write = -1;
    int next = AT_PIPES;
    for (int i = 0; i < 2; i++) {
        state.file[i] = -1;
        state.pipe[i] = packet.has_pipe[i] ? fds[next++] : -1;
    }
    state.adopted = true;
    *out = state;
    return 0;
}

/// The file goes on at its end: what is in it is what the predecessor took from the pipe.
static int open_output(const struct jc_engine *engine, struct jc_job_state *state, const char *output_name,
                       enum jc_stream stream)
{
    int fd = jc_output_open(engine, output_name, stream, 0);
    if (fd < 0) {
        state->kept[stream] = 0;
        return fd == -ENOENT ? 0 : fd;
    }
    state->file[stream] = fd;
    off_t size = lseek(fd, 0, SEEK_END);
    state->kept[stream] = size > 0 ? (uint64_t)size : 0;
    return size < 0 ? -errno : 0;
}

int jc_job_adopt(struct jc_engine *engine, struct jc_job_state *state, const char *output_name,
                 const char *marker, const struct jc_job_events *events, void *context, struct jc_job **out)
{
    int status = open_output(engine, state, output_name, JC_STDOUT);
    if (status == 0)
        status = open_output(engine, state, output_name, JC_STDERR);
    if (status == 0)
        status = jc_job_import(engine, state, output_name, marker, events, context, out);
    // It was to be killed: whether the predecessor came to that is not known.
    if (status == 0 && state->kill_sent)
        jc_tree_signal(*out, SIGKILL);
    return status;
}

void jc_job_state_kill(struct jc_engine *engine, struct jc_job_state *state)
{
    struct jc_cgroup *cgroup;
    if (state->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, state->pidfd, SIGKILL, NULL, 0);
    if (state->cgroup >= 0 && engine->cgroup_dir >= 0 &&
        jc_cgroup_adopt(engine, (unsigned)state->cgroup, &cgroup) == 0) {
        jc_cgroup_kill(cgroup);
        jc_cgroup_drop(engine, cgroup);
    }
    jc_job_state_close(state);
}
