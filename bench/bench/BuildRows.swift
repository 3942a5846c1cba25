/// A build each command of which is a job: what a build that is sent to another host pays beside the network.
extension Bench {
  func buildRows() throws -> [Row] {
    let count = options.quick ? 10 : 40
    let directory = path("build")
    try writeProject(directory, files: count)
    let jobd = try Jobd(self, state: "build-jobs")
    let (remote, local) = try interleaved {
      try build(directory, files: count, asJobsOf: jobd)
    } _: {
      try build(directory, files: count)
    }
    try jobd.stop()
    return [
      Row(
        "make -j4 of \(count) C files, each recipe through jobctl run --rm", unit: "s", remote,
        over: "plain make -j4", local, goal: .none)
    ]
  }

  /// Seconds; what was built has to work.
  private func build(_ directory: String, files: Int, asJobsOf jobd: Jobd? = nil) throws -> Double {
    let make = ["make", "-s", "-C", directory]
    try Child.run(make + ["clean"])
    var command = make + ["-j4"]
    if let jobd {
      let pki = pki.directory
      command =
        [
          "env", "JOBCTL_SERVER=127.0.0.1:\(jobd.port)", "JOBCTL_CA=\(pki)/ca.crt",
          "JOBCTL_CERT=\(pki)/bench.crt", "JOBCTL_KEY=\(pki)/bench.key",
        ] + command
        + ["SHELL=\(programs)/jobctl", ".SHELLFLAGS=run --rm --cwd $(CURDIR) /bin/sh -c"]
    }
    let seconds = try Child.run(command).usage.wall
    let text = try Child.run(["\(directory)/program"]).text
    guard text == "\(files)\n" else { throw BenchFailure("the program that was built prints \(text)") }
    return seconds
  }

  private func writeProject(_ directory: String, files: Int) throws {
    try Files.makeDirectory(directory)
    for number in 0..<files {
      try Files.write(part(number), to: "\(directory)/part\(number).c")
    }
    let calls = (0..<files).map { "part\($0)()" }.joined(separator: " + ")
    let declarations = (0..<files).map { "int part\($0)(void);\n" }.joined()
    try Files.write(
      "#include <stdio.h>\n\(declarations)int main(void) { return printf(\"%d\\n\", \(calls)) < 0; }\n",
      to: "\(directory)/main.c")
    try Files.write(
      """
      CFLAGS = -O2
      objects = $(patsubst %.c,%.o,$(wildcard *.c))
      program: $(objects)
      \t$(CC) -o $@ $(objects)
      clean:
      \trm -f program $(objects)

      """, to: "\(directory)/Makefile")
  }

  /// A file as a small program has them: some headers, some functions. Its last one returns 1.
  private func part(_ number: Int) -> String {
    let functions = (0..<20).map { index in
      """
      static int count\(index)(const char *text, char wanted)
      {
          int count = \(index);
          char *copy = strdup(text);
          for (char *at = strchr(copy, wanted); at != NULL; at = strchr(at + 1, wanted))
              count += toupper((unsigned char)*at) == wanted - 32;
          free(copy);
          return count - \(index);
      }

      """
    }
    let sum = (0..<20).map { "count\($0)(\"\(number) files\", 'f')" }.joined(separator: " * ")
    return "#include <ctype.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
      + functions.joined() + "int part\(number)(void) { return \(sum); }\n"
  }
}
