import Glibc
import Harness
import Testing

/// `jobd setup`, typed by root or by sudo, on a host whose /etc, /var/lib and network are the test's own.
@Suite(.serialized, .enabled(if: geteuid() == 0)) struct SetupByRootTests {
  private static let alice: uid_t = 61_235
  private static let api: uid_t = 61_236

  private struct Host {
    let host: SetupHost
    var path: String { host.scratch.path }
    var home: String { "\(path)/alice" }

    init() throws {
      host = try SetupHost()
      for name in ["etc", "lib", "alice", "root", "sbin"] { mkdir("\(path)/\(name)", 0o755) }
      chown(home, alice, alice)
      symlink("\(path)/bin/systemctl", "\(path)/sbin/systemctl")
      for name in ["nsswitch.conf", "ld.so.cache", "hosts"] {
        try Files.write(Files.read("/etc/\(name)"), to: "\(path)/etc/\(name)", mode: 0o644)
      }
      let users = Files.text("/etc/passwd").split(separator: "\n").filter {
        !$0.hasPrefix("root:") && !$0.hasPrefix("jobd:")
      }
      let own = [
        "root:x:0:0::\(path)/root:/bin/sh", "alice:x:\(alice):\(alice)::\(home):/bin/sh",
        "jobd:x:\(api):65534::/:/bin/sh",
      ]
      try write((own + users.map(String.init)).joined(separator: "\n") + "\n", "etc/passwd")
      try write(Files.text("/etc/group") + "alice:x:\(alice):\n", "etc/group")
    }

    private func write(_ text: String, _ name: String) throws {
      try Files.write(Array(text.utf8), to: "\(path)/\(name)", mode: 0o644)
    }

    /// A shell of root, that alice's sudo started.
    func type(_ lines: String, sudo: uid_t? = alice) throws -> Finished {
      let script = """
        ip link set lo up || exit
        mount --bind \(path)/etc /etc && mount --bind \(path)/lib /var/lib || exit
        mount --bind \(path)/sbin /usr/local/sbin || exit
        as_alice() { setpriv --reuid=\(alice) --regid=\(alice) --init-groups --reset-env env PATH="$PATH" "$@"; }
        \(lines)
        [ ! -e \(path)/pid ] || kill "$(cat \(path)/pid)"
        """
      var environment = [
        "HOME": home, "PATH": "\(Programs.directory):/usr/sbin:/usr/bin:/sbin:/bin",
      ]
      environment["SUDO_UID"] = sudo.map { "\($0)" }
      let done = try Running(
        "unshare", ["--mount", "--net", "sh", "-c", script], environment: environment, directory: host.scratch
      ).wait()
      host.end()
      return done
    }

    func remove() {
      host.end()
      host.scratch.remove()
    }
  }

  private func with(_ body: (Host) throws -> Void) throws {
    let host = try Host()
    defer { host.remove() }
    try body(host)
  }

  private func status(_ path: String) throws -> stat {
    var info = stat()
    try #require(lstat(path, &info) == 0, "\(path)")
    return info
  }

  @Test func whoTypedSudoHasAClientToo() throws {
    try with { host in
      let done = try host.type(
        """
        jobd setup && jobctl run echo by root && as_alice jobctl run id -un
        jobd setup
        as_alice jobctl ps -a -o json
        """)
      #expect(done.text.contains("\nby root\nalice\n"), "\(done.text)\(done.errorText)")
      #expect(
        done.text.contains(
          "made  \(host.home)/.config/jobd/pki/client.crt: for the client alice, whose jobs run as alice"))
      #expect(
        Files.text("\(host.path)/etc/jobd/jobd.json5").contains(
          "\n  clients: { \"alice\": { users: [\"alice\"] } },\n"))
      #expect(done.text.contains("kept  \(host.home)/.config/jobd/pki: the client's certificate of alice"))
      let jobs = done.text.split(separator: "\n").last ?? ""
      #expect(jobs.contains("alice") && !jobs.contains("root"), "\(jobs)")
      let pki = "\(host.home)/.config/jobd/pki"
      for name in [".config", ".config/jobd", ".config/jobd/pki"] {
        #expect(try status("\(host.home)/\(name)").st_uid == Self.alice)
      }
      #expect(Files.list(pki).sorted() == ["ca.crt", "client.crt", "client.key"])
      let key = try status("\(pki)/client.key")
      #expect(key.st_uid == Self.alice && key.st_gid == Self.alice && key.st_mode & 0o7777 == 0o600)
      // Root keeps no key of others.
      #expect(!Files.list("\(host.path)/etc/jobd/pki").contains { $0.hasPrefix("alice") })
      #expect(Files.list(host.home) == [".config"])
    }
  }

  /// The wildcard has the port that the daemon has; jobs go on.
  @Test func aDaemonThatRunsListensElsewhere() throws {
    try with { host in
      let done = try host.type(
        """
        jobd setup >/dev/null && id=$(jobctl start sleep 1000) && jobd setup --listen 0.0.0.0:7443
        jobctl inspect -o json $id; jobd status; cat /etc/jobd/jobd.json5
        jobd setup --listen 192.0.2.1:7443; cat /etc/jobd/jobd.json5
        """, sudo: nil)
      #expect(
        done.text.contains("set   /etc/jobd/jobd.json5: listen: \"0.0.0.0:7443\""),
        "\(done.text)\(done.errorText)")
      #expect(
        done.text.contains("address: 0.0.0.0:7443") && done.text.contains(#""status":"running""#),
        "\(done.text)")
      #expect(!done.text.contains("alice") && !Files.exists("\(host.home)/.config"))
      #expect(done.errorText.contains("make that \"192.0.2.1:7443\""))
    }
  }

  /// The daemon that runs could not go on with it.
  @Test func anAddressThatCannotBeIsNotSet() throws {
    try with { host in
      let done = try host.type(
        """
        jobd setup >/dev/null; jobd setup --listen 192.0.2.1:7443; echo $?; jobd status
        """, sudo: nil)
      #expect(done.errorText.contains("cannot listen on 192.0.2.1 port 7443"), "\(done.errorText)")
      #expect(done.text.hasPrefix("1\nstate: serving\naddress: 127.0.0.1:7443"), "\(done.text)")
      #expect(!Files.text("\(host.path)/etc/jobd/jobd.json5").contains("192.0.2.1"))
    }
  }

  /// The file was edited by hand: nothing is given up for a successor that could not listen.
  @Test func anUpgradeToAnAddressThatCannotBeIsNotBegun() throws {
    try with { host in
      let done = try host.type(
        """
        jobd setup >/dev/null; id=$(jobctl start sleep 1000)
        sed -i "s/^{/{ listen: '192.0.2.1:7443',/" /etc/jobd/jobd.json5
        jobd upgrade; echo $?; jobd status; jobctl status $id
        """)
      #expect(done.errorText.contains("cannot listen on 192.0.2.1 port 7443"), "\(done.errorText)")
      #expect(done.text.hasPrefix("1\nstate: serving\naddress: 127.0.0.1:7443"), "\(done.text)")
      #expect(done.text.hasSuffix("\nrunning\n"), "\(done.text)")
    }
  }

  /// Links of the user's lead to nothing that the user could not write, or read.
  @Test func aHomeThatIsATrapIsOfNoUse() throws {
    for trap in [
      "ln -s $victim .config", "mkdir .config && ln -s $victim .config/jobd",
      "mkdir -p .config/jobd && ln -s $victim .config/jobd/pki", "ln -s /dev/full .config",
      "mkdir -p .config/jobd/pki && cd .config/jobd/pki && mkfifo ca.crt client.crt client.key",
      "mkdir .config && ln -s $victim .config/jobctl",
      #"mkdir -p .config/jobctl && printf '{"current":"%0300000d","profiles":{}}' 0 >.config/jobctl/config.json"#,
      "mkdir -p .config/jobctl && echo x >.config/jobctl/config.json",
    ] {
      try with { host in
        let done = try host.type(
          """
          victim=\(host.path)/victim; mkdir -m 755 $victim; echo precious >$victim/ca.crt
          (cd \(host.home) && \(trap)) && chown -hR alice \(host.home)
          jobd setup --listen 127.0.0.1:7444; HOME=\(host.path)/root jobctl run echo hello
          """)
        #expect(done.text.hasSuffix("hello\n"), "\(trap): \(done.text)\(done.errorText)")
        #expect(
          done.text.contains("\nnote  ") || trap.contains("current"), "\(trap): \(done.text)\(done.errorText)"
        )
        #expect(
          Files.list("\(host.path)/victim") == ["ca.crt"]
            && Files.text("\(host.path)/victim/ca.crt") == "precious\n")
      }
    }
  }

  /// A daemon that runs has the map of clients before the client is there.
  @Test func noClientOfWhoTypedSudoIsRoot() throws {
    try with { host in
      let done = try host.type(
        """
        SUDO_UID= jobd setup >/dev/null
        jobd setup && as_alice jobctl run id -un
        rm -r \(host.home)/.config
        echo '{ clients: { "*": { running_jobs: 9 } } }' >/etc/jobd/jobd.json5
        jobd setup; ls -A \(host.home)
        """)
      #expect(done.text.contains("\nalice\n"), "\(done.text)\(done.errorText)")
      #expect(
        done.text.contains(
          "note  no client for alice, whose jobs would run as root: clients in /etc/jobd/jobd.json5 needs "
            + "\"alice\": { users: [\"alice\"] }"), "\(done.text)")
      #expect(done.text.split(separator: "\n").last?.contains("# ") == true, "\(done.text)")
    }
  }

  /// What is amiss in the home of who typed sudo is told, and what is left of it is not used.
  @Test func aHomeThatCannotBeWrittenIsNoReasonToFail() throws {
    try with { host in
      let done = try host.type(
        """
        chmod 500 \(host.home)
        jobd setup && jobctl run echo first; ls /etc/jobd/pki /etc/jobd/pki/issued
        chmod 755 \(host.home)
        jobd setup && as_alice jobctl run echo hello
        """)
      #expect(
        done.text.contains(
          "note  alice cannot use jobctl as it is: cannot make \(host.home)/.config: Permission"),
        "\(done.text)\(done.errorText)")
      #expect(done.text.contains("\nfirst\n") && done.text.hasSuffix("\nhello\n"), "\(done.text)")
      #expect(!done.text.contains("\nalice."), "\(done.text)")
      #expect(Files.list("\(host.path)/etc/jobd/pki/issued").count == 3)
    }
  }

  @Test func aUnitOfAnotherUserIsThatUsers() throws {
    try with { host in
      let done = try host.type(
        """
        echo alice >\(host.path)/user; jobd setup; echo $?; ls -A /etc/jobd 2>&1
        rm \(host.path)/user; >\(host.path)/socket; jobd setup --listen 0.0.0.0:7443; echo $?
        sed -i /^jobd:/d /etc/passwd; jobd setup; echo $?; ls -A /etc/jobd 2>&1
        """)
      #expect(
        done.errorText.contains(
          "jobd.service runs as alice, who has files of their own: sudo -u alice jobd setup"))
      #expect(done.errorText.contains("\"systemctl edit jobd.socket\" sets where, not --listen"))
      #expect(done.errorText.contains("systemd-sysusers jobd.conf"), "\(done.errorText)")
      #expect(
        done.text.hasPrefix("1\n") && done.text.contains("\n1\n1\n") && !done.text.contains("made"),
        "\(done.text)")
    }
  }
}
