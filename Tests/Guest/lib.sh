# What the checks are made of: how they are told, jobs, and the daemon's processes. Sourced by checks.sh, in the guest.
# shellcheck shell=bash

export JOBCTL_SERVER=127.0.0.1:7443 JOBCTL_CA=/etc/jobd/pki/ca.crt
export JOBCTL_CERT=/etc/jobd/pki/guest.crt JOBCTL_KEY=/etc/jobd/pki/guest.key

cgroup=/sys/fs/cgroup/system.slice/jobd.service
scratch=/run/guest
failures=0
began=0
section=

# check WHAT COMMAND...: tells whether the command succeeds, and if not what it wrote.
check() {
  local what=$1
  shift
  if "$@" >"$scratch/said" 2>&1; then
    echo "ok    $section: $what"
    return 0
  fi
  failures=$((failures + 1))
  echo "FAIL  $section: $what"
  head -n 20 "$scratch/said" | sed 's/^/      | /'
  return 1
}

note() { echo "      $section: $*"; }

is() { [ "$1" = "$2" ] || { echo "\"$1\", and should be \"$2\""; return 1; }; }
fails() { if "$@"; then echo "succeeded: $*"; return 1; fi; }

# await SECONDS COMMAND...: tries until it succeeds.
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { echo "not in time: $*"; return 1; }
    sleep 0.1
  done
}

now_ms() { local now=${EPOCHREALTIME/[.,]/}; echo $((now / 1000)); }

# --- the daemon

keeper() { systemctl show -P MainPID jobd; }
supervisor_of() { pgrep -P "$1" -f '^([^ ]*/)?jobd supervisor'; }
supervisor() { supervisor_of "$(keeper)"; }
api() { pgrep -P "$(supervisor)" -f '^([^ ]*/)?jobd api'; }
# kill_now PID...: 0, or none, is no process's.
kill_now() {
  local pid
  for pid; do [ "${pid:-0}" -gt 1 ] || { check "there is a process to kill" false; return; }; done
  kill -9 "$@"
}
answers() { jobctl ps --limit 1 -q --reply-timeout 20s; }
is_active() { is "$(systemctl is-active jobd)" active && is "$(ps -o comm= -p "$(keeper)")" jobd-keeper; }
is_other() { local pid; pid=$("$1") && [ "${pid:-0}" -gt 1 ] && [ "$pid" != "$2" ]; }
serves() { is_active && is "$(jobctl run --rm echo hello)" hello; }

# Whether the journal of the unit since the check began has a text.
journal_has() { journalctl -q -u jobd --since "@$began" -o cat | grep -E "$1"; }

# time_of COMMAND...: in ms, on stdout; its status is that of the command.
time_of() {
  local start status=0
  start=$(now_ms)
  "$@" >/dev/null 2>&1 || status=$?
  echo $(($(now_ms) - start))
  return "$status"
}

# --- jobs

# Writes numbered lines until it is told to end, then how many there were; exits with its argument.
# shellcheck disable=SC2016
numbered='n=0
until [ -e /run/guest/go ]; do
  for i in 1 2 3 4 5 6 7 8 9 10; do n=$((n + 1)); echo "line $n"; echo "error $n" >&2; done
  sleep 3
done
echo "$n lines"; exit "$1"'
# Ends in order, with a word and a status of its own.
# shellcheck disable=SC2016
polite='trap "echo bye; exit 7" TERM; echo hello; sleep 86399 & while :; do wait; done'
# Ends by KILL alone, and has a child in a session of its own.
stubborn='trap "" TERM; echo hello; setsid sleep 86399 & while :; do sleep 1; done'

# Starts numbered jobs with the exit codes 1 to COUNT; their ids are in the array `jobs`. Returns when all have run for
# longer than a second.
start_numbered() {
  local i
  rm -f "$scratch/go"
  jobs=()
  for i in $(seq "$1"); do jobs[i]=$(jobctl start sh -c "$numbered" guest-job "$i") || return 1; done
  have_run "$1"
}
# have_run COUNT: waits until so many jobs run that outlive their supervisor: a second is promised, and supervisors may be late.
have_run() { await 60 have_started "$1" && sleep 2; }
have_started() { is "$(jobctl ps -o json | jq -s 'map(select(.started)) | length')" "$1"; }

