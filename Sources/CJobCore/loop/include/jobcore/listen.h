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

#endif
