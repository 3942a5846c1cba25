#include "transport.h"

#include <errno.h>
#include <sys/socket.h>

/// Notes that the peer closed the connection, if that is what `error` (0: the end of all it sent) says.
static void note_close(struct jc_transport *transport, int error)
{
    if (error == 0 || error == ECONNRESET || error == EPIPE)
        transport->peer_closed = true;
}

ssize_t jc_transport_receive(struct jc_transport *transport)
{
    struct jc_wire *wire = transport->wire;
    ssize_t got = recv(transport->fd, wire->in, JC_WIRE_SIZE, 0);
    wire->in_at = 0;
    wire->in_end = got > 0 ? (size_t)got : 0;
    if (got > 0)
        return got;
    const int error = got < 0 ? errno : 0;
    note_close(transport, error);
    return -error;
}

static ssize_t send_some(struct jc_transport *transport, struct jc_bytes *bytes)
{
    ssize_t put = send(transport->fd, bytes->data + bytes->start, jc_bytes_length(bytes), MSG_NOSIGNAL);
    if (put < 0) {
        const int error = errno;
        note_close(transport, error);
        return error == EAGAIN || error == EINTR ? 0 : -error;
    }
    jc_bytes_consume(bytes, (size_t)put);
    return put;
}

int jc_transport_flush(struct jc_transport *transport)
{
    struct jc_bytes *out = &transport->wire->out, *unsent = &transport->unsent;
    if (jc_bytes_length(out) == 0)
        return 0;
    ssize_t put = jc_bytes_length(unsent) > 0 ? 0 : send_some(transport, out);
    int status = put < 0 ? (int)put : jc_bytes_append(unsent, out->data + out->start, jc_bytes_length(out));
    out->start = out->end = 0;
    return status;
}

ssize_t jc_transport_send_rest(struct jc_transport *transport)
{
    struct jc_bytes *unsent = &transport->unsent;
    ssize_t put = send_some(transport, unsent);
    if (jc_bytes_length(unsent) == 0)
        jc_bytes_free(unsent);
    return put;
}
