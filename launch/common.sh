# shellcheck shell=bash disable=SC2034 # some names are for the scripts that source this
# Shared by the scripts of launch/: the project's folder, this machine's SIMD level, Debian packages, the toolchain,
# build and test flags, and the environment of a local mpirun. It is sourced, not run:
#
#     source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
executable="$project/.build/release/lstm-dist"

# Debian's names for what the project is built with. g++ brings the linker, the C library's headers and libstdc++,
# which Swift links with; git and ca-certificates fetch the Swift packages that Package.swift names.
build_packages=(libopenmpi-dev openmpi-bin libssl-dev pkg-config g++ git ca-certificates)
# Libraries that swift.org's toolchain for Debian 12 is linked with, as a bare Debian lacks them (found by ldd).
toolchain_packages=(libcurl4 libncurses6 libsqlite3-0 libxml2)

# The build for users and the tests' build share all objects, so that nothing is compiled twice: otherwise `swift test`
# would compile all modules again for @testable imports, which the project does not use. So the tested executable is
# also the one that is installed.
build_flags=(-c release)
test_flags=("${build_flags[@]}" --disable-testable-imports --disable-xctest)

# Prints an error to standard error and ends the script: with 2 for bad usage (`fail_usage`), else with 1.
fail() {
    printf '%s: %s\n' "$(script_name)" "$*" >&2
    exit 1
}

fail_usage() {
    printf '%s: %s See %s --help.\n' "$(script_name)" "$*" "$(script_name)" >&2
    exit 2
}

# The running script's path in the project: launch/local, from whatever directory it was called.
script_name() {
    local path
    path=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
    printf '%s' "${path#"$project"/}"
}

# Prints the running script's opening comment, which is its help.
print_help() {
    awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"
}

# This machine's SIMD level: v4 (AVX-512), v3 (AVX2 and FMA) or portable. LSTM_DIST_SIMD overrides it.
simd_level() {
    local flags
    if [ -n "${LSTM_DIST_SIMD:-}" ]; then
        check_level "$LSTM_DIST_SIMD"
        echo "$LSTM_DIST_SIMD"
        return
    fi
    flags=" $(sed -n 's/^flags[[:space:]]*: //p' "${CPUINFO:-/proc/cpuinfo}" | head -n 1) "
    if [ "$(uname -m)" != x86_64 ] || ! has_all "$flags" avx2 fma bmi1 bmi2 f16c movbe abm; then
        echo portable
    elif has_all "$flags" avx512f avx512bw avx512cd avx512dq avx512vl; then
        echo v4
    else
        echo v3
    fi
}

check_level() {
    case $1 in
    v4 | v3 | portable) ;;
    *) fail_usage "The SIMD level is '$1'; accepted: v4, v3 or portable." ;;
    esac
}

# Whether the first argument, a list of words, contains all further arguments.
has_all() {
    local words=$1 word
    shift
    for word in "$@"; do
        case $words in *" $word "*) ;; *) return 1 ;; esac
    done
}

# The given Debian packages that are not installed, neither by name nor as a package that another one provides.
missing_packages() {
    dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Provides}\n' 2>/dev/null |
        awk -F'|' -v wanted="$*" '
            $1 ~ /^.i/ {
                have[$2] = 1
                count = split($3, provided, /, */)
                for (i = 1; i <= count; i++) { sub(/ .*/, "", provided[i]); have[provided[i]] = 1 }
            }
            END {
                count = split(wanted, names, " ")
                for (i = 1; i <= count; i++) if (!(names[i] in have)) print names[i]
            }'
}

# Installs the given Debian packages. Does nothing, and uses no network, if they are installed.
require_packages() {
    local missing
    if ! command -v dpkg-query >/dev/null; then
        command -v mpirun >/dev/null && pkg-config --exists ompi-c 2>/dev/null && return
        fail "This is not Debian, so the required packages can't be installed from here: please install Open MPI" \
            "with its headers, pkg-config, g++ and git (Debian's packages: $*)."
    fi
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] && return
    become_administrator "${missing[@]}"
    echo "$(script_name): installing the Debian packages ${missing[*]}" >&2
    # The list of packages is updated only if it is empty or outdated.
    if ! apt-get install --simulate "${missing[@]}" >/dev/null 2>&1; then
        apt_get update
    fi
    apt_get install --yes --no-install-recommends "${missing[@]}" || {
        apt_get update
        apt_get install --yes --no-install-recommends "${missing[@]}"
    } || fail "apt-get could not install ${missing[*]}; its output is above."
}

