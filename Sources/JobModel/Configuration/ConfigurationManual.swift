extension Manual {
  static var configurationPage: String {
    configurationStart
      + options { option in
        (
          "Cm \(option.key)",
          """
          \(plain(option.explanation))
          Value: \(plain(option.allowed)).
          Default: \(plain(option.defaultText)).
          """
        )
      } + configurationRest
  }

  private static let configurationStart = """
    .Sh DESCRIPTION
    `Xr jobd 8` reads one JSON5 object from `Pa /etc/jobd/jobd.json5` when started by root, else from \
    `Pa \\(ti/.config/jobd/jobd.json5 ,` or from the file that `Fl \\-config` or `Ev JOBD_CONFIG` names.
    JSON5 is JSON with comments, names without quotation marks, single quotation marks and a comma after the last
    member. Each member is an option. One that is unknown or has a wrong value keeps the daemon from starting, with \
    a message that names it. `Ql jobd check-config` shows what is in effect.
    .Pp
    Each option is also a flag, with `Ql -` for `Ql _ ,` and a variable of the environment, in capital letters after \
    `Ql JOBD_ .` Flags win over the environment, that over the file, and that over the defaults.

    """

  private static let configurationRest = """
    .Sh EXAMPLES
    .Bd -literal -offset indent
    {
      // Reachable from the network, for two teams.
      listen: "0.0.0.0:7443",
      crl_file: "/etc/jobd/pki/crl.pem",
      output_limit: "256MiB",
      client_running_jobs: 200,
      retention_age: "30d",
    }
    .Ed
    .Sh SEE ALSO
    .Xr jobctl 1 ,
    .Xr jobd 8
    .Sh STANDARDS
    JSON5, https://spec.json5.org.

    """
}
