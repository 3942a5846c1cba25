#ifndef PLATFORM_TCP_H
#define PLATFORM_TCP_H

/// What a connection's socket has on either side (tcp(7)), and what is accepted from a listening one
/// inherits: no delay, and keep-alive probes, by which a peer that vanished is noticed after a minute while
/// nothing is under way to it. 0 or a negative errno. Any thread.
int jp_tcp_tune(int fd);

#endif
