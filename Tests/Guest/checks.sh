#!/bin/bash
# Runs in each guest that scripts/guest.sh boots, as root: installs the packages in /host, and checks them under systemd.
# usage: checks.sh CHECK...   one line for each thing that is checked; status 0 only if all of them hold
# Guests with the same /host share the checks among them. What each took is in /host/finished.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
# shellcheck source=Tests/Guest/lib.sh
. ./lib.sh
# shellcheck source=Tests/Guest/package.sh
. ./package.sh

install_jobd() {
  dpkg -i ./jobd_*.deb ./jobctl_*.deb && make_certificates && systemctl enable --now jobd
}
make_certificates() {
  jobctl ca init --dir /etc/jobd/pki && jobctl ca server --dir /etc/jobd/pki --host localhost --host 127.0.0.1 &&
    jobctl ca client --dir /etc/jobd/pki guest
}

oom_score() { cat "/proc/$1/oom_score_adj"; }
cgroup_of() { sed 's/^0:://' "/proc/$1/cgroup"; }
resident() { sed -n "s/^$2:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$1/status" "/proc/$1/smaps_rollup"; }

# The processes, where they are, and what they cost.
check_unit() {
  local name pid all=0 anonymous=0 leaf=/system.slice/jobd.service/jobd-daemon
  check "the unit is active, its main process is jobd-keeper" is_active
  check "a job's exit code is jobctl's" is "$(jobctl run sh -c 'exit 3'; echo $?)" 3
  check "a job has a cgroup of its own" grep -xE "0::/system.slice/jobd.service/jobd-[0-9a-f]+/job-[0-9]+" \
    <(jobctl run cat /proc/self/cgroup)
  check "a job has no protection from the OOM killer" is "$(jobctl run cat /proc/self/oom_score_adj)" 0
  for name in keeper supervisor api; do check "$name is in the daemon's leaf" is "$(cgroup_of "$($name)")" $leaf; done
  check "the keeper's oom_score_adj" is "$(oom_score "$(keeper)")" -1000
  check "the supervisor's oom_score_adj" is "$(oom_score "$(supervisor)")" -900
  check "the api process's oom_score_adj" is "$(oom_score "$(api)")" -500
  for name in keeper supervisor api; do
    pid=$($name)
    note "$name: RssAnon $(resident "$pid" RssAnon) KiB, Pss $(resident "$pid" Pss) KiB, VmRSS $(resident "$pid" VmRSS) KiB"
    anonymous=$((anonymous + $(resident "$pid" RssAnon))) all=$((all + $(resident "$pid" Pss)))
  done
  note "together: RssAnon $anonymous KiB, Pss $all KiB"
}

# Asks without pause; leaves the number of questions, of those not answered, and the longest answer in ms.
probe() {
  local asked=0 failed=0 longest=0 ms
  until [ -e "$scratch/probed" ]; do
    ms=$(time_of answers) || failed=$((failed + 1))
    asked=$((asked + 1))
    [ "$ms" -le "$longest" ] || longest=$ms
  done
  echo "$asked $failed $longest" >"$scratch/probes"
}

# Supervisor and api process are killed while jobs run: they go on.
check_supervisor_kill() {
  local i main before prober asked failed longest follower times=()
  check "15 jobs start" start_numbered 15
  main=$(keeper)
  rm -f "$scratch/probed"
  probe &
  prober=$!
  jobctl run sh -c "$numbered" guest-job 77 >"$scratch/followed" 2>/dev/null &
  follower=$!
  check "so does one that is followed" have_run 16
  for i in 1 2 3 4 5; do
    kill_now "$(supervisor)"
    times+=("$(time_of answers)") || check "answers after kill $i" false
    sleep 1
  done
  before=$(api)
  kill_now "$before"
  times+=("$(time_of answers)") || check "answers after a kill of the api process" false
  check "another api process serves" is_other api "$before"
  touch "$scratch/probed"
  wait "$prober"
  read -r asked failed longest <"$scratch/probes"
  note "answered ${times[*]} ms after each kill, the last of the api process, $(time_of answers) ms without"
  note "$asked questions meanwhile, the longest $longest ms"
  check "the service answers throughout" is "$failed" 0
  check "the keeper is the same" is "$(keeper)" "$main"
  check "all jobs are adopted" is "$(jobctl ps -q | wc -l)" 16
  check_numbered
  wait "$follower"
  check "who follows a job gets its exit code" is $? 77
  check "and its output" is "$(sed -n '$p' "$scratch/followed")" "$(grep -c ^line "$scratch/followed") lines"
}

