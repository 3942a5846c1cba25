#!/bin/bash
# A throw-away Slurm cluster of three nodes on loopback, for tests and the benchmark; without systemd, as any user.
# scripts/slurm-cluster.sh DIR runs it until it is told to end (INT, TERM) or its parent is gone. All of it is below DIR;
# once it is ready it prints "ready", and SLURM_CONF=DIR/slurm.conf srun hostname works.
set -eu
dir=$(realpath -m "${1:?usage: scripts/slurm-cluster.sh DIR}")
parent=$PPID conf=$dir/slurm.conf daemons=()
umask 022

slurm() { SLURM_CONF=$conf timeout 20 "$@" 2>>"$dir/log/commands.log" </dev/null; }
start() {
  SLURM_CONF=$conf "$@" </dev/null >>"$dir/log/daemons.log" 2>&1 &
  daemons+=($!)
}
# Jobs and what watches them are no children of the daemons: they are known by the configuration they were started with.
strays() {
  local pid
  for pid in $(grep -lsxzF "SLURM_CONF=$conf" /proc/[0-9]*/environ | cut -d/ -f3); do
    case " ${daemons[*]} " in *" $pid "* | *" $(ps -o ppid= -p "$pid" | tr -d ' ') "*) ;; *) echo "$pid" ;; esac
  done
}
alive() { for pid in "${daemons[@]}"; do [ -d "/proc/$pid" ] || return 1; done; }

end() {
  trap '' INT TERM
  trap - EXIT
  # A controller that has jobs to end takes long to end itself.
  for job in $(slurm squeue --noheader --format=%A); do slurm scancel --quiet --full "$job" || true; done
  for _ in $(seq 50); do
    [ -n "$(slurm squeue --noheader)" ] || break
    sleep .1
  done
  for pid in "${daemons[@]}"; do kill "$pid" 2>/dev/null || true; done
  for _ in $(seq 100); do
    [ -n "$(jobs -pr)" ] || break
    sleep .1
  done
  for pid in $(jobs -pr); do kill -KILL "$pid" 2>/dev/null || true; done
  wait 2>/dev/null
  end_strays
}
end_strays() { for pid in $(strays); do kill -KILL "$pid" 2>/dev/null || true; done; }

until_true() {
  for _ in $(seq 600); do
    "$@" >/dev/null && return
    alive || { echo "slurm-cluster: a daemon ended: $(tail -n 5 "$dir"/log/*.log)" >&2; return 1; }
    [ -d "/proc/$parent" ] || return 1
    sleep .1
  done
  echo "slurm-cluster: timeout: $*" >&2
  return 1
}
idle() { [ "$(slurm sinfo -h -N -t idle -o %N | wc -l)" = 3 ]; }

# Not of those that the system gives to who asks for any.
free_ports() {
  python3 - <<'P'
import random, socket
held = []
while len(held) < 4:
    s = socket.socket()
    try:
        s.bind(("127.0.0.1", random.randrange(20000, 32000)))
        held.append(s)
    except OSError:
        pass
print(*(s.getsockname()[1] for s in held))
P
}

mkdir -p "$dir"/{log,state,spool/n1,spool/n2,spool/n3,munge}
# Of each user: jobs run as others.
chmod 711 "$dir/munge"
(umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
read -r controller n1 n2 n3 <<<"$(free_ports)"
# proctrack/linuxproc does not find processes that left their session and their parent; proctrack/cgroup would, and needs
# a version of cgroups that the host may not have.
cat >"$conf" <<C
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CredType=cred/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000
KillWait=2
MinJobAge=300
SlurmdTimeout=60
ReturnToService=2
StateSaveLocation=$dir/state
SlurmctldPidFile=$dir/slurmctld.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmdLogFile=$dir/log/slurmd.%n.log
SlurmdSpoolDir=$dir/spool/%n
SlurmdParameters=config_overrides
NodeName=n1 NodeAddr=127.0.0.1 Port=$n1 CPUs=4 RealMemory=1000
NodeName=n2 NodeAddr=127.0.0.1 Port=$n2 CPUs=4 RealMemory=1000
NodeName=n3 NodeAddr=127.0.0.1 Port=$n3 CPUs=4 RealMemory=1000
PartitionName=main Nodes=n1,n2,n3 Default=YES MaxTime=INFINITE State=UP
C

trap end EXIT
trap 'exit 0' INT TERM
start munged --foreground --num-threads=2 --key-file="$dir/munge/key" --socket="$dir/munge/socket" \
  --pid-file="$dir/munge/pid" --log-file="$dir/log/munged.log" --seed-file="$dir/munge/seed"
until_true munge --no-input --socket="$dir/munge/socket" 2>/dev/null
start slurmctld -D
until_true slurm scontrol ping
for node in n1 n2 n3; do start slurmd -D -N "$node"; done
until_true idle
echo ready
while alive && [ -d "/proc/$parent" ]; do
  sleep .2 &
  wait $!
done
