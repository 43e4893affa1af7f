# shellcheck shell=bash disable=SC2034 # some names are for the script that sources this
# A real Slurm with virtual nodes on this machine. It writes only into one folder and has separate ports, a separate key
# and a separate cluster name, so that it doesn't interfere with another Slurm. Sourced after common.sh by
# launch/test-slurm:
#
#     start_slurm FOLDER 4      # munged, slurmctld and four slurmd, node1 to node4; sets SLURM_CONF and the PATH
#     stop_slurm                # ends its jobs, its daemons and their remaining processes
#
# Each node has a separate host name, so that mpirun and MPI treat them as different hosts, and a separate TmpFS, where
# srun's PMIx creates its sockets; the nodes share the cores. No systemd, no cgroups.

slurm_packages=(slurm-wlm munge)
# The processes started by start_slurm, and its folder.
slurm_processes=()
slurm_folder=''

start_slurm() {
    local folder=$1 count=$2 node ports
    slurm_folder=$folder
    [ "$(id -u)" -eq 0 ] || fail "Only root can start a Slurm whose nodes have separate host names: please run it as root."
    # munge requires that every user can reach its socket.
    chmod 755 "$folder"
    mkdir -p "$folder/state" "$folder/spool" "$folder/log"
    mapfile -t ports < <(free_ports $((count + 1)))
    [ ${#ports[@]} -gt "$count" ] || fail "There are fewer than $((count + 1)) free ports from 21000 on."
    write_slurm_conf "$folder" "$count" >"$folder/slurm.conf"
    export SLURM_CONF="$folder/slurm.conf"
    PATH=$PATH:/usr/sbin:/sbin

    head -c 1024 /dev/urandom >"$folder/munge.key"
    chmod 600 "$folder/munge.key"
    start_daemon munged munged --foreground --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
        --pid-file="$folder/munged.pid" --log-file="$folder/log/munged.log" --seed-file="$folder/munge.seed"
    wait_until 30 munge_answers || fail_slurm "munged does not answer"
    start_daemon slurmctld slurmctld -D -f "$SLURM_CONF"
    for ((node = 1; node <= count; node++)); do
        mkdir -p "$folder/spool/node$node" "$folder/tmp/node$node"
        # shellcheck disable=SC2016 # expanded by the inner shell
        start_daemon "node$node" unshare --uts bash -c 'hostname "$1" && exec slurmd -D -f "$SLURM_CONF" -N "$1"' slurmd "node$node"
    done
    wait_until 60 nodes_are_idle "$count" || fail_slurm "not all nodes came up"
}

# Starts a daemon in the background, with its output in a file.
start_daemon() {
    local name=$1
    shift
    "$@" >"$slurm_folder/log/$name.out" 2>&1 </dev/null &
    slurm_processes+=($!)
}

munge_answers() { munge --socket="$slurm_folder/munge.socket" --no-input >/dev/null 2>&1; }
nodes_are_idle() { [ "$(sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | wc -l)" -eq "$1" ]; }

fail_slurm() {
    tail -n 5 "$slurm_folder"/log/* >&2
    fail "Slurm did not start: $1; the last lines of its logs are above."
}

# SECONDS COMMAND…: whether the command succeeds within that time.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

# Free ports of this machine.
free_ports() {
    local wanted=$1 port
    for ((port = 21000 + RANDOM % 8000; wanted > 0 && port < 32000; port++)); do
        (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
        echo "$port"
        wanted=$((wanted - 1))
    done
}

write_slurm_conf() {
    local folder=$1 count=$2 node binding=affinity
    # task/affinity binds to the first cores, which a container may not allow.
    [[ $(allowed_cpus) =~ ^0[,-] ]] || binding=none
    cat <<END
ClusterName=lstm-dist-$$
SlurmctldHost=$(hostname -s)(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job starts after the lifetime of a credential: 120 s by default.
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/%n.log
TmpFS=$folder/tmp/%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/$binding
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=2
MpiDefault=none
ReturnToService=2
MinJobAge=3600
SlurmdParameters=config_overrides
END
    for ((node = 1; node <= count; node++)); do
        echo "NodeName=node$node NodeHostname=node$node NodeAddr=127.0.0.1 Port=${ports[node]} CPUs=2 RealMemory=2048"
    done
    echo "PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
}

stop_slurm() {
    local process
    [ -n "${SLURM_CONF:-}" ] || return 0
    if [ ${#slurm_processes[@]} -gt 1 ]; then
        timeout 10 scancel --user=root 2>/dev/null || true
        wait_until 10 no_jobs_run || true
    fi
    kill "${slurm_processes[@]}" 2>/dev/null || true
    # Jobs outlive their slurmd; all of them have this Slurm's configuration in their environment.
    while read -r process; do
        [ "$process" = "$$" ] || kill -KILL "$process" 2>/dev/null || true
    done < <(grep -lszxF "SLURM_CONF=$SLURM_CONF" /proc/[0-9]*/environ | cut -d / -f 3)
    wait "${slurm_processes[@]}" 2>/dev/null || true
}

no_jobs_run() { [ -z "$(timeout 5 squeue --noheader --states=running,completing 2>/dev/null)" ]; }
