import FoundationEssentials
import Glibc
import Testing

@testable import jobctl

/// The completions as shells use them.
@Suite struct CompletionTests {
  /// What bash offers for a line whose last word is the one to complete.
  private func bash(_ words: String...) throws -> Set<String> {
    let file = "/tmp/jobctl-completion-\(UInt64.random(in: 0 ... .max))"
    defer { for name in [file, file + ".out"] { unlink(name) } }
    let quoted = words.map { "'\($0)'" }.joined(separator: " ")
    let script = """
      jobctl() { [[ "$*" == "ps --all --quiet "* ]] && printf '%s\\n' 01aa-00-first 01aa-00-second; }
      \(BashCompletion.text)
      COMP_WORDS=(jobctl \(quoted)) COMP_CWORD=\(words.count)
      _jobctl 2>&1
      printf '%s\\n' "${COMPREPLY[@]}" >\(file).out
      """
    try Data(script.utf8).write(to: URL(filePath: file))
    let pid = try spawn(["bash", "--norc", "-u", file])
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    #expect(status == 0)
    let text = String(decoding: try Data(contentsOf: URL(filePath: file + ".out")), as: UTF8.self)
    return Set(text.split(separator: "\n").map(String.init))
  }

  private func spawn(_ words: [String]) throws -> pid_t {
    var pid: pid_t = 0
    let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    try #require(posix_spawnp(&pid, words[0], nil, nil, arguments, environ) == 0)
    return pid
  }

  @Test func bashCompletesCommandsAndTheirWords() throws {
    #expect(try bash("st") == ["start", "status", "stop"])
    #expect(try bash("ca", "") == ["init", "server", "client", "sign", "list", "renew", "revoke"])
    #expect(try bash("config", "") == ["set", "use", "remove"])
    #expect(try bash("completion", "z") == ["zsh"])
  }

  @Test func bashCompletesOptionsAndTheirValues() throws {
    #expect(try bash("logs", "--t") == ["--tail", "--timestamps"])
    #expect(try bash("ca", "server", "--ho") == ["--host"])
    #expect(try bash("ca", "revoke", "--reason", "super") == ["superseded"])
    #expect(try bash("ca", "sign", "alice", "/etc/hostn") == ["/etc/hostname"])
    #expect(try bash("ca", "sign", "/etc/hostn").isEmpty)
    #expect(try bash("ps", "-o", "") == ["text", "wide", "json"])
    #expect(try bash("run", "--on-limit", "k") == ["kill"])
    #expect(try bash("run", "--timeout", "").isEmpty)
    #expect(try bash("ps", "--filter", "") == ["state=", "since=", "label="])
    #expect(try bash("ps", "--all", "--filter", "l") == ["label="])
    #expect(try bash("run", "--label", "").isEmpty)
    #expect(try bash("status", "--ca", "/etc/hostn").contains("/etc/hostname"))
  }

  @Test func bashCompletesJobsAndSignals() throws {
    #expect(try bash("status", "fi") == ["first"])
    #expect(try bash("status", "--wait", "3s", "") == ["first", "second"])
    #expect(try bash("status", "first", "").isEmpty, "it takes one job")
    #expect(try bash("signal", "TE") == ["TERM"])
    #expect(try bash("signal", "--tree", "TERM", "se") == ["second"])
    #expect(try bash("run", "--", "/etc/hostn").contains("/etc/hostname"))
  }

  @Test func zshAndFishOfferHowAFilterBegins() {
    #expect(ZshCompletion.text.contains(#":NAME=VALUE:compadd -S "" - state= since= label='"#))
    #expect(ZshCompletion.text.contains(#"]:HOST[\:PORT]: '"#), "a colon is no end of what is shown")
    #expect(FishCompletion.text.contains("-l filter -xa 'state= since= label=' "))
  }

  @Test(arguments: CommandTable.all.map(\.name))
  func zshAndFishKnowEachOption(name: String) throws {
    let command = try #require(CommandTable.find(name))
    let zsh = ZshCompletion.text
    let section = try #require(zsh.firstRange(of: "    '\(name)')\n")).upperBound
    let end = zsh[section...].firstRange(of: ";;")?.lowerBound ?? zsh.endIndex
    let fish = FishCompletion.text.split(separator: "\n").filter { $0.contains("__jobctl_is '\(name)'\"") }
    for option in command.allOptions {
      #expect(zsh[section..<end].contains("--\(option.name)"))
      #expect(fish.contains { $0.contains(" -l \(option.name) ") })
    }
  }
}
