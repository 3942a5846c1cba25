#!/bin/bash
# usage: check-binaries.sh DIRECTORY
# Whether jobd, jobd-keeper and jobctl in it are built as what is delivered has to be.
set -euo pipefail
bad=0
complain() {
  echo "$1: $2" >&2
  bad=1
}
for program in jobd jobd-keeper jobctl; do
  file=$1/$program
  dynamic=$(readelf -dW "$file")
  grep -qE 'FLAGS_1.*NOW' <<<"$dynamic" || complain "$file" "symbols are bound late (no -z now)"
  grep -qE 'R(UN)?PATH' <<<"$dynamic" && complain "$file" "libraries are looked for beside it (RUNPATH)"
  grep -q GNU_RELRO <<<"$(readelf -lW "$file")" || complain "$file" "what the loader relocates stays writable (no RELRO)"
  grep -q 'Type:.*DYN' <<<"$(readelf -hW "$file")" || complain "$file" "it has a fixed address (no PIE)"
  grep -qE '__[a-z]+_chk' <<<"$(readelf --dyn-syms -W "$file")" ||
    complain "$file" "calls of the C library are unchecked (no FORTIFY)"
  grep -q 'libstdc++' <<<"$dynamic" && complain "$file" "it loads libstdc++ (see STATIC in the Makefile)"
  # The loader itself is what finds a thread's variables.
  unused=$(ldd -u "$file" 2>/dev/null | grep -E '^\s+/' | grep -v '/ld-linux' || true)
  [ -z "$unused" ] || complain "$file" "linked with libraries it does not use: $unused"
done
exit "$bad"
