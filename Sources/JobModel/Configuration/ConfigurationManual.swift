extension Manual {
  static var configurationPage: String {
    configurationStart
      + options { option in
        let member = option.member.map { "\nFor some clients: `Cm \($0.name) .`" } ?? ""
        return (
          "Cm \(option.key)",
          """
          \(plain(option.explanation))
          Value: \(plain(option.allowed)).
          Default: \(plain(option.defaultText)).\(member)
          """
        )
      } + configurationRest
  }

  private static let configurationStart = """
    .Sh DESCRIPTION
    `Xr jobd 8` reads one JSON5 object from `Pa /etc/jobd/jobd.json5` when started by root, else from \
    `Pa \\(ti/.config/jobd/jobd.json5 ,` or from the file that `Fl \\-config` or `Ev JOBD_CONFIG` names.
    JSON5 is JSON with comments, names without quotation marks, single quotation marks and a comma after the last
    member. Each member is an option, but for `Cm clients ,` the map of what is other for some of them (see `Sx CLIENTS ) ,` and `Cm runners` (see \
    `Sx RUNNERS ) .` One that is unknown or has a wrong value keeps the daemon from starting, with \
    a message that names it. `Ql jobd check-config` shows what is in effect.
    .Pp
    Each option is also a flag, with `Ql -` for `Ql _ ,` and a variable of the environment, in capital letters after \
    `Ql JOBD_ .` Flags win over the environment, that over the file, and that over the defaults.

    """

  private static let configurationRest = """
    .Sh CLIENTS
    The member `Cm clients` of the file, for which there is neither flag nor variable, is a map from clients to \
    settings that are theirs. A client is named by what `Cm identity` says, the common name of its certificate or a URI, or by a pattern in \
    which each `Ql *` stands for any text, also for none. Its value is an object of settings, all optional, by the names that are \
    given above as `Dq for some clients .` What they mean, and may be, is the same as of the option.
    .Pp
    What the options say holds for each client. Over it holds the entry `Ql * ,` over that the patterns that match, \
    the more of them is literal (in bytes) the later, and of equal ones in the order of their bytes; over all \
    holds the entry of the exact name. This goes member by member: what an entry does not say stays as it was. \
    `Ql jobd check-config \\-\\-client name` prints what holds for a client, and what each setting is from.
    .Pp
    `Cm max_memory , max_cpus` and `Cm max_processes` bound what a creation may ask for in its `Cm limits ;` \
    more is refused. A job that asks for nothing has the default, which is at most the maximum, and without a default \
    the maximum itself.
    .Pp
    `Cm role` is what a client may do: `Cm owner ,` all with its own jobs, while others' look as if they did not exist; \
    `Cm viewer ,` read all clients' jobs and what the daemon counts, and change or create nothing; `Cm operator ,` both, and stop, \
    signal and delete all clients' jobs.
    .Pp
    `Cm users` are the users that a client's jobs may run as, by names or numbers, also as an array, and the first is the one \
    of creations that name none; `Cm all` is whom the daemon may become. Where they are bound, the group of a job has to be one \
    that its user is in.
    .Pp
    `Cm runners` are the runners that a client's jobs may have, also as an array of texts, and `Cm runner` the one of \
    creations that name none; `Cm none` is having none.
    .Pp
    `Ql jobd reload` and the signal HUP take this map and that of runners as the file has them then, and those alone: other options need a \
    restart. It holds for all that is asked from then on, on open connections too; connections and replies that follow \
    are counted against it by the fresh api process. Jobs that run go on. One that waits for its launch, \
    and asks for more than its client may have by then, is not launched, and its error says so. A file that cannot \
    be used fails the reload, and changes nothing.
    .Sh RUNNERS
    The member `Cm runners` of the file is a map from names to commands that a creation may ask for by its \
    `Cm runner .` Such a job is launched by the runner: `Cm command` with the job's command and arguments behind it, in \
    the directory `Pa /` and as the job's user. A runner has the fixed environment of jobs and what `Cm environment` \
    sets, and nothing of the client's. Each entry is an object:
    .Bl -tag -width "failure_codes"
    .It Cm command
    An array of words, with a program first. A word that is an array is several that are there or left out together. A \
    word with a placeholder that has no value is left out. The placeholders are `Ql {id}` and `Ql {client} ,` and of \
    what the creation asks for `Ql {user} , {group} , {cwd} ,` `Ql {memory_mib} , {memory_bytes} , {cpus}` (rounded \
    up), `Ql {cpus_exact} , {processes} , {timeout_seconds} ,` `Ql {timeout_minutes}` (rounded up), and `Ql {env} ,` a \
    word that becomes `Ql env \\-\\- NAME=VALUE ...` A creation that asks for a directory, an environment or a limit for \
    which there is none is refused.
    .It Cm limits
    Who enforces the limits of jobs: `Cm local ,` this daemon, which is the default, or `Cm runner .`
    .It Cm signal
    A command that gives a job the signal `Ql {signal} ,` such as `Ql TERM .` Without it signals go to the runner's \
    processes on this host: where it has put the job into a PID namespace of its own, to those in there alone.
    .It Cm cleanup , cleaned
    The command that ends what is left elsewhere of a job that did not end by itself, and one that prints what is left. \
    Both are repeated until nothing is printed; without `Cm cleaned ,` until cleanup exits with 0. The job has ended \
    when that is so, and a deletion is answered then. When that takes half a minute the job ends, with `Cm cleanup` \
    as `Dq pending` in its detail, the deletion is refused, and it is tried again until it is done, also by the next daemon.
    .It Cm failure_codes
    Exit codes by which the runner says that it could not start the job: the job's state is error, with the last words \
    of its standard error.
    .It Cm environment
    An object of variables of the runner.
    .It Cm secrets
    An array of names, in which `Ql *` stands for any text, of those secrets of a job that the runner has in its own environment. \
    Others are refused. None may be, or stand for, what a program takes orders from, such as `Ev LD_PRELOAD` and `Ev PATH .`
    .It Cm terminal
    Words that `Cm command` has more, behind its first one, for a job with a terminal.
    .El
    .Pp
    In `Cm signal , cleanup` and `Cm cleaned` the placeholders are `Ql {id} , {client} , {user}` and `Ql {group} .` \
    They run as the job's user, with the runner's environment, for at most ten seconds. No word is ever read by a shell.
    .Sh EXAMPLES
    .Bd -literal -offset indent
    {
      // Reachable from the network, for two teams.
      listen: "0.0.0.0:7443",
      crl_file: "/etc/jobd/pki/crl.pem",
      output_limit: "256MiB",
      client_running_jobs: 200,
      retention_age: "30d",
      clients: {
        "ci-*": { running_jobs: 16, queued_jobs: 10000, max_memory: "2GiB" },
        "ci-release": { running_jobs: 64 },
        guests: { runners: ["sandbox"], runner: "sandbox" },
      },
      runners: {
        sandbox: {
          command: ["bwrap", "--unshare-all", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--proc", "/proc",
            "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/var/lib/jobd", "--tmpfs", "/etc/jobd",
            ["--chdir", "{cwd}"], "--", "{env}"],
        },
      },
    }
    .Ed
    .Sh SEE ALSO
    .Xr jobctl 1 ,
    .Xr jobd 8
    .Sh STANDARDS
    JSON5, https://spec.json5.org.

    """
}