replace_file() { cp "$1" "$1.new" && mv "$1.new" "$1"; }

# What an operator does to the unit.
check_operator() {
  local main before
  check "8 jobs start" start_numbered 8
  main=$(keeper) before=$(api)
  check "systemctl reload" systemctl reload jobd
  check "another api process serves" is_other api "$before"
  cp /etc/jobd/pki/server.crt "$scratch/server.crt"
  echo broken >/etc/jobd/pki/server.crt
  before=$(api)
  check "systemctl reload fails when the certificate is broken" fails systemctl reload jobd
  check "the service goes on" serves
  check "with the same api process" is "$(api)" "$before"
  before=$(supervisor)
  check "jobd upgrade fails then too" fails jobd upgrade
  check "the service goes on" serves
  check "with the same supervisor" is "$(supervisor)" "$before"
  cp "$scratch/server.crt" /etc/jobd/pki/server.crt
  check "jobd upgrade" jobd upgrade
  check "another supervisor serves" is_other supervisor "$before"
  before=$(supervisor)
  replace_file /usr/sbin/jobd
  replace_file /usr/sbin/jobd-keeper
  check "jobd upgrade, the keeper's file too" jobd upgrade
  check "another supervisor serves" is_other supervisor "$before"
  check "the keeper's program is the new one" is "$(stat -Lc %i "/proc/$main/exe")" "$(stat -c %i /usr/sbin/jobd-keeper)"
  check "the main process is the same" is "$(keeper)" "$main"
  check "the unit was never restarted" is "$(systemctl show -P NRestarts jobd)" 0
  check "systemctl daemon-reload" systemctl daemon-reload
  check "systemctl daemon-reexec" systemctl daemon-reexec
  check "systemctl reload" systemctl reload jobd
  kill_now "$(supervisor)"
  check "answers after a kill" answers
  check_numbered

  check "jobs start" start_others
  check "systemctl restart" systemctl restart jobd
  check "the unit serves" serves
  check "with another keeper" is_other keeper "$main"
  check_ended_in_order
  check "nothing of the jobs is left" no_process_of_jobs
  check "jobs start" start_others
  check "systemctl stop" systemctl stop jobd
  check "the unit is inactive" is "$(systemctl is-active jobd)" inactive
  check "no process and no cgroup is left" await 5 nothing_left
  check "systemctl start" systemctl start jobd
  check "the unit serves" serves
  check_ended_in_order
}

# check_serves_again KEEPER [SECONDS]: the unit serves again, after that main process was killed.
check_serves_again() {
  local start
  start=$(now_ms)
  check "the unit serves again" await "${2:-60}" is_up_anew "$1"
  note "$(($(now_ms) - start)) ms after the kill"
  check "systemd could start it at once" is "$(systemctl show -P NRestarts jobd)" 1
  check "nothing of the old jobs is left" no_process_of_jobs
  check "no failure to join its cgroup" fails journal_has 'CGROUP'
}
is_up_anew() { is_other keeper "$1" && is "$(systemctl is-active jobd)" active && answers; }

# The keeper is killed: the supervisor ends the jobs in order.
check_keeper_kill() {
  local main
  check "jobs start" start_others
  main=$(keeper)
  kill_now "$main"
  check_serves_again "$main"
  check_ended_in_order

  refresh
  section="$section, without jobs"
  check "controllers are on" controllers_are_on
  main=$(keeper)
  kill_now "$main"
  check_serves_again "$main"

  check "controllers are on" controllers_are_on
  check "systemctl reload" systemctl reload jobd
  check "systemctl restart" systemctl restart jobd
  check "the unit serves" serves
  check "controllers are on" controllers_are_on
  check "systemctl stop" systemctl stop jobd
  check "no process and no cgroup is left" await 5 nothing_left
}
controllers_are_on() { is "$(cat "$cgroup/cgroup.subtree_control")" 'cpu memory pids'; }

