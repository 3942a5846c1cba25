import Glibc
import JobService

exit(Daemon.main(Array(CommandLine.arguments.dropFirst())))
