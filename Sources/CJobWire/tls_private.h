#ifndef JOBWIRE_TLS_PRIVATE_H
#define JOBWIRE_TLS_PRIVATE_H

/// OpenSSL's password callback: never one. Without it OpenSSL would ask on the terminal.
int jw_tls_no_password(char *buffer, int size, int writing, void *context);

#endif