# Sets `administrator` to the prefix that runs a command as root: nothing, or sudo. Ends the script if there is none.
become_administrator() {
    administrator=()
    [ "$(id -u)" -eq 0 ] && return
    if command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
        administrator=(sudo)
        return
    fi
    fail "Only an administrator can install packages. Please ask one to run:
    apt-get install --no-install-recommends $*"
}

apt_get() {
    "${administrator[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >&2
}

# Checks that a Swift toolchain that can build the project is on the PATH.
require_swift() {
    local version
    local cure="Swift 6.2 or newer is required: see https://www.swift.org/install/linux, and put its usr/bin on the PATH."
    command -v swift >/dev/null || fail "There is no swift on the PATH. $cure"
    version=$(swift --version 2>&1) || fail "swift does not run: $version $cure"
    version=$(sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' <<<"$version" | head -n 1)
    if ! awk -v found="${version:-0.0}" 'BEGIN { split(found, v, "."); exit v[1] * 1000 + v[2] < 6002 }'; then
        fail "The swift on the PATH is version ${version:-unknown}. $cure"
    fi
}

# Everything that a build needs; packages first, because swift needs some of them to start on a minimal Debian.
require_all() {
    require_packages "${build_packages[@]}" "${toolchain_packages[@]}"
    require_swift
}

# The number of cores that this process may use; hardware threads of a core are not counted separately.
available_cores() {
    local allowed
    allowed=$(allowed_cpus)
    lscpu --parse=CPU,CORE,SOCKET 2>/dev/null | awk -F, -v allowed="$allowed" -v otherwise="$(available_threads)" '
        BEGIN {
            count = split(allowed, ranges, ",")
            for (i = 1; i <= count; i++) {
                split(ranges[i], ends, "-")
                for (cpu = ends[1] + 0; cpu <= (ends[2] == "" ? ends[1] : ends[2]) + 0; cpu++) usable[cpu] = 1
            }
        }
        /^[0-9]/ && ($1 + 0) in usable && !(($2, $3) in seen) { seen[$2, $3] = 1; cores++ }
        END { print (cores ? cores : otherwise) }'
}

# The number of hardware threads that this process may use, without OpenMP's settings, which nproc would apply.
available_threads() {
    env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc
}

# The list of CPUs that this process may run on, such as 0-3,8.
allowed_cpus() {
    sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status
}

# Exports the variables that a local mpirun needs on this machine; they are harmless elsewhere.
set_mpi_environment() {
    # Open MPI requires both before it runs as root, which is the user in most containers.
    if [ "$(id -u)" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    # Ranks of one host copy directly from each other's memory. Containers may forbid this, which causes many messages
    # at run time; there, ranks copy through shared memory.
    if memory_is_private; then
        export OMPI_MCA_btl_vader_single_copy_mechanism=none
    fi
}

# Whether this machine may forbid a process to read its sibling's memory: in a container, under a seccomp filter, or if
# Yama allows it only to administrators. (Yama's level 1 is not a problem: Open MPI calls prctl.)
memory_is_private() {
    [ -e /.dockerenv ] || [ -e /run/.containerenv ] || [ -n "${container:-}" ] ||
        grep -q '^Seccomp:[[:space:]]*2' /proc/self/status ||
        [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null || echo 0)" -ge 2 ]
}

# For more ranks than cores: waiting ranks yield instead of spinning.
set_oversubscribed_environment() {
    export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_rmaps_base_oversubscribe=1
}

# 60,000 characters of words from a fixed congruential generator, with enough structure for the loss to decrease.
invented_text() {
    awk 'BEGIN {
        count = split("the a of ocean river stone light and under over sings falls moves through small grey", word, " ")
        for (state = 1; length_so_far < 60000; length_so_far += length(text) + 1) {
            state = (state * 16807) % 2147483647
            text = word[state % count + 1]
            printf "%s%s", text, state % 11 ? " " : "\n"
        }
    }'
}
