#!/bin/bash
# Builds, makes certificates, starts jobd on its defaults, runs real jobs and shows what happened.
set -euo pipefail
cd "$(dirname "$0")/.."

demo=$PWD/.demo
pki=$demo/pki
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }
show() {
  printf '$ %s\n' "$*"
  "$@" || printf '(exit status %s)\n' "$?"
}

say "1. Build (the first time takes a few minutes)"
make --no-print-directory build
bin=$(swift build -c release --static-swift-stdlib --show-bin-path)

say "2. Certificates: an authority, the server's, and two clients'"
# A demo that runs still is ended first: it would have the port.
if [ -f "$demo/jobd.pid" ]; then kill "$(cat "$demo/jobd.pid")" 2>/dev/null && sleep 1 || true; fi
rm -rf "$demo"
mkdir -p "$pki"
chmod 755 "$demo" "$pki"
show "$bin/jobctl" ca init --dir "$pki"
show "$bin/jobctl" ca server --dir "$pki" --host localhost --host 127.0.0.1
show "$bin/jobctl" ca client --dir "$pki" alice
show "$bin/jobctl" ca client --dir "$pki" bob

say "3. Start jobd: 127.0.0.1:7443, all else as it is built in"
# An unprivileged api process must reach the state directory, and the checkout may be anybody's own.
state=$(mktemp -d /tmp/jobd-demo-XXXXXX)
chmod 755 "$state"
"$bin/jobd" --state-directory "$state/state" --certificate-file "$pki/server.crt" --key-file "$pki/server.key" \
  --client-ca-file "$pki/ca.crt" 2>"$demo/jobd.log" </dev/null &
pid=$!
echo $pid >"$demo/jobd.pid"
for _ in $(seq 100); do
  grep -q event=listening "$demo/jobd.log" && break
  kill -0 $pid 2>/dev/null || break
  sleep 0.1
done
if ! grep -q event=listening "$demo/jobd.log"; then
  echo "jobd did not start:" >&2
  cat "$demo/jobd.log" >&2
  exit 1
fi
cat "$demo/jobd.log"

export JOBCTL_CONFIG=$demo/jobctl.json
jobctl=("$bin/jobctl")
show "${jobctl[@]}" config set --server localhost:7443 --ca "$pki/ca.crt" --cert "$pki/alice.crt" --key "$pki/alice.key"
show "${jobctl[@]}" config set --profile bob --server localhost:7443 --ca "$pki/ca.crt" --cert "$pki/bob.crt" --key "$pki/bob.key"

say "4. Run commands over TLS 1.3: output comes as it is written, the exit code is the job's"
show "${jobctl[@]}" run uname -sr
show "${jobctl[@]}" run sh -c 'echo to stdout; echo to stderr >&2; exit 3'
echo 'hello from a pipe' | "${jobctl[@]}" run tr a-z A-Z
show "${jobctl[@]}" run no-such-program

say "5. Start a job, look at it, follow it, stop it"
printf '$ jobctl start sh -c "..."\n'
id=$("${jobctl[@]}" start --label stage=demo sh -c 'for i in 1 2 3; do echo step $i; sleep 0.3; done; exec sleep 1000')
echo "$id"
show "${jobctl[@]}" ps
sleep 1.2
show "${jobctl[@]}" output "$id"
show "${jobctl[@]}" stop "$id"
show "${jobctl[@]}" ps --all

say "6. Bob is another client: he sees none of it"
show "${jobctl[@]}" ps --all --profile bob
show "${jobctl[@]}" status --profile bob "$id"

say "7. Kill the process that talks to the network: the job goes on, and so does the client that follows it"
api=$(sed -n 's/.*event=api_started pid=//p' "$demo/jobd.log" | tail -1)
(sleep 0.5; kill -9 "$api") &
show "${jobctl[@]}" run sh -c 'echo before; sleep 1.5; echo after'
grep -E 'api_died|api_started' "$demo/jobd.log" | tail -2

cat <<END

What happened: jobd (pid $pid) runs jobs for clients with a certificate of the authority made above. Its log is
$demo/jobd.log, its state is below $state.

It is still running. Type next:

  export JOBCTL_CONFIG=$JOBCTL_CONFIG PATH=$bin:\$PATH
  jobctl run echo hello

and, when you have seen enough:  kill $pid && rm -rf $state
END
