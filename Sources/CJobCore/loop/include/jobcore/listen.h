#ifndef JOBCORE_LISTEN_H
#define JOBCORE_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

/// Room for what went wrong in words, ended by NUL.
#define JC_ERROR_SIZE 256

/// Binds and listens (close-on-exec, non-blocking). `port` 0 picks one; `reuse_port` lets each thread have
/// its own.
int jc_listen(const char *_Nonnull host, uint16_t port, bool reuse_port, int *_Nonnull out_fd,
              uint16_t *_Nonnull out_port, char error[_Nonnull JC_ERROR_SIZE])
    __attribute__((warn_unused_result));
/// Sets what each socket accepted from a listening one inherits: keep-alive probes, which find out peers that
/// vanished (by jc_server_new: after the time that a write may take) and keep middleboxes from forgetting the
/// connection, no delay, and a bound on what the kernel keeps of replies that a peer does not read. 0 or
/// negative errno.
int jc_listen_tune(int fd) __attribute__((warn_unused_result));

#endif
