# shellcheck shell=bash
# A Slurm cluster of simulated nodes n1, n2, ... on loopback, for tests. To be sourced; needs root, and Debian's
# slurmctld, slurmd and slurm-client. If the kernel allows it, each node has its own process ids, as hosts have.
#   cluster_can_run             fails with one line that says why, if it cannot
#   cluster_start DIR NODES     starts it with all files in DIR; exports SLURM_CONF
#   cluster_kill_node NODE      kills a node at once, with all processes on it
#   cluster_node NODE           starts a node (again)
#   cluster_processes NAME=VALUE...  prints ids of processes whose initial environment had all of these
#   cluster_stop                kills the rest of the cluster and of its jobs

cluster_can_run() {
  local program
  PATH=$PATH:/usr/sbin:/sbin
  for program in slurmctld slurmd sbatch srun; do
    command -v $program >/dev/null && continue
    echo "skipped: no $program here (apt-get install --no-install-recommends slurmctld slurmd slurm-client)"
    return 1
  done
  [ "$(id -u)" -eq 0 ] && return 0
  echo "skipped: a Slurm cluster of pretend nodes needs root"
  return 1
}

# AuthType=auth/none trusts everybody who can reach the ports, so all of them listen only on loopback.
# No RequeueExit, and a KillWait that workers must not depend on, because sites differ in both.
_cluster_settings() { # PORT
  cat <<CONF
ClusterName=forgedit
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$1
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$CLUSTER/state
SlurmdSpoolDir=$CLUSTER/spool/%n
SlurmctldPidFile=$CLUSTER/slurmctld.pid
SlurmdPidFile=$CLUSTER/spool/%n/slurmd.pid
SlurmctldLogFile=$CLUSTER/log/slurmctld.log
SlurmdLogFile=$CLUSTER/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=bf_interval=1,sched_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldTimeout=10
SlurmdTimeout=5
KillWait=20
GresTypes=gpu
NodeName=n[1-$CLUSTER_NODES] NodeHostname=localhost NodeAddr=127.0.0.1 Port=$(($1 + 1))-$(($1 + CLUSTER_NODES)) CPUs=1 RealMemory=1000 Gres=gpu:1
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=1 PreemptMode=REQUEUE GraceTime=20
PartitionName=urgent Nodes=ALL MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF
CONF
}

# Prints a port that is followed by enough free ones. Starts at this process's id, so that runs try different ports.
_cluster_port() { # TRY
  local port=$((15000 + ($$ * 8 + $1 * 1000) % 14000)) next
  for ((next = port; next <= port + CLUSTER_NODES; next++)); do
    (: <"/dev/tcp/127.0.0.1/$next") 2>/dev/null && return 1
  done
  echo $port
}

cluster_processes() { # NAME=VALUE...
  local file line
  for file in /proc/[0-9]*/environ; do
    for line in "$@"; do
      grep -qszxF -- "$line" "$file" || continue 2
    done
    file=${file#/proc/}
    echo "${file%/environ}"
  done
}

_cluster_kill() { # NAME=VALUE...
  local id
  for id in $(cluster_processes "$@"); do kill -KILL "$id" 2>/dev/null; done
  return 0
}

cluster_node() { # NODE
  local -a separate=()
  unshare --pid --fork --mount-proc true 2>/dev/null && separate=(unshare --pid --fork --mount-proc)
  mkdir -p "$CLUSTER/spool/$1"
  # The shell is the first process of the node, and becomes the parent of orphans.
  # shellcheck disable=SC2016  # that shell's $1
  CLUSTER_NODE=$CLUSTER/$1 setsid "${separate[@]}" bash -c 'slurmd -D -N "$1" & wait' node "$1" \
    </dev/null >>"$CLUSTER/log/start.log" 2>&1 &
  disown
}

# A slurmstepd does not have the job's environment: it is the parent of the processes in its step.
_cluster_processes_of_node() { # NODE
  local id parent
  cluster_processes "CLUSTER_NODE=$CLUSTER/$1"
  for id in $(cluster_processes "SLURM_CONF=$SLURM_CONF" "SLURMD_NODENAME=$1"); do
    echo "$id"
    parent=$(awk '/^PPid:/ { print $2 }' "/proc/$id/status" 2>/dev/null)
    [ "$(cat "/proc/$parent/comm" 2>/dev/null)" = slurmstepd ] && echo "$parent"
  done
}

# Stops all processes before it kills the first, so that no part of the node reports another one's death.
cluster_kill_node() { # NODE
  local -a ids
  mapfile -t ids < <(_cluster_processes_of_node "$1")
  kill -STOP "${ids[@]}" 2>/dev/null
  kill -KILL "${ids[@]}" 2>/dev/null
  return 0
}

# Waits until this many nodes are ready.
_cluster_is_up() {
  local i
  for ((i = 0; i < 150; i++)); do
    [ "$(sinfo -h -N -p batch -t idle -o %N 2>/dev/null | sort -u | wc -l)" -eq "$CLUSTER_NODES" ] && return 0
    sleep 0.1
  done
  return 1
}

cluster_start() { # DIR NODES
  CLUSTER=$(realpath -m "$1") CLUSTER_NODES=$2
  export SLURM_CONF=$CLUSTER/slurm.conf
  local try port i
  for try in 0 1 2 3 4; do
    port=$(_cluster_port $try) || continue
    rm -rf "$CLUSTER"
    mkdir -p "$CLUSTER"/{state,log,spool}
    _cluster_settings "$port" >"$SLURM_CONF"
    echo "Name=gpu File=/dev/null" >"$CLUSTER/gres.conf"
    setsid slurmctld -D -i </dev/null >>"$CLUSTER/log/start.log" 2>&1 &
    disown
    for ((i = 1; i <= CLUSTER_NODES; i++)); do cluster_node n$i; done
    _cluster_is_up && return 0
    _cluster_kill "SLURM_CONF=$SLURM_CONF"
  done
  tail -n 5 "$CLUSTER"/log/*.log
  return 1
}

cluster_stop() {
  [ -n "${CLUSTER:-}" ] || return 0
  _cluster_kill "SLURM_CONF=$SLURM_CONF"
  _cluster_kill "SLURM_CONF=$SLURM_CONF" # what was just being started
}
