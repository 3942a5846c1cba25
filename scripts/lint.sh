#!/bin/bash
# What the compilers do not check: manual pages, shell scripts, and that generated files are what they are made of.
set -euo pipefail
cd "$(dirname "$0")/.."

for page in docs/man/*.[1-8]; do
  mandoc -Tlint -Wwarning "$page"
done
for script in scripts/*.sh .ci/run; do
  bash -n "$script"
done
scripts/openapi.py --check
