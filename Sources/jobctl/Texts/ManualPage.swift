import Platform

/// The manual page jobctl(1), made from the table.
enum ManualPage {
  static var text: String {
    let usages = CommandTable.all.map { command in
      ".Nm\n.Cm \(command.name)\n" + (command.allOptions.isEmpty ? "" : ".Op Ar option ...\n")
        + (command.operands.usage.isEmpty ? "" : ".Ar \(Mdoc.plain(command.operands.usage))\n")
    }
    return Mdoc.page(
      "jobctl", 1, "run commands on a host with jobd",
      """
      .Sh SYNOPSIS
      \(usages.joined())\
      .Sh DESCRIPTION
      `Nm` starts jobs on a host that runs `Xr jobd 8 ,` and shows, follows and ends them. The daemon knows its \
      clients by their certificates; a client sees the jobs it created and no others.
      .Pp
      A job may be named by its whole id, or by \(JobName.shortest) or more characters of its beginning or end, which
      tables show and shells complete.
      .Pp
      The options of a connection, which every command that talks to the daemon has:
      \(Mdoc.list(Option.connection.map(item)))\
      .Pp
      What is not given as an option is taken from the environment, then from the profile, see `Cm config .`
      .Sh COMMANDS
      \(CommandTable.all.map(section).joined())\
      .Sh FILTERS
      `Fl -filter` of `Cm ps , rm , wait` and `Cm stop` has one form, and may be given several times:
      \(paragraph(JobSelection.explanation))
      .Sh ENVIRONMENT
      .Bl -tag -width Ds
      .It Ev JOBCTL_SERVER , JOBCTL_CA , JOBCTL_CERT , JOBCTL_KEY , JOBCTL_SERVER_NAME , JOBCTL_PROXY , JOBCTL_REPLY_TIMEOUT , JOBCTL_SESSIONS
      As the options of a connection.
      .It Ev JOBCTL_RUNNER
      As `Fl -runner` of `Cm run` and `Cm start .`
      .It Ev TRACEPARENT
      What jobctl is run for, as W3C Trace Context has it: the jobs that `Cm run ,` `Cm start` and `Cm batch` create have it too.
      .It Ev HTTPS_PROXY , NO_PROXY
      The proxy where none is set otherwise, and hosts and domains, with a comma between each two, that are reached without it.
      So is this host.
      .It Ev XDG_RUNTIME_DIR
      Where TLS sessions are kept for the next command, which begins the sooner. They are the user's alone to read, belong to this \
      client's files, the server and its authority, and end with the first certificate. Without the variable, or where others may \
      enter the directory, and with `Fl -sessions Cm off`, none are. \
      Nor with a key that is encrypted, which would be of no use without its passphrase.
      .It Ev JOBCTL_PROMPT
      `Cm off`: the terminal is asked for no passphrase, and a key that needs one cannot be used.
      .It Ev JOBCTL_PROFILE
      The profile to use.
      .It Ev JOBCTL_CONFIG
      The file of profiles.
      .It Ev NO_COLOR
      When set, nothing is printed in colour.
      .El
      .Sh FILES
      .Bl -tag -width Ds
      .It Pa ~/.config/jobctl/config.json
      Profiles.
      .It Pa $XDG_RUNTIME_DIR/jobctl/*
      TLS sessions.
      .It Pa ~/.config/jobd/pki , /etc/jobd/pki
      Keys and certificates, of a user and of root: `Pa ca.crt , client.crt , client.key .` The directory of an authority \
      also has `Pa issued/*.crt ,` what it issued by serial, and `Pa ca.crl ,` what it revoked.
      .El
      .Sh EXIT STATUS
      `Cm batch` exits with 1 when a command failed or was not run.
      `Cm run` and `Cm wait` exit with the job's own exit code, which is 128 plus the signal's number for a job that a \
      signal ended;
      with 124 where that code is 0 and the job's time limit ended it; with 127 where the job's command is not found, \
      and 126 where it cannot be executed. `Nm` itself exits with:
      \(Mdoc.list(ExitCode.allCases.map { ("\($0.rawValue)", sentence($0.meaning)) }))\
      .Sh EXAMPLES
      .Bd -literal -offset indent
      jobctl run uname -a
      id=$(jobctl start make test) && jobctl logs -f $id
      .Ed
      .Sh SEE ALSO
      .Xr jobd.json5 5 ,
      .Xr jobd 8

      """)
  }

  private static func section(_ command: Command) -> String {
    var text = ".Ss \(command.name)\n\(paragraph(command.summary))\n"
    if !command.details.isEmpty { text += ".Pp\n\(paragraph(command.details))\n" }
    if !command.options.isEmpty { text += Mdoc.list(command.options.map(item)) }
    text += ".Pp\nExamples:\n.Bd -literal -offset indent\n"
    text += command.examples.map { Mdoc.plain($0.line) + "\n" }.joined()
    return text + ".Ed\n"
  }

  private static func item(_ option: Option) -> (tag: String, text: String) {
    let short = option.short.map { "Fl \($0) , " } ?? ""
    let value = option.value.map { " Ar \(Mdoc.plain($0.placeholder))" } ?? ""
    return ("\(short)Fl -\(option.name)\(value)", paragraph(option.explanation))
  }

  /// From words that begin in lower case.
  private static func sentence(_ words: String) -> String {
    Mdoc.plain(words.prefix(1).uppercased() + words.dropFirst()) + "."
  }

  private static func paragraph(_ text: String) -> String {
    Mdoc.plain(text.replacing("\n", with: " "))
  }
}