# The keeper is killed as soon as there is one.
check_keeper_storm() {
  local i main=0
  for i in $(seq 5); do
    await 30 is_other keeper "$main" || check "there is a keeper for kill $i" false
    main=$(keeper)
    kill_now "$main"
    await 30 is_other keeper "$main"
  done
  check "the unit serves again" await 60 is_up_anew "$main"
  check "no failure to join its cgroup" fails journal_has 'CGROUP'
}

# The keeper is killed, and the supervisor hangs while it ends the jobs: cleanup ends it.
check_stuck() {
  local main before
  check "jobs start" start_others
  main=$(keeper) before=$(supervisor)
  kill_now "$main"
  sleep 0.5
  kill -STOP "$before"
  check_serves_again "$main" 120
  check "no job is taken to run" no_job_runs
}

# A daemon that was started by hand uses the state directory: the unit fails, and leaves it alone.
check_second() {
  local other before job
  check "systemctl stop" systemctl stop jobd
  check "another daemon runs" systemd-run -q --unit other -p Delegate=yes -p KillMode=process -p OOMScoreAdjust=-1000 jobd
  check "it answers" await 30 answers
  other=$(systemctl show -P MainPID other) before=$(supervisor_of "$other")
  check "it has a supervisor" test -n "$before"
  job=$(jobctl start sh -c "$polite" guest-job)
  check "systemctl start fails" fails timeout 60 systemctl start jobd
  check "and says why" await 10 journal_has 'another jobd uses the state directory'
  systemctl stop jobd
  check "the other daemon is the same" is "$(systemctl show -P MainPID other)" "$other"
  check "its supervisor too" is "$(supervisor_of "$other")" "$before"
  check "its job runs" is "$(of_job "$job" .status)" running
  check "it ends when it is told to" systemctl stop other
  check "nothing is left" await 10 nothing_left
}

# Keeper and supervisor are killed at once: nobody is left to end the jobs but systemd.
check_both_kill() {
  local main
  check "jobs start" start_others
  main=$(keeper)
  kill_now "$main" "$(supervisor)"
  check_serves_again "$main"
  check_lost
}

# A process that hangs is replaced.
check_hang() {
  local main before start
  cp /etc/jobd/jobd.json5 "$scratch"
  echo '{ watchdog_time: "3s" }' >/etc/jobd/jobd.json5
  mkdir -p /etc/systemd/system/jobd.service.d
  printf '[Service]\nWatchdogSec=5\n' >/etc/systemd/system/jobd.service.d/guest.conf
  systemctl daemon-reload
  check "systemctl restart" systemctl restart jobd
  check "5 jobs start" start_numbered 5
  main=$(keeper) before=$(supervisor) start=$(now_ms)
  kill -STOP "$before"
  check "a supervisor that hangs is replaced" await 30 is_other supervisor "$before"
  check "the service answers" answers
  note "$(($(now_ms) - start)) ms after it stopped, of which 3000 are its time"
  check "the keeper is the same" is "$(keeper)" "$main"
  check_numbered
  before=$(api)
  kill -STOP "$before"
  check "an api process that hangs is replaced" await 30 is_other api "$before"
  check "the service answers" answers

  replace_file /usr/sbin/jobd-keeper
  check "jobd upgrade, the keeper's file too" jobd upgrade
  sleep 8
  check "systemd gets its signs of life from the new program too" is "$(keeper) $(systemctl show -P NRestarts jobd)" "$main 0"

  check "jobs start" start_others
  kill -STOP "$main"
  check "systemd ends a keeper that hangs" await 30 journal_has 'Watchdog timeout'
  check_serves_again "$main"
  check_ended_in_order
  cp "$scratch/jobd.json5" /etc/jobd
  rm -r /etc/systemd/system/jobd.service.d
  systemctl daemon-reload
  systemctl restart jobd
}

# The supervisor is killed as soon as there is one.
check_storm() {
  local i main before start
  check "a job starts" start_numbered 1
  main=$(keeper) start=$(now_ms) before=
  for i in $(seq 15); do
    await 30 is_other supervisor "$before" || check "there is a supervisor for kill $i" false
    before=$(supervisor)
    kill_now "$before"
  done
  note "15 kills in $(($(now_ms) - start)) ms"
  start=$(now_ms)
  check "the service answers" answers
  note "$(($(now_ms) - start)) ms after the last"
  check "the unit is active" is_active
  check "the keeper is the same" is "$(keeper)" "$main"
  check_numbered
}

