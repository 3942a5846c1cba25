import Harness

/// A runner of a shell script that keeps a file for each job that it has elsewhere: what is there after a job is left.
struct AwayRunner {
  let scratch: Scratch
  let script: String
  private var directory: String { "\(scratch.path)/away" }

  init() throws {
    scratch = try Scratch()
    script = scratch.fresh("away")
    let text = """
      #!/bin/sh
      dir=\(scratch.path)/away
      mkdir -p "$dir"
      act=$1 id=$2
      case $act in
      run)
        shift 2
        exec 3<&0
        "$@" <&3 &
        echo $! >"$dir/$id"
        wait $!
        code=$?
        rm -f "$dir/$id"
        [ ! -e "$dir/slow" ] || while [ ! -e "$dir/go" ]; do sleep 0.02; done
        exit $code ;;
      signal) echo "$3 $(id -un) $AWAY" >>"$dir/signals"; kill -"$3" "$(cat "$dir/$id")" ;;
      cancel)
        if [ -e "$dir/broken" ]; then echo "the controller is down" >&2; exit 4; fi
        echo "$id" >>"$dir/cancelled"
        rm -f "$dir/$id" ;;
      list) [ ! -e "$dir/$id" ] || echo "$id runs" ;;
      esac

      """
    try Files.write(Array(text.utf8), to: script, mode: 0o755)
  }

  func configuration(_ more: String = "", limits: String = "runner") -> String {
    """
    { runners: { away: {
        command: ["\(script)", "run", "{id}", "env", ["--chdir={cwd}"], "{env}"], limits: "\(limits)",
        signal: ["\(script)", "signal", "{id}", "{signal}"],
        cleanup: ["\(script)", "cancel", "{id}"], cleaned: ["\(script)", "list", "{id}"],
        failure_codes: [253], environment: { AWAY: "of the runner" } } }, \(more) }
    """
  }

  func note(_ name: String) throws { try Files.write([], to: "\(directory)/\(name)") }
  func remove(_ name: String) { Files.removeTree("\(directory)/\(name)") }
  func has(_ name: String) -> Bool { Files.exists("\(directory)/\(name)") }
  func text(_ name: String) -> String { Files.text("\(directory)/\(name)") }
}
