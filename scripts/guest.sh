#!/bin/bash
# Tests the Debian packages under systemd in Debian guests: installation, unit, cgroups, kills, reload, upgrade, memory that
# runs out; and power cuts under load.
# usage: guest.sh [CHECK...]   names as below; without any, all are run
# Two throw-away guests share the checks, each taking the next that nobody has; "power" (Tests/Guest/power.sh) has a guest
# of its own. Each line of output is marked with its guest. A table of what each check took ends it.
# GUEST_IMAGE (.build/guest) keeps the guests' image, and GUEST_TIMEOUT (1500) limits all of it, in seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
image=${GUEST_IMAGE:-.build/guest} limit=${GUEST_TIMEOUT:-1500}
# What the packages depend on, and what the checks use.
packages=libevent-core-2.1-7,libsqlite3-0,libssl3,jq,logrotate,needrestart,sqlite3,libpam-systemd,dbus-user-session
# Those that take longest come first.
[ $# -gt 0 ] || set -- power package limits memory operator supervisor_kill stuck hang storm crowd limit_settings socket \
  keeper_kill both_kill keeper_storm unit second

# in_background MARK COMMAND...: each line of its output is marked.
in_background() {
  local mark=$1 out
  shift
  marks+=("$mark")
  exec {out}> >(exec sed -u "s/^/$mark /")
  markers+=($!)
  timeout -k 30 "$limit" "$@" </dev/null >&"$out" 2>&1 &
  tracks+=($!)
  exec {out}>&-
}

# end: whatever ends this script, no guest is left.
end() {
  trap '' INT TERM HUP
  [ ${#tracks[@]} -eq 0 ] || kill "${tracks[@]}" 2>/dev/null || true
  wait || true
  rm -rf "$stage"
}

# table CHECK...: what each took; fails when one was not carried out.
table() {
  local name seconds failed missing=0
  echo "seconds  check"
  for name; do
    seconds='' failed='?'
    read -r seconds failed 2>/dev/null <"$stage/finished/$name" || missing=1
    case $failed in
      0) failed='' ;;
      '?') failed=': NOT CARRIED OUT' ;;
      *) failed=": $failed FAILED" ;;
    esac
    printf '%7s  %s\n' "$seconds" "$name$failed"
  done
  printf '%7s  all\n' "$((SECONDS - start))"
  return "$missing"
}

[ "$(id -u)" -eq 0 ] || { echo "making the guest's image needs root" >&2; exit 1; }
make --no-print-directory deb
# Here, since several guests that start at once would install it side by side, which dpkg's lock forbids.
scripts/install-deps.sh qemu-system-x86 seabios socat openssh-client
mkdir -p "$image"
scripts/vm build --packages "$packages" "$image"

start=$SECONDS tracks=() marks=() markers=() status=0 checks=()
stage=$(mktemp -d /tmp/jobd-guest-XXXXXX)
trap end EXIT
trap 'exit 130' INT TERM HUP
cp .build/deb/*.deb Tests/Guest/*.sh "$stage"
mkdir "$stage/finished" "$stage/taken"
for name; do
  if [ "$name" = power ]; then in_background power Tests/Guest/power.sh "$image" "$stage"; else checks+=("$name"); fi
done
for guest in 1 2; do
  [ "${#checks[@]}" -lt "$guest" ] ||
    VM_MEM=640M in_background "$guest" scripts/vm run "$image" --share "$stage" -- bash /host/checks.sh "${checks[@]}"
done
for track in "${!tracks[@]}"; do
  wait "${tracks[track]}" || { echo "${marks[track]} ended with status $?"; status=1; }
done
tracks=()
wait "${markers[@]}"
table "$@" || status=1
exit "$status"