# systemd brings the listening socket, of an address that is not the daemon's own.
check_socket() {
  local main
  mkdir -p /etc/systemd/system/jobd.socket.d
  printf '[Socket]\nListenStream=\nListenStream=7443\n' >/etc/systemd/system/jobd.socket.d/guest.conf
  systemctl stop jobd
  systemctl daemon-reload
  check "the socket listens, the service does not run" systemctl start jobd.socket
  check "the service is inactive" is "$(systemctl is-active jobd)" inactive
  check "a connection starts it" is "$(jobctl run echo hello)" hello
  check "it listens at the socket that was brought" grep -xF 'address: [::]:7443' <(jobd status)
  kill_now "$(supervisor)"
  check "it answers after a kill of the supervisor" answers
  check "systemctl reload" systemctl reload jobd
  check "jobd upgrade" jobd upgrade
  check "it listens at the same socket" grep -xF 'address: [::]:7443' <(jobd status)
  main=$(keeper)
  kill_now "$main"
  check_serves_again "$main"
  check "systemctl restart" systemctl restart jobd
  check "the unit serves" serves
  check "it listens at the same socket" grep -xF 'address: [::]:7443' <(jobd status)
  systemctl stop jobd.socket jobd
  check_socket_of_user
  rm -r /etc/systemd/system/jobd.socket.d
  systemctl daemon-reload
}

# Port 443 of a daemon that is not root's.
check_socket_of_user() {
  local main drop=/etc/systemd/system/jobd.service.d
  useradd --system --create-home --home-dir /var/lib/hosted hosted
  check "jobd setup, by a user without systemd" as_user hosted jobd setup
  mkdir "$drop"
  printf '[Service]\nUser=hosted\n' >"$drop/guest.conf"
  printf '[Socket]\nListenStream=\nListenStream=443\n' >/etc/systemd/system/jobd.socket.d/guest.conf
  systemctl daemon-reload
  check "the socket listens" systemctl start jobd.socket
  check "a job runs as the user" is "$(as_hosted run id -un)" hosted
  check "it listens at port 443" grep -xF 'address: [::]:443' <(as_user hosted jobd status)
  check "a job has a cgroup of its own" grep -xE "0::/system.slice/jobd.service/jobd-[0-9a-f]+/job-[0-9]+" \
    <(as_hosted run cat /proc/self/cgroup)
  check "a job has limits" is "$(as_hosted run --memory 64MiB --processes 10 echo hello)" hello
  check "no process is root's" is "$(ps -o user= -p "$(keeper),$(supervisor),$(api)" | sort -u)" hosted
  check "the keeper's oom_score_adj" is "$(oom_score "$(keeper)")" -1000
  check "the supervisor's" is "$(oom_score "$(supervisor)")" -900
  check "a job's" is "$(as_hosted run cat /proc/self/oom_score_adj)" 0
  kill_now "$(supervisor)"
  check "it answers after a kill of the supervisor" as_hosted run true
  check "systemctl reload" systemctl reload jobd
  check "needrestart's upgrade" sh /etc/needrestart/restart.d/jobd.service
  main=$(keeper)
  kill_now "$main"
  check "it answers after a kill of the keeper" await 60 as_hosted run true
  check "it is another one" is_other keeper "$main"
  systemctl stop jobd.socket jobd
  check "no process and no cgroup is left" await 5 nothing_left
  rm -r "$drop"
  userdel -r hosted 2>/dev/null
}
as_hosted() { as_user hosted jobctl "$1" --server 127.0.0.1:443 "${@:2}"; }

# A job takes all memory there is.
check_memory() {
  local before other eater
  before="$(keeper) $(supervisor) $(api)"
  check "the daemon has three processes" is "$(wc -w <<<"$before")" 3
  other=$(jobctl start sh -c "$polite" guest-job)
  eater=$(jobctl start tail /dev/zero)
  check "the job ends" await 120 is_over "$eater"
  check "by KILL" is "$(of_job "$eater" '"\(.status) \(.exit_code)"')" "completed 137"
  check "by the OOM killer" grep -E 'Out of memory: Killed process [0-9]+ \(tail\)' <(dmesg)
  note "it had $(of_job "$eater" '.usage.max_rss_kib') KiB"
  check "all of the daemon's processes are the same" is "$(keeper) $(supervisor) $(api)" "$before"
  check "the service answers" answers
  check "another job runs" is "$(of_job "$other" .status)" running
  jobctl stop "$other"
}
is_over() { is "$(jobctl ps -q --filter state=running | grep -c "$1")" 0; }

