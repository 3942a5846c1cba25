#!/bin/bash
# Cuts the power of a guest under load, again and again: SIGKILL of qemu, while what nobody synced is held back in the
# guest's memory. After each cut judge.py holds what the daemon has against a ledger outside of the guest.
# usage: power.sh IMAGE STAGE   scripts/vm's image; a directory with the packages and Tests/Guest. Status 0: no violation
# POWER_CUTS (5). POWER_UNSYNCED=1 keeps the daemon from syncing anything: there must be violations then.
set -euo pipefail
cd "$(dirname "$0")/../.."
image=$1 stage=$2
vm=scripts/vm load=Tests/Guest/power/load.py judge=Tests/Guest/power/judge.py
export PYTHONDONTWRITEBYTECODE=1

in_guest() { $vm exec "$image" -- "$@"; }

# What is lost with the first cut would be the installation, so it is synced.
install() {
  (cd "$stage" && tar c ./*.deb ./*.sh) | in_guest tar x -C /host
  in_guest bash /host/checks.sh served
  [ -z "${POWER_UNSYNCED-}" ] || keep_from_syncing
  in_guest tar c -C /etc/jobd/pki ca.crt guest.crt guest.key | tar x -C "$work"
  in_guest sync
}

keep_from_syncing() {
  local unit=/etc/systemd/system/jobd.service.d
  echo 'int fsync(int f) { return f < 0; } int fdatasync(int f) { return f < 0; }' >"$work/unsynced.c"
  cc -shared -fPIC -o "$work/unsynced.so" "$work/unsynced.c"
  in_guest tee /usr/lib/unsynced.so <"$work/unsynced.so" >/dev/null
  in_guest sh -c "mkdir $unit && printf '[Service]\nEnvironment=LD_PRELOAD=/usr/lib/unsynced.so\n' >$unit/unsynced.conf"
  in_guest sh -c 'systemctl daemon-reload && systemctl restart jobd'
}

# cut: a load, for as long as it takes to have jobs in every state, and the end of it.
cut() {
  python3 "$load" "$work/ledger" "$port" "$work" &
  loading=$!
  sleep "$((12 + RANDOM % 10)).$((RANDOM % 1000))"
  kill -0 "$loading" || { echo "FAIL  the load ended before the power was cut"; return 1; }
  $vm kill9 "$image"
  wait "$loading"
  loading=
}

end() {
  [ -z "$loading" ] || kill "$loading" 2>/dev/null || true
  $vm kill9 "$image" 2>/dev/null || true
  rm -rf "$work" "$image/disk.img"
}

start=$SECONDS loading=
work=$(mktemp -d /tmp/jobd-power-XXXXXX)
trap end EXIT
trap 'exit 130' INT TERM HUP
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
rm -f "$image/disk.img"
$vm up --strict "$image"
install
failed=0
$vm forward "$image" -- "$port" 7443
for ((n = 1; n <= ${POWER_CUTS:-5}; n++)); do
  cut
  $vm up --strict "$image"
  $vm forward "$image" -- "$port" 7443
  python3 "$judge" "$work/ledger" "$port" "$work" || failed=$((failed + 1))
  damage=$(in_guest sqlite3 -readonly /var/lib/jobd/jobd.db 'PRAGMA integrity_check')
  [ "$damage" = ok ] || { echo "VIOLATION  the database: $damage"; failed=$((failed + 1)); }
  echo "cut $n: $((SECONDS - start)) s"
done
if [ "$failed" -gt 0 ]; then
  cp "$work/ledger" "$image/ledger"
  echo "$failed verdicts with violations; the ledger is $image/ledger"
fi
echo "$((SECONDS - start)) $failed" >"$stage/finished/power"
exit $((failed > 0))
