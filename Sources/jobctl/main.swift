import Glibc
import Platform

StandardDescriptors.fill()
// A reader that is gone is told by write(2).
signal(SIGPIPE, SIG_IGN)
// At once: threads that forward input or signals may be in the middle of TLS, whose state exit(3) would take away
// from under them. All output is written by write(2), so there is nothing to flush.
_exit(Program.main())