# One job of very many small processes takes all the memory that the unit may have.
check_crowd() {
  local before crowd
  before="$(keeper) $(supervisor) $(api)"
  check "the daemon has three processes" is "$(wc -w <<<"$before")" 3
  check "a job runs" jobctl run true
  check "the unit has little memory" systemctl set-property --runtime jobd MemoryMax=60M
  # shellcheck disable=SC2016
  crowd=$(jobctl start sh -c 'for i in $(seq 600); do sleep 86399 & done; wait' guest-job)
  check "the OOM killer comes" await 60 oom_killed_in_unit
  check "the service answers" answers
  check "all of the daemon's processes are the same" is "$(keeper) $(supervisor) $(api)" "$before"
  check "the supervisor is protected" is "$(oom_score "$(supervisor)")" -900
  check "a job that starts is not" is "$(jobctl run cat /proc/self/oom_score_adj)" 0
  jobctl stop --grace 0s "$crowd"
  check "the job ends" await 60 is_over "$crowd"
  check "nothing of it is left" await 10 no_process_of_jobs
  systemctl set-property --runtime jobd MemoryMax=infinity
}
oom_killed_in_unit() { [ "$(sed -n 's/^oom_kill //p' "$cgroup/memory.events")" -gt 0 ]; }

# A job's limits hold from its first instruction on, and for all of it.
# shellcheck disable=SC2016
check_limits() {
  local main
  main=$(keeper)
  check "the log tells what jobs can have" grep -F 'event=limits memory=yes cpus=yes processes=yes' \
    <(journalctl -q -u jobd -o cat)
  check "check-config does so too" is "$(systemd-run -q --pipe -p Delegate=yes jobd check-config | grep -c '^# limit of .*: yes$')" 3
  check "they are set" is "$(jobctl run --memory 64MiB --cpus 0.5 --processes 10 sh -c "$own_limits")" \
    "67108864 1 0 50000 100000 10"
  check "a job with one limit has no other" is "$(jobctl run --processes 10 sh -c "$own_limits")" \
    "max 0 max max 100000 10"
  check "a job without limits has no controllers" is "$(jobctl run sh -c "$own_limits")" ""
  check_limited_memory
  check_limited_cpus
  check "a job has no more processes" fails jobctl run --processes 10 sh -c 'for i in $(seq 20); do sleep 1 & done'
  check "a fork that fails says so" grep -i 'fork' <(jobctl run --processes 3 sh -c 'sleep 1 & sleep 1 & sleep 1 & wait' 2>&1)
  check_limited_live
  check_limits_kept
  check "no cgroup of theirs is left" await 10 fails compgen -G "$cgroup/jobd-*-limited/job-*"
  check "the keeper is the same" is "$(keeper)" "$main"
}
# What a job finds in its own cgroup.
# shellcheck disable=SC2016
own_limits='cd "/sys/fs/cgroup$(sed s/^0::// /proc/self/cgroup)" &&
  set -- $(cat memory.max memory.oom.group memory.swap.max cpu.max pids.max 2>/dev/null) && echo $*'

# A job whose child takes more memory than it may have ends with all its processes, and no other does.
check_limited_memory() {
  local id other
  other=$(jobctl start --memory 64MiB sh -c "$polite" other-job)
  id=$(jobctl start --memory 64MiB sh -c 'sleep 86398 & head -c 200000000 /dev/zero | tail; sleep 86398')
  check "a job that needs more memory ends" await 60 is_over "$id"
  check "because of that" is "$(of_job "$id" '"\(.exit_code) \(.ended_by)"')" "137 memory"
  check "why says so" grep -F 'it needed more than its memory limit of 64MiB' <(jobctl why "$id")
  check "with all of it" is "$(pgrep -af 'sleep 86398')" ''
  check "its peak was the limit" is "$(of_job "$id" '.usage.max_rss_kib | . > 60000 and . <= 65536')" true
  check "another job runs" is "$(of_job "$other" .status)" running
  jobctl stop "$other"
  check "and ends by itself, not for memory" is "$(of_job "$other" '"\(.exit_code) \(.ended_by)"')" "7 stop"
}

