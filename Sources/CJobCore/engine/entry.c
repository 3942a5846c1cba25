#define _GNU_SOURCE
#include "engine_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// An entry is a datagram in the queue of a socket: a job's descriptors, each with its name, at the cost of
// one descriptor for whoever holds it. Names that are not known are skipped, so that the daemon that reads it
// may be of another version than the one that made it.

enum name { PIDFD = 1, CHECKPOINT = 2, STDOUT_PIPE = 3, STDERR_PIPE = 4 };

#define MAGIC 0x44504f44
#define MOST 16

struct packet {
    uint32_t magic, count;
    uint32_t names[MOST];
};

static void add(struct packet *packet, int *fds, enum name name, int fd)
{
    if (fd < 0)
        return;
    fds[packet->count] = fd;
    packet->names[packet->count++] = name;
}

static int send_all(int socket, struct packet *packet, const int *fds)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(MOST * sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(packet->count * sizeof(int))}};
    struct iovec part = {packet, sizeof *packet};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = CMSG_SPACE(packet->count * sizeof(int))};
    memcpy(CMSG_DATA(&control.header), fds, packet->count * sizeof(int));
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int make_entry(const struct jc_job *job, int *out)
{
    int ends[2], fds[MOST];
    struct packet packet = {.magic = MAGIC};
    add(&packet, fds, PIDFD, job->state.pidfd);
    add(&packet, fds, CHECKPOINT, job->state.checkpoint);
    add(&packet, fds, STDOUT_PIPE, job->state.pipe[0]);
    add(&packet, fds, STDERR_PIPE, job->state.pipe[1]);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -errno;
    int status = send_all(ends[0], &packet, fds);
    close(ends[0]);
    if (status < 0)
        close(ends[1]);
    else
        *out = ends[1];
    return status;
}

