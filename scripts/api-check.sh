#!/bin/bash
# Holds docs/openapi.yaml against OpenAPI's own rules, and the real daemon against it: with a client that is generated from
# it, and with schemathesis: bounded, with a fixed seed, no failure allowed.
set -euo pipefail
cd "$(dirname "$0")/.."
schemathesis=4.32.5 validator=0.9.0 generator=0.29.1
# venv DIRECTORY PACKAGE...: the packages of PyPI in a place of their own, made once.
venv() {
  [ ! -e "$1/complete" ] || return 0
  rm -rf "$1"
  python3 -m venv "$1"
  "$1/bin/pip" install -q --disable-pip-version-check "${@:2}" </dev/null
  touch "$1/complete"
}
venv=.build/schemathesis-$schemathesis
tools=.build/openapi-$validator-$generator
venv "$venv" "schemathesis==$schemathesis"
venv "$tools" "openapi-spec-validator==$validator" "openapi-python-client==$generator"
"$tools/bin/openapi-spec-validator" docs/openapi.yaml

# As the tests are built, so that nothing is built twice.
flags=(-Xswiftc -warnings-as-errors -Xswiftc -use-ld=lld -Xcc -Wall -Xcc -Wextra -Xcc -Werror
  --explicit-target-dependency-import-check error)
swift build --product jobd "${flags[@]}"
swift build --product jobd-keeper "${flags[@]}"
swift build --product jobctl "${flags[@]}"
bin=$(swift build --show-bin-path)
scratch=$(mktemp -d /tmp/jobd-api-check-XXXXXX)
chmod 755 "$scratch"
mkdir "$scratch/client"
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
"$bin/jobd" --config "$scratch/jobd.json5" --listen 127.0.0.1:0 --state-directory "$scratch/state" --grace 100ms --client-role operator \
  --certificate-file "$scratch/pki/server.crt" --key-file "$scratch/pki/server.key" \
  --client-ca-file "$scratch/pki/ca.crt" 2>"$scratch/log" </dev/null &
daemon=$!
for _ in $(seq 100); do
  grep -q event=listening "$scratch/log" && break
  sleep 0.1
done
port=$(sed -n 's/.*event=listening address=127.0.0.1://p' "$scratch/log")
[ -n "$port" ] || { cat "$scratch/log" >&2; exit 1; }

"$tools/bin/openapi-python-client" generate --path docs/openapi.yaml --output-path "$scratch/client/jobd_client" --meta none \
  --overwrite >"$scratch/generated" 2>&1 || { cat "$scratch/generated" >&2; exit 1; }
PYTHONPATH="$scratch/client" "$tools/bin/python" scripts/api_client_check.py "https://localhost:$port" "$scratch/pki/ca.crt" \
  "$scratch/pki/alice.crt" "$scratch/pki/alice.key"

# A target that is too long is refused whatever is in it.
cat >"$scratch/schemathesis.toml" <<'END'
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 414, 415, 422, 428, 429, "5xx"]
END

# Not checked: that every request the description allows is accepted. What a pattern cannot say (one of three members,
# users of this host, a job that runs) is refused, and that is tested elsewhere.
SCHEMATHESIS_HOOKS=api_check_hooks PYTHONPATH=scripts "$venv/bin/schemathesis" \
  --config-file "$scratch/schemathesis.toml" run "https://localhost:$port/openapi.json" \
  --tls-verify "$scratch/pki/ca.crt" --request-cert "$scratch/pki/alice.crt" --request-cert-key "$scratch/pki/alice.key" \
  --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-15}" --seed 1 --workers 1 --max-time 120 \
  --request-timeout 20 --exclude-checks positive_data_acceptance,missing_required_header </dev/null
if grep -E 'level=error|event=api_died' "$scratch/log"; then
  echo "the daemon's log has errors" >&2
  exit 1
fi
