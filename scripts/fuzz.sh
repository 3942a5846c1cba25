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

run() {
  mkdir -p "$out/corpus-$1"
  echo "== $1"
  "$out/$1" -max_total_time="${FUZZ_SECONDS:-20}" -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 \
    -verbosity=0 "$out/corpus-$1" </dev/null
}

for source in Tests/Fuzz/fuzz_*.c; do
  name=$(basename "$source" .c)
  # The head comment names the files under test.
  read -r -a files <<<"$(sed -n 's,^// sources: ,,p' "$source")"
  "$toolchain/clang" -std=gnu17 -g -O1 -fuse-ld=lld -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -ISources/CPlatform/include -ISources/CJobPlan/include -ISources/CJobWire/include -ISources/CJobCore/loop/include -ISources/CJobCore/http/include -ISources/CJobWire -ISources/CJobCore/http \
    "$source" "${files[@]}" -lssl -lcrypto -o "$out/$name"
  run "$name"
done

# What is written in Swift, with the modules that its head comment names.
for source in Tests/Fuzz/fuzz_*.swift; do
  name=$(basename "$source" .swift)
  flags=(-swift-version 6 -sanitize=fuzzer,address -g -Onone -package-name jobd -parse-as-library -I "$out"
    -I Sources/CPlatform/include)
  archives=()
  for module in $(sed -n 's,^// modules: ,,p' "$source"); do
    "$toolchain/swiftc" "${flags[@]}" -module-name "$module" -emit-module -emit-module-path "$out/$module.swiftmodule" \
      -emit-library -static -o "$out/lib$module.a" Sources/"$module"/*.swift
    archives=("$out/lib$module.a" "${archives[@]}")
  done
  "$toolchain/swiftc" "${flags[@]}" -use-ld=lld "$source" "${archives[@]}" -o "$out/$name"
  run "$name"
done
