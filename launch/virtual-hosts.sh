# shellcheck shell=bash disable=SC2034 # some names are for the scripts that source this
# Two virtual hosts on this machine: network namespaces with a virtual cable between them, which Open MPI treats as
# separate hosts, each with a separate name and shared memory; between them ranks communicate by TCP. It is sourced
# after common.sh:
#
#     start_hosts FOLDER                  # creates them (lstm-dist-1, lstm-dist-2), FOLDER/agent, which starts commands
#                                         # there, and FOLDER/first, which only the first host sees
#     FOLDER/agent ADDRESS WORDS          # runs a command on a host, like ssh
#     mpirun_on_hosts 2 1 WORDS           # mpirun with two ranks on the first host and one on the second
#     stop_hosts                          # removes them
hosts=(lstm-dist-1 lstm-dist-2)
addresses=(10.77.13.1 10.77.13.2)
cable=(lstm-dist-a lstm-dist-b)

start_hosts() {
    local folder=$1 host index
    [ "$(id -u)" -eq 0 ] || fail "Only root can create network namespaces: please run it as root."
    command -v ip >/dev/null || fail "There is no ip on the PATH: please install iproute2."
    for host in "${hosts[@]}"; do ip netns add "$host"; done
    ip link add "${cable[0]}" netns "${hosts[0]}" type veth peer name "${cable[1]}" netns "${hosts[1]}"
    for index in 0 1; do
        ip -n "${hosts[index]}" addr add "${addresses[index]}/24" dev "${cable[index]}"
        ip -n "${hosts[index]}" link set "${cable[index]}" up
        ip -n "${hosts[index]}" link set lo up
    done
    # Used by mpirun instead of ssh to start its daemon on the other host (arguments: ADDRESS and a command), and to
    # start mpirun itself on its host. Two hosts of the same name would use each other's files in /dev/shm.
    mkdir "$folder/first"
    cat >"$folder/agent" <<END
#!/bin/bash
case \$1 in
${addresses[0]}) host=${hosts[0]} hidden= ;;
*) host=${hosts[1]} hidden='mount -t tmpfs tmpfs $folder/first;' ;;
esac
shift
exec ip netns exec "\$host" unshare --uts --mount /bin/bash -c \
    "hostname \$host; mount -t tmpfs tmpfs /dev/shm; \$hidden exec /bin/bash -c \"\\\$0\"" "\$*"
END
    chmod +x "$folder/agent"
    hosts_agent=$folder/agent
}

# The ends of the cable are removed with the namespaces.
stop_hosts() {
    local host
    for host in "${hosts[@]}"; do ip netns del "$host" 2>/dev/null || true; done
}

# FIRST SECOND ARGUMENT…: runs mpirun with FIRST and SECOND ranks on the two hosts; further arguments are mpirun's.
mpirun_on_hosts() {
    local first=$1 second=$2
    shift 2
    "$hosts_agent" "${addresses[0]}" mpirun -q -n $((first + second)) --bind-to none \
        --mca plm_rsh_agent "$hosts_agent" --host "${addresses[0]}:$first,${addresses[1]}:$second" \
        --mca btl vader,tcp,self --mca btl_tcp_if_include 10.77.13.0/24 --mca oob_tcp_if_include 10.77.13.0/24 "$@"
}
