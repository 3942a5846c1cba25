#ifndef JOBCORE_TRANSPORT_H
#define JOBCORE_TRANSPORT_H

#include <jobcore/byte_queue.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// What one recv takes, and what a read can make of it with the rest of a record that came before.
#define JC_WIRE_SIZE ((size_t)64 << 10)
#define JC_PLAIN_SIZE (JC_WIRE_SIZE + ((size_t)32 << 10))
/// With the NUL: a SPIFFE ID has at most 2048 bytes, a serial number at most 20 (RFC 5280 section 4.1.2.2)
/// and perhaps a sign, a fingerprint 32.
#define JC_NAME_MAX 2049
#define JC_SERIAL_MAX 64
#define JC_FINGERPRINT_MAX 65

struct jc_transport;
struct jc_trust;

/// What a certificate says of who has it.
struct jc_peer_text {
    char name[JC_NAME_MAX], serial[JC_SERIAL_MAX], fingerprint[JC_FINGERPRINT_MAX];
};

/// What stands between a connection's plain bytes and those on the wire; TLS is the one there is. It takes
/// what came from the wire's `in` and leaves what is to be sent in its `out`; the socket is not its own.
struct jc_transport_operations {
    /// Goes on with the handshake. 1 when it is done, 0 when more is to come, or -EPROTO and `reason`.
    int (*shake)(struct jc_transport *transport, char *reason, size_t size);
    /// Who shook hands, checked. 0, or -EACCES and `*why`, with empty texts in `peer` where there are none.
    int (*peer)(struct jc_transport *transport, struct jc_peer_text *peer, const char **why);
    /// Until when its certificates are valid: seconds since 1970.
    int64_t (*peer_until)(struct jc_transport *transport);
    /// Why it would not be let in by `trust`; NULL: it would.
    const char *(*peer_refused)(struct jc_transport *transport, const struct jc_trust *trust);
    /// All that came, as plain bytes. Their count, or -EPROTO. Sets `peer_closed` when the peer said goodbye.
    ssize_t (*read)(struct jc_transport *transport, char *bytes, size_t capacity);
    /// 0, or -EPROTO when the connection is lost.
    int (*write)(struct jc_transport *transport, const void *bytes, size_t length);
    /// Says goodbye.
    void (*close)(struct jc_transport *transport);
    /// Frees the session, if there is one.
    void (*free)(struct jc_transport *transport);
};
/// Its context is a struct jc_tls.
extern const struct jc_transport_operations jc_tls_transport;

/// The buffers that all connections of a server share.
struct jc_wire {
    const struct jc_transport_operations *operations;
    void *context; ///< of the operations
    char *in;      ///< JC_WIRE_SIZE bytes: the last recv, which the turn it begins takes
    size_t in_at, in_end;
    char refusal[512];         ///< why the last handshake's certificate was refused
    struct jc_peer_text shown; ///< by that certificate; empty texts where there are none
    struct jc_bytes out;       ///< leaves with one send; empty again when a connection's turn ends
};

/// A connection's socket, and what of its bytes waits.
struct jc_transport {
    struct jc_wire *wire;
    void *session; ///< of the operations; NULL before the first bytes came
    int fd;
    bool peer_closed;       ///< the peer said goodbye, or closed its socket
    struct jc_bytes unsent; ///< bytes for the wire that the socket did not take
};

/// One recv. Bytes, 0 at the end, or a negative errno.
ssize_t jc_transport_receive(struct jc_transport *transport);
/// Sends the wire's `out`; what the socket does not take waits in `unsent`. 0, or a negative errno when the
/// connection is lost.
int jc_transport_flush(struct jc_transport *transport) __attribute__((warn_unused_result));
/// Sends of `unsent` what the socket takes now. Bytes, or a negative errno when the connection is lost.
ssize_t jc_transport_send_rest(struct jc_transport *transport) __attribute__((warn_unused_result));

#endif
