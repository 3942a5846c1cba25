import Platform

/// The daemon's manual pages, made from the table of options: `jobd manual` prints them.
package enum Manual: String, CaseIterable {
  case daemon = "jobd.8"
  case configuration = "jobd.json5.5"

  package var page: String {
    switch self {
    case .daemon: Mdoc.page("jobd", 8, "run commands for remote clients", width: 78, Self.daemonPage)
    case .configuration:
      Mdoc.page("jobd.json5", 5, "configuration of jobd", width: 78, Self.configurationPage)
    }
  }

  /// Each group of options under its title.
  static func options(_ item: (ConfigurationOption) -> (tag: String, text: String)) -> String {
    ConfigurationOption.groups.map { ".Ss \($0.title)\n\(Mdoc.list($0.options.map(item)))" }.joined()
  }

  /// Text that is printed as it is.
  static func plain(_ text: String) -> String {
    Mdoc.plain(text).replacing("~", with: "\\(ti").replacing("^", with: "\\(ha")
  }

  /// One argument of a macro.
  static func argument(_ text: String) -> String {
    "\"\(plain(text).replacing("\"", with: "\\(dq"))\""
  }

  private static var daemonPage: String {
    daemonStart
      + options { option in
        (
          "Fl \\-\(option.name) Ar \(argument(option.placeholder))",
          "\(plain(option.explanation))\nDefault: \(plain(option.defaultText))."
        )
      } + daemonRest
  }

  private static let daemonStart = """
    .Sh SYNOPSIS
    .Nm
    .Op Fl \\-config Ar file
    .Op Fl \\- Ns Ar option Ar value ...
    .Nm
    .Cm setup
    .Op Fl \\-host Ar host
    .Op Fl \\-listen Ar host : Ns Ar port
    .Nm
    .Cm status | reload | upgrade | cleanup
    .Op Fl \\- Ns Ar option Ar value ...
    .Nm
    .Cm check-config
    .Op Fl \\-client Ar name
    .Op Fl \\- Ns Ar option Ar value ...
    .Nm
    .Cm manual
    .Ar page
    .Nm
    .Fl \\-version | Fl \\-help
    .Sh DESCRIPTION
    `Nm` runs commands on this host for remote clients, who prove who they are by a TLS certificate. A client \
    creates a job, asks for its state, reads its output and deletes it, with `Xr jobctl 1` or any HTTP client. It \
    sees its own jobs only.
    .Pp
    `Nm` is three processes. The keeper, which the started process becomes, starts the supervisor, and another when that \
    one dies or hangs. The supervisor launches the jobs, keeps their output and the database, and never reads \
    from the network. The api process serves clients; started by root it runs as another user and may start no \
    program. A job that was accepted is on disk, and one that has run for a second goes on when supervisor or api \
    process end.
    .Pp
    `Cm status` says how the daemon that uses the state directory is, `Cm reload` has it load its certificates and its map of clients anew, \
    and `Cm upgrade` has it replaced by the binary that is in its file now, while its jobs go on. Each waits for the \
    outcome and prints it. `Cm cleanup` is for after a keeper that was killed: it waits until its supervisor has ended, \
    ends what is left of the jobs, and removes the cgroups.
    .Pp
    `Cm check-config` prints the effective configuration, where each value is from, and exits; with `Fl \\-client` \
    it prints what holds for one client. `Cm manual` prints \
    a manual page, `Cm jobd.8` or `Cm jobd.json5.5 .`
    .Pp
    Each option can also be set in the environment and in a file; see `Xr jobd.json5 5 .` Flags win over the \
    environment, and that over the file.

    """

  private static let daemonRest = """
    .Sh SETUP
    `Cm setup` makes what is missing until a first job can be run, says what that was, and keeps what is there, so that it may \
    be repeated. It needs `Xr jobctl 1 ,` which makes the certificates:
    .Bl -bullet -compact
    .It
    an authority, in `Pa /etc/jobd/pki` or, of a user, `Pa \\(ti/.config/jobd/pki` (with a key that is encrypted, see `Ql jobctl ca init \\-\\-help ,` \
    its passphrase is asked for);
    .It
    the daemon's certificate, for the names of this host, localhost, 127.0.0.1, ::1, the address that it listens at and each \
    `Fl \\-host ,` which may be repeated; one that lacks what is asked for is replaced, and the names that it has stay;
    .It
    a client for whoever types it, named as that user, which `Xr jobctl 1` uses by itself. Typed by sudo, one for root, whose jobs run as \
    root, and one for that user, whose jobs run as that user: `Cm clients` in the configuration file gets an entry with `Cm users .` \
    A file that has `Cm clients` and gives that user none is left as it is, and so is the user;
    .It
    the configuration file, with comments. `Fl \\-listen` is added to it, and a daemon that runs takes it as by `Cm upgrade ;` \
    a file that sets another address is an error and stays as it is. While systemd listens, by `Pa jobd.socket ,` it is refused;
    .It
    the service of systemd, the system's or the user's, enabled and started. Without systemd it says how to start the daemon.
    .El
    .Pp
    At last `Xr jobctl 1` asks the daemon, and what keeps it from that is told. \
    Where the configuration names certificates, none are made. Variables of the environment that begin with `Ev JOBD_` do not \
    count, as they do not for the service; nor do, of root, those that begin with `Ev XDG_ ,` and `Ev PATH .`
    .Sh SIGNALS
    To the keeper, the process that was started. One that finds no supervisor waits for the next.
    .Bl -tag -width "TERM, INT"
    .It Dv TERM , INT
    Accept no connection, finish running replies, end all jobs by TERM and after the grace time by KILL, exit. Jobs go on over a \
    reload and an upgrade, never over this. A second one ends them at once.
    .It Dv HUP
    As `Cm reload :` start a fresh api process with the certificates and the map of clients (see `Xr jobd.json5 5 )` as they are on disk \
    now. Jobs go on, and no connection is refused.
    Certificates, key and revocation list are taken without it, within a second of their change; see \
    `Sx CERTIFICATES .`
    .It Dv USR2
    As `Cm upgrade :` replace the running daemon by the binary that is in its file now. Jobs go on, and connections \
    wait. One that does not start, or does not serve, is given up for the one before.
    .El
    .Sh CERTIFICATES
    The files of `Fl \\-certificate-file , \\-key-file , \\-client-ca-file` and `Fl \\-crl-file` may be written or replaced at any \
    time, or be symbolic links that are turned. When they have stayed as they are for a tenth of a second, a fresh api \
    process is started with them, as by `Cm reload ,` but with the configuration that holds: its file is not read. Clients who are let in no \
    more are cut off. Files that cannot be used are told of in the log (event=reload_failed) and tried \
    again when they change; until then the old ones hold. On a file system that does not tell of \
    changes, such as one of another host, use `Cm reload .`
    .Pp
    Without `Fl \\-crl-file` the revocation list is `Pa ca.crl` in the directory of `Fl \\-client-ca-file ,` when it is there, \
    also when it comes later. An authority of which it \
    has no list has revoked nothing; a file that `Fl \\-crl-file` names has to have one of each. Once it was used it has to stay: without it who was \
    revoked would be let in again, so that is an error as with other files, also for a supervisor that takes over from another. To do \
    without one, start the daemon anew.
    .Sh ENVIRONMENT
    .Bl -tag -width Ds
    .It Ev JOBD_CONFIG
    The configuration file.
    .It Ev JOBD_ Ns Ar OPTION
    An option in capital letters with `Ql _` for `Ql - ,` such as `Ev JOBD_OUTPUT_LIMIT .` One that is unknown is an \
    error.
    .It Ev NOTIFY_SOCKET , WATCHDOG_USEC , LISTEN_PID , LISTEN_FDS
    Set by a service manager such as systemd, as its sd_notify(3) and sd_listen_fds(3) describe.
    It is told the daemon's state and that the keeper lives, and the sockets it brings are those that serve. Jobs do not
    get these variables.
    .It Ev XDG_STATE_HOME , XDG_CONFIG_HOME
    Where state, and without being root configuration and keys, are looked for.
    .El
    .Sh FILES
    .Bl -tag -width Ds
    .It Pa /etc/jobd/jobd.json5
    The configuration of root's daemon; others have `Pa \\(ti/.config/jobd/jobd.json5 .`
    .It Pa /etc/jobd/secrets.key
    The key that secrets of jobs are stored by, beside the configuration. Made when it is first needed; read once by each supervisor. Of jobs that wait \
    since before it was changed the secrets cannot be read.
    .It Pa /etc/jobd/pki
    Certificates, the server's key and the revocation list, as `Ql jobctl ca` makes them.
    .It Pa /var/lib/jobd/jobd.db
    The jobs, an SQLite database, with `Pa jobd.db-wal` and `Pa jobd.db-shm` beside it.
    .It Pa /var/lib/jobd/output
    The output of jobs.
    .It Pa /var/lib/jobd/lock
    Held by the supervisor that uses the directory.
    .It Pa /var/lib/jobd/control
    The socket of `Cm status , reload` and `Cm upgrade ,` for the owner alone.
    .El
    .Sh EXIT STATUS
    0 after it was stopped, 2 when an option is wrong, or there is no certificate yet and
    `Fl \\-certificate-file` names none, 1 when it cannot start or go on; a line on standard error
    says why. Of `Cm status` 1 also while the daemon does not serve, of `Cm reload` and `Cm upgrade` when they came to
    nothing.
    .Sh EXAMPLES
    .Dl # jobd setup \\-\\-host jobs.example.org \\-\\-listen 0.0.0.0:7443
    .Dl $ jobd \\-\\-listen 0.0.0.0:7443 \\-\\-log-level debug
    .Dl $ JOBD_OUTPUT_LIMIT=1GiB jobd check-config
    .Sh DIAGNOSTICS
    Each entry of the log is one line on standard error:
    .Dl 2026-11-24T13:00:00.123Z level=info event=listening address=127.0.0.1:7443
    Of an event that happens too often the rest is counted and told as `Ql suppressed .`
    .Sh SEE ALSO
    .Xr jobctl 1 ,
    .Xr jobd.json5 5

    """
}
