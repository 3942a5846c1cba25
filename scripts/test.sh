#!/bin/bash
# Builds and runs the tests: all of them, or with a sanitizer those of the C core and the service.
# usage: test.sh [address|thread]   address: undefined behaviour of the C targets is trapped too
set -euo pipefail
cd "$(dirname "$0")/.."

flags=(-Xswiftc -warnings-as-errors -Xswiftc -use-ld=lld -Xcc -Wall -Xcc -Wextra -Xcc -Werror
  --explicit-target-dependency-import-check error)
log=$(mktemp)
trap 'rm -f "$log"' EXIT

case "${1:-}" in
  "")
    swift build --build-tests "${flags[@]}"
    command=(swift test --skip-build "${flags[@]}")
    ;;
  address | thread)
    # A process that must not be traced cannot be searched for leaks; what leaks is found by the tests that count.
    export ASAN_OPTIONS=detect_leaks=0 TSAN_OPTIONS=halt_on_error=1
    [ "$1" = thread ] || flags+=(-Xcc -fsanitize=undefined -Xcc -fsanitize-trap=undefined)
    command=(swift test --scratch-path ".build/$1" --sanitize "$1" "${flags[@]}" --skip EndToEndTests)
    ;;
  *)
    echo "usage: $0 [address|thread]" >&2
    exit 2
    ;;
esac

"${command[@]}" </dev/null 2>&1 | tee "$log"
if grep -E '^[^ ]+ (Test|Suite) .* skipped' "$log"; then
  if [ "$(id -u)" -eq 0 ]; then
    echo "a test was skipped: that is a failure" >&2
    exit 1
  fi
  echo "what needs root (a full disk, other users) was skipped: run the tests as root for all of them" >&2
fi
grep -qE 'Test run with [1-9][0-9]* tests? .*passed' "$log" || { echo "no test was run" >&2; exit 1; }
