#!/bin/bash
# Builds and runs the tests: all of them, or with a sanitizer those of the C core and the service.
# usage: test.sh [address|thread]   address: undefined behaviour of the C targets is trapped too
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-Xswiftc -warnings-as-errors -Xswiftc -use-ld=lld -Xcc -Wall -Xcc -Wextra -Xcc -Werror
  --explicit-target-dependency-import-check error)
selection=()
case "${1:-}" in
  "") ;;
  address | thread)
    flags+=(--scratch-path ".build/$1" --sanitize "$1")
    [ "$1" = thread ] || flags+=(-Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined)
    # A process that must not be traced cannot be searched for leaks; what leaks is found by the tests that count.
    export ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1
    selection=(--skip EndToEndTests)
    ;;
  *)
    echo "usage: $0 [address|thread]" >&2
    exit 2
    ;;
esac

swift build --build-tests "${flags[@]}"
tests=$(swift build --show-bin-path "${flags[@]}")/jobdPackageTests.xctest
logs=$(mktemp -d)
running=() writers=()
end() {
  [ ${#running[@]} -eq 0 ] || kill "${running[@]}" 2>/dev/null || true
  rm -rf "$logs"
}
trap end EXIT
trap 'exit 130' INT TERM HUP

# Two halves side by side, since tests wait most of their time: suites of the first letters of the alphabet, and the others.
for half in filter skip; do
  exec {log}> >(exec tee "$logs/$half")
  writers+=($!)
  # What a shell starts in the background ignores INT and QUIT, and so would what the tests start.
  env --default-signal=INT,QUIT "$tests" --testing-library swift-testing "--$half" '^[^.]*\.[A-J]' "${selection[@]}" \
    </dev/null >&"$log" 2>&1 {log}>&- &
  running+=($!)
  exec {log}>&-
done
failed=0
for half in "${running[@]}"; do wait "$half" || failed=1; done
running=()
# Their last lines are in the logs only then.
wait "${writers[@]}"

if grep -hE '^[^ ]+ (Test|Suite) .* skipped' "$logs"/*; then
  if [ "$(id -u)" -eq 0 ]; then
    echo "a test was skipped: that is a failure" >&2
    exit 1
  fi
  echo "what needs root (a full disk, other users) was skipped: run the tests as root for all of them" >&2
fi
for log in "$logs"/*; do
  grep -hE 'Test run with [1-9][0-9]* tests? .*passed' "$log" || failed=1
done
[ "$failed" -eq 0 ] || { echo "tests failed, or none was run: look for the lines with a cross" >&2; exit 1; }
