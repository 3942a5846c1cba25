#!/bin/bash
# Holds the real daemon against docs/openapi.yaml with schemathesis: bounded, with a fixed seed, no failure allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
version=4.32.5
venv=.build/schemathesis-$version
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "schemathesis==$version" </dev/null
fi

# As the tests are built, so that nothing is built twice.
flags=(-Xswiftc -warnings-as-errors -Xswiftc -use-ld=lld -Xcc -Wall -Xcc -Wextra -Xcc -Werror
  --explicit-target-dependency-import-check error)
swift build --product jobd "${flags[@]}"
swift build --product jobd-keeper "${flags[@]}"
swift build --product jobctl "${flags[@]}"
bin=$(swift build --show-bin-path)
scratch=$(mktemp -d /tmp/jobd-api-check-XXXXXX)
chmod 755 "$scratch"
daemon=
cleanup() {
  [ -z "$daemon" ] || { kill "$daemon" && wait "$daemon" || true; }
  rm -rf "$scratch"
}
trap cleanup EXIT

"$bin/jobctl" ca init --dir "$scratch/pki" >/dev/null
"$bin/jobctl" ca server --dir "$scratch/pki" --host localhost --host 127.0.0.1 >/dev/null
"$bin/jobctl" ca client --dir "$scratch/pki" alice >/dev/null
echo '{}' >"$scratch/jobd.json5"
# Requests are made up, and so are their users: short times keep what they start from staying.
"$bin/jobd" --config "$scratch/jobd.json5" --listen 127.0.0.1:0 --state-directory "$scratch/state" --grace 100ms --metrics-clients alice \
  --certificate-file "$scratch/pki/server.crt" --key-file "$scratch/pki/server.key" \
  --client-ca-file "$scratch/pki/ca.crt" 2>"$scratch/log" </dev/null &
daemon=$!
for _ in $(seq 100); do
  grep -q event=listening "$scratch/log" && break
  sleep 0.1
done
port=$(sed -n 's/.*event=listening address=127.0.0.1://p' "$scratch/log")
[ -n "$port" ] || { cat "$scratch/log" >&2; exit 1; }

# Not checked: that every request the description allows is accepted. What a pattern cannot say (one of three members,
# users of this host, a job that runs) is refused, and that is tested elsewhere.
SCHEMATHESIS_HOOKS=api_check_hooks PYTHONPATH=scripts "$venv/bin/schemathesis" run "https://localhost:$port/openapi.json" \
  --tls-verify "$scratch/pki/ca.crt" --request-cert "$scratch/pki/alice.crt" --request-cert-key "$scratch/pki/alice.key" \
  --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-15}" --seed 1 --workers 1 --max-time 120 \
  --request-timeout 20 --exclude-checks positive_data_acceptance,missing_required_header </dev/null
if grep -E 'level=error|event=api_died' "$scratch/log"; then
  echo "the daemon's log has errors" >&2
  exit 1
fi