check_limited_cpus() {
  local id
  id=$(jobctl start --cpus 0.5 timeout 6 sh -c 'while :; do :; done')
  check "a job that takes all the CPU there is ends by itself" await 60 is_over "$id"
  note "$(jobctl why "$id" | tr '\n' ';')"
  check "it had half of one" is "$(of_job "$id" '.usage | .user_us + .system_us | . > 1000000 and . < 3900000')" true
  check "it was throttled" is "$(of_job "$id" '.usage.throttled_us > 1000000')" true
  check "why tells for how long" grep -E 'ran [0-9.]+ s of which throttled [0-9.]+ s by --cpus 0.5' <(jobctl why "$id")
  id=$(jobctl start timeout 2 sh -c 'while :; do :; done')
  check "one without that limit ends too" await 60 is_over "$id"
  check "and was not throttled" is "$(jobctl why "$id" | grep -c throttled)" 0
}

# What a job uses while it runs: the peak of all of it.
check_limited_live() {
  local id
  id=$(jobctl start --memory 128MiB --cpus 0.5 sh -c '(head -c 40000000 /dev/zero; exec sleep 86398) | tail & while :; do :; done')
  check "the peak of a job that runs is known" await 30 is_between 39000 131072 "$id" .usage.max_rss_kib
  check "and what it has now" is_between 39000000 134217728 "$id" .usage.memory_bytes
  check "its CPU time" await 30 is_between 100000 60000000 "$id" '.usage | .user_us + .system_us'
  check "that it is throttled" await 30 is_between 100000 60000000 "$id" .usage.throttled_us
  check "top shows it" grep -E "^${id: -12} +[0-9.]+ +[0-9.]+s +[0-9.]+ MiB +sh" <(jobctl top --once)
  note "$(jobctl top --once | tr '\n' ';')"
  check "with half a CPU" is \
    "$(jobctl top --once --interval 4s -o json | jq "select(.id == \"$id\").cpu_percent | . > 20 and . < 65")" true
  check "why tells it while it runs" grep -E 'has run [0-9.]+ s of which throttled [0-9.]+ m?s by --cpus 0.5' <(jobctl why "$id")
  jobctl delete "$id"
}
# is_between LEAST MOST ID EXPRESSION: a number that is told of a job.
is_between() { is "$(of_job "$3" "$4 | . >= $1 and . <= $2")" true; }

