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
    member. Each member is an option, but for `Cm clients ,` the map of what is other for some of them (see `Sx CLIENTS ) .` One that is unknown or has a wrong value keeps the daemon from starting, with \
    a message that names it. `Ql jobd check-config` shows what is in effect.
    .Pp
    Each option is also a flag, with `Ql -` for `Ql _ ,` and a variable of the environment, in capital letters after \
    `Ql JOBD_ .` Flags win over the environment, that over the file, and that over the defaults.

    """

  private static let configurationRest = """
    .Sh CLIENTS
    The member `Cm clients` of the file, for which there is neither flag nor variable, is a map from clients to \
    settings that are theirs. A client is named by the common name of its certificate, or by a pattern in which each \
    `Ql *` stands for any text, also for none. Its value is an object of settings, all optional, by the names that are \
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
    `Ql jobd reload` and the signal HUP take the map that the file has then, and that alone: other options need a \
    restart. It holds for all that is asked from then on, on open connections too; connections and replies that follow \
    are counted against it by the fresh api process. Jobs that run go on. One that waits for its launch, \
    and asks for more than its client may have by then, is not launched, and its error says so. A file that cannot \
    be used fails the reload, and changes nothing.
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
