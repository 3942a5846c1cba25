#!/bin/bash
# Tests the Debian packages under systemd in a throw-away Debian guest: installation, unit, cgroups, kills, reload, upgrade,
# memory that runs out.
# usage: guest.sh [CHECK...]   the names of checks are in Tests/Guest/checks.sh; without any, all are run
# GUEST_IMAGE (.build/guest) keeps the guest's image, and GUEST_TIMEOUT (1800) limits the checks, in seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${GUEST_IMAGE:-.build/guest}
# What the packages depend on, and what the checks use.
packages=libevent-core-2.1-7,libsqlite3-0,libssl3,jq,logrotate,needrestart

[ "$(id -u)" -eq 0 ] || { echo "making the guest's image needs root" >&2; exit 1; }
make --no-print-directory deb
mkdir -p "$image"
scripts/vm build --packages "$packages" "$image"

stage=$(mktemp -d /tmp/jobd-guest-XXXXXX)
trap 'rm -rf "$stage"' EXIT
cp .build/deb/*.deb Tests/Guest/*.sh "$stage"
VM_MEM=1G scripts/vm run "$image" --share "$stage" -- timeout "${GUEST_TIMEOUT:-1800}" bash /host/checks.sh "$@" </dev/null
