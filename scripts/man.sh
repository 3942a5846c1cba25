#!/bin/bash
# Writes the manual pages, which the programs hold, to a directory. usage: man.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."

built=$(swift build -c release --static-swift-stdlib --show-bin-path)
mkdir -p "$1"
"$built/jobctl" manual >"$1/jobctl.1"
"$built/jobd" manual jobd.8 >"$1/jobd.8"
"$built/jobd" manual jobd.json5.5 >"$1/jobd.json5.5"
