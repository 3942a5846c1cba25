#!/bin/bash
# Builds, makes certificates, starts jobd on its defaults, runs real jobs and shows what happened.
# usage: demo.sh [--stop]   --stop ends the daemon of the last demo and removes all it made
set -euo pipefail
cd "$(dirname "$0")/.."

demo=$PWD/.demo
pki=$demo/pki
log=$demo/jobd.log
# The settings of whoever runs this are not the demo's.
unset "${!JOBD_@}" "${!JOBCTL_@}"

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }

fail() {
  printf 'the demo failed: %s\n' "$1" >&2
  if [ -f "$log" ]; then printf 'the end of %s:\n' "$log" >&2 && tail -n 20 "$log" >&2; fi
  stop
  exit 1
}

# A command line as one would type it.
typed() {
  local word line=
  for word in "${@/#"$bin/"/}"; do
    case $word in
      *[!A-Za-z0-9_./:=@%+,-]*) line+=" '$word'" ;;
      *) line+=" $word" ;;
    esac
  done
  printf '%s' "${line# }"
}

# Shows a command and runs it; another exit status than the first argument ends the demo.
show() {
  local expected=$1 status=0
  shift
  printf '$ %s\n' "$(typed "$@")"
  "$@" </dev/null || status=$?
  if [ "$status" -ne 0 ]; then printf '(exit status %s)\n' "$status"; fi
  [ "$status" -eq "$expected" ] || fail "the exit status should have been $expected"
}

# Ends the daemon of this or an earlier demo: the process in the pid file, if that is still a jobd on the demo's state.
stop() {
  local pid state
  pid=$(cat "$demo/jobd.pid" 2>/dev/null) && state=$(cat "$demo/state" 2>/dev/null) || return 0
  if tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF "$state/state"; then
    kill "$pid"
    for _ in $(seq 300); do [ -d "/proc/$pid" ] && sleep 0.1 || break; done
  fi
  case $state in /tmp/jobd-demo-*) rm -rf "$state" ;; esac
  rm -f "$demo/jobd.pid" "$demo/state"
}

# Starts jobd and waits until it listens; more options may be given.
start() {
  "$bin/jobd" --state-directory "$state/state" --certificate-file "$pki/server.crt" --key-file "$pki/server.key" \
    --client-ca-file "$pki/ca.crt" --secrets-key-file "$state/secrets.key" "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$demo/jobd.pid"
  for _ in $(seq 300); do
    address=$(sed -n 's/.* event=listening address=//p' "$log")
    if [ -n "$address" ]; then return 0; fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

if [ "${1:-}" = --stop ]; then
  stop
  rm -rf "$demo"
  exit 0
fi

say "1. Build (the first time takes a minute or two)"
make --no-print-directory build
bin=$(swift build -c release --static-swift-stdlib --show-bin-path)

say "2. Certificates: an authority, the server's, and two clients'"
stop
rm -rf "$demo" || fail "$demo is somebody else's: remove it first"
mkdir -p "$pki"
show 0 "$bin/jobctl" ca init --dir "$pki"
show 0 "$bin/jobctl" ca server --dir "$pki" --host localhost --host 127.0.0.1
echo jobd >"$pki/password"
show 0 "$bin/jobctl" ca client --dir "$pki" --pkcs12 "$pki/alice.p12" --pkcs12-password-file "$pki/password" alice
show 0 "$bin/jobctl" ca client --dir "$pki" bob

say "3. Start jobd: 127.0.0.1:7443, all else as it is built in"
# An unprivileged api process must reach the state directory, and the checkout may be anybody's own.
state=$(mktemp -d /tmp/jobd-demo-XXXXXX)
chmod 755 "$state"
echo "$state" >"$demo/state"
if ! start; then
  grep -qi 'address already in use' "$log" || fail "jobd did not start"
  echo "port 7443 is taken on this machine: any free one instead"
  start --listen 127.0.0.1:0 || fail "jobd did not start"
fi
cat "$log"

export JOBCTL_CONFIG=$demo/jobctl.json
jobctl=$bin/jobctl
for client in alice bob; do
  "$jobctl" config set --profile "$client" --server "$address" --ca "$pki/ca.crt" --cert "$pki/$client.crt" --key "$pki/$client.key"
done
show 0 "$jobctl" config use alice
show 0 "$jobctl" config

say "4. Run commands over TLS 1.3: output comes as it is written, the exit code is the job's"
show 0 "$jobctl" run uname -sr
show 3 "$jobctl" run sh -c 'echo to stdout; echo to stderr >&2; exit 3'
echo '$ echo hello from a pipe | jobctl run tr a-z A-Z'
echo hello from a pipe | "$jobctl" run tr a-z A-Z || fail "no standard input"
show 127 "$jobctl" run no-such-program

say "5. Start a job, look at it, stop it: record and output stay"
echo '$ id=$(jobctl start --label stage=demo sh -c "for i in 1 2 3; do echo step \$i; sleep 0.3; done; exec sleep 1000")'
id=$("$jobctl" start --label stage=demo sh -c 'for i in 1 2 3; do echo step $i; sleep 0.3; done; exec sleep 1000')
show 0 "$jobctl" ps
for _ in $(seq 300); do "$jobctl" output "$id" | grep -q 'step 3' && break || sleep 0.1; done
show 0 "$jobctl" logs "$id"
show 0 "$jobctl" stop "$id"
show 0 "$jobctl" ps --all

say "6. Bob is another client: he sees none of it"
show 0 "$jobctl" ps --all --profile bob
show 123 "$jobctl" status --profile bob "$id"

say "7. Kill the process that talks to the network: the job goes on, and so does the client that follows it"
api=$(sed -n 's/.*event=api_started pid=//p' "$log" | tail -n 1)
(sleep 0.5; kill -9 "$api") &
show 0 "$jobctl" run sh -c 'echo before; sleep 1.5; echo after'
grep -E 'api_died|api_started' "$log" | tail -n 2

say "8. Kill the process that owns the jobs: another one goes on with those that have run for a second"
supervisor=$(sed -n 's/.*event=starting .*pid=\([0-9]*\).*/\1/p' "$log" | tail -n 1)
(sleep 1.5; kill -9 "$supervisor") &
show 9 "$jobctl" run sh -c 'echo before; sleep 3; echo after; exit 9'
grep supervisor_died "$log"
show 0 "$bin/jobd" status --state-directory "$state/state"

cat <<END

What happened: jobd (process $pid) runs jobs for clients with a certificate of the authority made above. Its log is
$log, its state is below $state.

It is still running; "make demo-stop" ends it and removes what the demo made. Type next:

  export JOBCTL_CONFIG=$JOBCTL_CONFIG PATH=$bin:\$PATH
  jobctl run echo hello

Or look at it in a browser: import $pki/alice.p12 (its password: jobd)
as your certificate and $pki/ca.crt as an authority (docs/page.md says where), and open

  https://localhost:${address##*:}/
END
