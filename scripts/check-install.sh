#!/bin/bash
# Installs into a directory and looks at what came of it.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
scripts/install.sh "$root" /usr >/dev/null

complain() {
  echo "make install: $1" >&2
  exit 1
}
# Where /usr is merged these are links, and what is unpacked over them would take their place.
for link in bin lib sbin; do [ ! -e "$root/$link" ] || complain "it makes a directory /$link"; done
for file in sbin/jobd sbin/jobd-keeper bin/jobctl lib/systemd/system/jobd.service lib/systemd/system/jobd.socket lib/systemd/user/jobd.service \
  lib/sysusers.d/jobd.conf share/man/man8/jobd.8 share/man/man1/jobctl.1 share/bash-completion/completions/jobctl; do
  [ -e "$root/usr/$file" ] || complain "/usr/$file is missing"
done
grep -rq '@PREFIX@' "$root" && complain "a path was not filled in"
# A manager of a user's has no right to give more, or to take it away (218/CAPABILITIES).
grep -qE '^(OOMScoreAdjust|LimitNOFILE|Protect|Private|Capabilit|Ambient|User=)' "$root/usr/lib/systemd/user/jobd.service" &&
  complain "the user's unit asks for what a user may not have"
# It would give jobs a mount namespace of their own, or take calls away from them.
grep -qE '^(Protect|Private|ReadOnly|Inaccessible|SystemCall|Restrict)' "$root/usr/lib/systemd/system/jobd.service" &&
  complain "the unit takes something away from jobs"
[ "$(id -u)" -ne 0 ] || [ -e "$root/etc/jobd/jobd.json5" ] || complain "/etc/jobd/jobd.json5 is missing"