int jc_job_entry(struct jc_job *job, int *out)
{
    if (job->phase != JC_RUNNING || job->reaped || job->launch.error != 0 || job->holds_output)
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

bool jc_job_is_adoptable(const struct jc_job *job)
{
    return job->state.checkpoint >= 0;
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
    if (!is_whole || packet->magic != MAGIC || count != packet->count) {
        close_all(fds, count);
        return -EINVAL;
    }
    return (int)count;
}

static int *place(struct jc_job_state *state, enum name name)
{
    switch (name) {
    case PIDFD:
        return &state->pidfd;
    case CHECKPOINT:
        return &state->checkpoint;
    case STDOUT_PIPE:
        return &state->pipe[0];
    case STDERR_PIPE:
        return &state->pipe[1];
    }
    return NULL;
}

int jc_entry_read(int entry, struct jc_job_state *out)
{
    struct packet packet;
    struct jc_job_state state = jc_job_state_none;
    int fds[MOST], count = peek(entry, &packet, fds);
    if (count < 0)
        return count;
    for (int i = 0; i < count; i++) {
        int *fd = place(&state, packet.names[i]);
        if (fd != NULL && *fd < 0)
            *fd = fds[i];
        else
            close(fds[i]);
    }
    int status = state.pidfd >= 0 ? jc_checkpoint_read(state.checkpoint, &state) : -EINVAL;
    if (status < 0) {
        jc_job_state_close(&state);
        return status;
    }
    state.adopted = true;
    // Of what was being written to a terminal the last may be lost; its input goes on.
    if (state.is_terminal) {
        state.input_taken += state.input_pending;
        state.input_pending = 0;
    }
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

/// The descriptors of a state one after the other; NULL after the last.
static int *descriptor(struct jc_job_state *state, size_t index)
{
    int *const fds[] = {&state->pidfd,   &state->checkpoint,    &state->stdin_write,
                        &state->pipe[0], &state->pipe[1],       &state->file[0],
                        &state->file[1], &state->terminal_pipe, NULL};
    return fds[index];
}

static int attach(struct jc_job *job)
{
    int status = 0;
    if (job->state.cgroup >= 0)
        status = jc_cgroup_adopt(job->engine, &job->state, &job->launch.cgroup);
    if (status == 0)
        status = jc_job_watch(job);
    if (status == 0 && job->state.deadline != INT64_MAX) {
        int64_t left = job->state.deadline - jp_monotonic_ms();
        jc_engine_set_deadline(job, left > 0 ? left : 0);
    }
    return status;
}

/// Lets the descriptors be the caller's, as if they had never been this job's.
static void give_back(struct jc_job *job)
{
    for (int i = 0, *fd; (fd = descriptor(&job->state, (size_t)i)) != NULL; i++) {
        if (*fd >= 0)
            jc_engine_unwatch(job->engine, *fd);
        *fd = -1;
    }
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void jc_job_state_close(struct jc_job_state *state)
{
    for (int i = 0, *fd; (fd = descriptor(state, (size_t)i)) != NULL; i++)
        close_one(fd);
}

static int make(struct jc_engine *engine, const char *output_name, const char *marker, struct jc_job **out)
{
    struct jc_job *job = jc_job_make(engine);
    if (job == NULL)
        return -ENOMEM;
    job->output_name = strdup(output_name);
    job->marker = strdup(marker);
    int status = job->output_name != NULL && job->marker != NULL ? jc_engine_add(engine, job) : -ENOMEM;
    if (status == 0) {
        *out = job;
        return 0;
    }
    free(job->output_name);
    free(job->marker);
    free(job);
    return status;
}

static int adopt(struct jc_engine *engine, struct jc_job_state *state, const char *output_name,
                 const char *marker, const struct jc_job_events *events, void *context, struct jc_job **out)
{
    struct jc_job *job = NULL;
    int status = make(engine, output_name, marker, &job);
    if (status < 0)
        return status;
    job->events = events;
    job->context = context;
    job->state = *state;
    job->phase = JC_RUNNING;
    job->launch.pid = state->pid;
    job->stop_grace = state->grace_ms;
    job->stop_asked = state->term_sent;
    jc_pipe_sizes_read(job);
    status = attach(job);
    if (status < 0) {
        give_back(job);
        if (job->launch.cgroup != NULL)
            jc_cgroup_let_go(engine, job->launch.cgroup);
        jc_job_free(job);
        return status;
    }
    *out = job;
    return 0;
}

/// What an adoption opened that failed: the rest stays the caller's.
static void close_opened(struct jc_job_state *state)
{
    close_one(&state->file[JC_STDOUT]);
    close_one(&state->file[JC_STDERR]);
    close_one(&state->terminal_pipe);
}

int jc_job_adopt(struct jc_engine *engine, struct jc_job_state *state, const char *output_name,
                 const char *marker, const struct jc_job_events *events, void *context, struct jc_job **out)
{
    int status = open_output(engine, state, output_name, JC_STDOUT);
    if (status == 0)
        status = open_output(engine, state, output_name, JC_STDERR);
    if (status == 0)
        status = jc_terminal_reopen(state);
    if (status == 0)
        status = adopt(engine, state, output_name, marker, events, context, out);
    // Whether the predecessor came to that is not known.
    if (status == 0 && state->kill_sent) {
        jc_tree_signal(*out, SIGKILL);
        jc_engine_set_deadline(*out, JC_LEAVE_MS);
    }
    if (status == 0 && !state->kill_sent && state->term_pending)
        jc_job_term_again(*out);
    if (status < 0)
        close_opened(state);
    return status;
}

void jc_job_state_kill(struct jc_engine *engine, struct jc_job_state *state)
{
    struct jc_cgroup *cgroup;
    if (state->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, state->pidfd, SIGKILL, NULL, 0);
    if (state->cgroup >= 0 && engine->cgroup_dir >= 0 && jc_cgroup_adopt(engine, state, &cgroup) == 0) {
        jc_cgroup_kill(cgroup);
        jc_cgroup_drop(engine, cgroup);
    }
    jc_job_state_close(state);
}
