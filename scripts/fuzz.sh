#!/bin/bash
# Runs each fuzzer in Tests/Fuzz for FUZZ_SECONDS (20), under AddressSanitizer and UndefinedBehaviorSanitizer.
set -euo pipefail
cd "$(dirname "$0")/.."
export SWIFT_BACKTRACE=enable=no

# The toolchain's own clang: "swift" in PATH may be a link or a chooser of toolchains.
resources=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
toolchain=$(realpath "$resources/../../bin")
out=.build/fuzz
mkdir -p "$out"
for source in Tests/Fuzz/fuzz_*.c; do
  name=$(basename "$source" .c)
  # The head comment names the files under test.
  read -r -a files <<<"$(sed -n 's,^// sources: ,,p' "$source")"
  "$toolchain/clang" -std=gnu17 -g -O1 -fuse-ld=lld -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -ISources/CPlatform/include -ISources/CJobPlan/include -ISources/CJobWire/include -ISources/CJobCore/loop/include -ISources/CJobCore/http/include -ISources/CJobWire -ISources/CJobCore/http \
    "$source" "${files[@]}" -lssl -lcrypto -o "$out/$name"
  mkdir -p "$out/corpus-$name"
  echo "== $name"
  "$out/$name" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
    -verbosity=0 "$out/corpus-$name" </dev/null
done