# Limits outlive the supervisor that set them, and an upgrade.
# shellcheck disable=SC2016
check_limits_kept() {
  local id pid
  rm -f "$scratch/go"
  id=$(jobctl start --memory 64MiB --cpus 2 --processes 10 sh -c "$own_limits"'
    until [ -e /run/guest/go ]; do sleep 0.1; done; set -- $(cat memory.max cpu.max pids.max); echo $*
    head -c 200000000 /dev/zero | tail')
  check "a job runs" have_run 1
  kill_now "$(supervisor)"
  check "the service answers after a kill of the supervisor" await 30 answers
  check "jobd upgrade" jobd upgrade
  check "the job runs" is "$(of_job "$id" .status)" running
  check "it was adopted" is "$(of_job "$id" .adopted)" true
  check "what it uses is known" is_between 1 65536 "$id" .usage.max_rss_kib
  pid=$(of_job "$id" .pid)
  touch "$scratch/go"
  check "its memory ends while supervisors are killed" await 60 is_gone_for "$pid"
  check "the service answers" await 30 answers
  check "the job ends" await 30 is_over "$id"
  check "because of that" is "$(of_job "$id" '"\(.exit_code) \(.ended_by)"')" "137 memory"
  check "its limits were the same throughout" is "$(jobctl output "$id" | tail -n 1)" "67108864 200000 100000 10"
}
# is_gone_for PID: kills the supervisor there is, and looks whether the process has ended.
is_gone_for() {
  local before
  before=$(supervisor)
  [ -z "$before" ] || kill_now "$before"
  ! grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"
}

# What the configuration says of limits, for all clients and for some.
check_limit_settings() {
  local id
  cp /etc/jobd/jobd.json5 "$scratch"
  cat >/etc/jobd/jobd.json5 <<'END'
{
  job_default_memory: "128MiB", job_max_memory: "1GiB", job_max_processes: 100,
  clients: { guest: { max_memory: "256MiB", max_cpus: 2, default_cpus: 0.5 } },
}
END
  check "systemctl restart" systemctl restart jobd
  check "check-config prints them" is "$(jobd check-config | grep -cE \
    '^ *(job_default_memory: "128MiB"|job_max_memory: "1GiB"|job_max_processes: "100"|"guest": \{ max_memory: "256MiB")')" 4
  check "and what holds for a client" is "$(jobd check-config --client guest | grep -cE \
    '^ *(max_memory: "256MiB"|default_memory: "128MiB"|max_processes: "100"|max_cpus: "2"|default_cpus: "0.5"),')" 5
  check "a job that asks for nothing has defaults, or the most" is "$(jobctl run sh -c "$own_limits")" \
    "134217728 1 0 50000 100000 100"
  check "one that asks has what it asks for" is "$(jobctl run --memory 256MiB --cpus 2 --processes 7 sh -c "$own_limits")" \
    "268435456 1 0 200000 100000 7"
  check "no more memory than its client's" refused 'memory is at most 256MiB for you' --memory 257MiB
  check "no more CPUs" refused 'cpus is at most 2 for you' --cpus 2.5
  check "no more processes than anybody's" refused 'processes is at most 100 for you' --processes 101
  sed -i 's/256MiB/64MiB/' /etc/jobd/jobd.json5
  check "systemctl reload" systemctl reload jobd
  check "what holds then holds for jobs from then on" is "$(jobctl run sh -c "$own_limits")" \
    "67108864 1 0 50000 100000 100"
  check "and for what they ask" refused 'memory is at most 64MiB for you' --memory 65MiB
  id=$(jobctl start sh -c 'head -c 200000000 /dev/zero | tail')
  check "a job that needs more than the default ends" await 60 is_over "$id"
  check "because of that" is "$(of_job "$id" .ended_by)" memory
  cp "$scratch/jobd.json5" /etc/jobd
  check "systemctl restart" systemctl restart jobd
  check "a job has no limits then" is "$(jobctl run sh -c "$own_limits")" ""
}
# refused TEXT OPTION...: a job with these options is refused, with that text.
refused() {
  local text=$1 said
  shift
  said=$(jobctl run "$@" true 2>&1) && { echo "not refused"; return 1; }
  grep -F "$text" <<<"$said" || { echo "$said"; return 1; }
}

# The next check begins with a unit that runs and has not failed.
refresh() {
  systemctl reset-failed jobd 2>/dev/null
  systemctl is-active -q jobd || systemctl start jobd
  await 30 answers
  began=$(date +%s.%N)
}

# What power.sh begins with.
check_served() { check "the unit serves" serves; }

# Whether the check is this guest's: guests that share the directory carry out each of them once.
is_mine() { mkdir "taken/$1" 2>/dev/null; }

# carry_out NAME: leaves how many seconds it took and how many things failed.
carry_out() {
  local before=$failures start=$SECONDS
  section=$1
  declare -F "check_$1" >/dev/null || { check "there is such a check" false; return; }
  refresh
  "check_$1"
  [ "$failures" -eq "$before" ] || journalctl -q -u jobd --since "@$began" -o short-precise | tail -n 60 | sed 's/^/      > /'
  echo "$((SECONDS - start)) $((failures - before))" >"finished/$1"
}

mkdir -p "$scratch" taken finished
SECONDS=0
install_jobd >"$scratch/install" 2>&1 || { cat "$scratch/install"; echo "FAIL  install"; exit 1; }
note "installed in $SECONDS s"
mine=0 done=0
for name; do
  is_mine "$name" || continue
  mine=$((mine + 1))
  carry_out "$name"
  done=$((done + 1))
done
# A mistake in a check, such as one in arithmetic, ends the loop.
[ "$done" -eq "$mine" ] || echo "FAIL  $section: it was not carried out to its end"
if [ "$failures" -gt 0 ] || [ "$done" -ne "$mine" ]; then echo "$failures failed" && exit 1; fi
echo "all passed"
