"""Starts the measured processes on separate cores, and ends all of them if one fails."""

import os
import signal
import subprocess
import time


class Failure(Exception):
    """A failed process; the message has its output."""


class Process:
    """A process and its children, restricted to a list of CPUs."""

    def __init__(self, command, cpus, folder, environment=None):
        self.command = command
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.output_path = os.path.join(folder, "output")
        self.errors_path = os.path.join(folder, "errors")
        with open(self.output_path, "wb") as output, open(self.errors_path, "wb") as errors:
            self.process = subprocess.Popen(
                ["taskset", "--cpu-list", ",".join(map(str, cpus)), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    @property
    def output(self):
        with open(self.output_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def runs(self):
        return self.process.poll() is None

    def check(self):
        """Raises if the process ended with a status other than 0."""
        if self.process.poll() in (None, 0):
            return
        with open(self.errors_path, encoding="utf-8", errors="replace") as file:
            errors = file.read().strip() or "(none)"
        raise Failure(f"'{' '.join(self.command)}' ended with {self.process.returncode}. Its error output:\n{errors}")

    def end(self):
        """Ends the process group if it is still running: first by SIGTERM, so that mpirun can end its ranks."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.runs:
                os.killpg(self.process.pid, number)
                try:
                    self.process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    continue


class Watch:
    """Watches each CPU for other load on its core's other hardware thread, by `lstm-dist bench neighbour`."""

    LIMIT = 0.85
    """Minimum share of quiet measurements of a quiet interval."""

    def __init__(self, program, cpus, folder):
        command = [program, "bench", "neighbour", "--seconds", "900000"]
        self.processes = {cpu: Process(command, [cpu], os.path.join(folder, f"watch-{cpu}")) for cpu in cpus}

    def is_quiet(self, cpus, start, end):
        """Whether all CPUs were quiet between two times in seconds since 1970."""
        return all(self.share(cpu, start, end) >= self.LIMIT for cpu in cpus)

    def share(self, cpu, start, end):
        self.processes[cpu].check()
        lines = [line.split() for line in self.processes[cpu].output.splitlines()[:-1]]
        # A line covers the tenth of a second before its time.
        shares = [float(share) for time, share in lines if start <= float(time) <= end + 0.1]
        return sum(shares) / len(shares) if shares else 0

    def end(self):
        for process in self.processes.values():
            process.end()


def wait(processes, watch=lambda: None):
    """Waits until all have succeeded; if one fails, ends the others and raises its Failure."""
    try:
        while any(process.runs for process in processes):
            for process in processes:
                process.check()
            watch()
            time.sleep(0.02)
        for process in processes:
            process.check()
    finally:
        for process in processes:
            process.end()


def alternate(groups, seconds):
    """Lets groups of processes take turns of about `seconds` until all have succeeded, so that other load affects them
    alike: all but one group are stopped by SIGSTOP. Returns the turns of each group, as pairs of times since 1970.
    """
    turns = [[] for _ in groups]
    try:
        for group in groups:
            signal_all(group, signal.SIGSTOP)
        while any(process.runs for group in groups for process in group):
            for group, its in zip(groups, turns):
                if not any(process.runs for process in group):
                    continue
                signal_all(group, signal.SIGCONT)
                began = time.time()
                while time.time() < began + seconds and any(process.runs for process in group):
                    for process in group:
                        process.check()
                    time.sleep(0.02)
                ended = time.time()
                signal_all(group, signal.SIGSTOP)
                its.append((began, ended))
        for group in groups:
            for process in group:
                process.check()
        return turns
    finally:
        for group in groups:
            signal_all(group, signal.SIGCONT)
            for process in group:
                process.end()


def signal_all(group, number):
    """Signals processes and their descendants: mpirun's ranks are in process groups of their own."""
    for process in group:
        if process.runs:
            for identifier in descendants(process.process.pid):
                try:
                    os.kill(identifier, number)
                except ProcessLookupError:
                    continue  # it has ended


def pss(process, name):
    """Proportional set sizes in MiB of a process and its descendants whose program or script is `name`."""
    sizes = []
    for identifier in descendants(process.process.pid):
        try:
            with open(f"/proc/{identifier}/cmdline", "rb") as file:
                # Only the program and its first argument (a Python script): mpirun's arguments contain the name, too.
                words = file.read().split(b"\0")[:2]
            if not any(os.path.basename(word) == name.encode() for word in words):
                continue
            with open(f"/proc/{identifier}/smaps_rollup", encoding="ascii") as file:
                sizes += [int(line.split()[1]) / 1024 for line in file if line.startswith("Pss:")]
        except OSError:
            continue  # it has ended
    return sizes


def descendants(root):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                    # The name in parentheses can contain any character; state and parent follow it.
                    parents[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found = [root]
    for identifier in found:
        found += [child for child, parent in parents.items() if parent == identifier]
    return found


def cores():
    """The first hardware thread of each core that this process may use."""
    firsts, seen = [], set()
    for cpu in sorted(os.sched_getaffinity(0)):
        topology = f"/sys/devices/system/cpu/cpu{cpu}/topology"
        try:
            with open(f"{topology}/core_id") as core, open(f"{topology}/physical_package_id") as package:
                identifier = (package.read().strip(), core.read().strip())
        except OSError:
            identifier = cpu
        if identifier not in seen:
            seen.add(identifier)
            firsts.append(cpu)
    return firsts