# Two clients run jobs without pause until end_clients, each with a word and an exit code of its own.
start_clients() {
  rm -f "$scratch/served" "$scratch"/client-*
  clients=()
  for client in 1 2; do
    run_jobs "$client" >"$scratch/client-$client" &
    clients+=($!)
  done
}
# run_jobs CLIENT: a line for each job that was refused or came out wrong, then how many there were.
run_jobs() {
  local n=0 said status
  until [ -e "$scratch/served" ]; do
    n=$((n + 1)) status=0
    # shellcheck disable=SC2016
    said=$(jobctl run sh -c 'echo "job $0"; exit "$1"' "$1-$n" $((n % 100)) 2>&1) || status=$?
    [ "$said $status" = "job $1-$n $((n % 100))" ] || echo "job $1-$n: $said, $status"
  done
  echo "$n jobs"
}
end_clients() {
  touch "$scratch/served"
  wait "${clients[@]}"
  note "meanwhile: $(sed -n '$p' "$scratch"/client-* | tr '\n' ' ')"
  check "no job was refused, each result is right" is "$(grep -hvE '^[1-9][0-9]* jobs$' "$scratch"/client-*)" ''
}

start_others() {
  polite_job=$(jobctl start sh -c "$polite" guest-job) &&
    stubborn_job=$(jobctl start --grace 2s sh -c "$stubborn" guest-job) &&
    plain_job=$(jobctl start sleep 86399) && await 60 said_hello "$polite_job" && await 60 said_hello "$stubborn_job"
}
said_hello() { is "$(jobctl output "$1")" hello; }

of_job() { jobctl inspect -o json "$1" | jq -r "$2"; }

# Ends the numbered jobs, and compares all that is known of them with what must be.
check_numbered() {
  touch "$scratch/go"
  check "all ${#jobs[@]} jobs end" await 60 no_job_runs
  check "exit codes, and that usage is known" ends_are_right
  check "output, byte for byte" output_is_exact
}

no_job_runs() { is "$(jobctl ps -q)" ''; }

ends_are_right() {
  is "$(jobctl inspect -o json "${jobs[@]}" |
    jq -r '"\(.status) \(.exit_code) \(.error_msg // "") \(.usage | .user_us + .system_us > 0)"')" \
    "$(printf 'completed %s  true\n' "${!jobs[@]}")"
}

output_is_exact() {
  local i n bad=0
  for i in "${!jobs[@]}"; do
    jobctl output "${jobs[i]}" >"$scratch/out" 2>"$scratch/err"
    n=$(sed -n 's/ lines$//p' "$scratch/out")
    cmp "$scratch/out" <(seq -f 'line %.0f' "$n"; echo "$n lines") && cmp "$scratch/err" <(seq -f 'error %.0f' "$n") || bad=1
  done
  return "$bad"
}

# The jobs of start_others were stopped by TERM, grace and KILL.
check_ended_in_order() {
  check "a job that takes TERM ended by itself" is "$(of_job "$polite_job" '"\(.status) \(.exit_code)"')" "completed 7"
  check "its last word was kept" is "$(jobctl output "$polite_job" | tail -n 1)" bye
  check "one that does not was killed after its grace" is "$(of_job "$stubborn_job" '"\(.status) \(.exit_code)"')" "completed 137"
  check "one that knows of nothing ended by TERM" is "$(of_job "$plain_job" '"\(.status) \(.exit_code)"')" "completed 143"
}

check_lost() {
  local id
  for id in "$polite_job" "$stubborn_job" "$plain_job"; do
    check "a job that was lost is an error" is "$(of_job "$id" .status)" error
  done
}

no_process_of_jobs() { local left; left=$(pgrep -af 'guest-job|sleep 86399'); is "$left" ''; }
nothing_left() { no_process_of_jobs && fails pgrep -a jobd && fails test -e "$cgroup"; }
