"""The two sides of the comparison: each trains a shape on a number of ranks and returns tokens per second."""

import json
import os
import shutil
import statistics
import sys
from collections import namedtuple

from processes import Failure, Process, pss, wait

HERE = os.path.dirname(os.path.abspath(__file__))
TCMALLOC = "libtcmalloc_minimal.so.4"
WARM_UP_LINES = 2

Plan = namedtuple("Plan", "steps_per_line lines tokens_per_second")
"""The length of a training, the same for both sides, and roughly its speed on one rank. The first WARM_UP_LINES are not
measured."""


Line = namedtuple("Line", "tokens_per_second start end")
"""Some steps of a training; times in seconds since 1970."""


class Turn:
    """The lines of a training after its warm-up, on these CPUs.

    If it took turns with others (`processes.alternate`), only lines within its turns count.
    """

    def __init__(self, lines, watch, cpus, turns=None):
        lines = lines[WARM_UP_LINES:]
        if turns is not None:
            lines = [line for line in lines if any(begin <= line.start and line.end <= end for begin, end in turns)]
            if not lines:
                raise Failure("no line of a training lies within one of its turns; use more --seconds")
        self.median = statistics.median(line.tokens_per_second for line in lines)
        self.lines = len(lines)
        self.quiet = [
            line.tokens_per_second for line in lines if watch is not None and watch.is_quiet(cpus, line.start, line.end)
        ]
        """Tokens per second of the quiet lines."""


class LSTMDist:
    """`lstm-dist train` on a text: several ranks by launch/local, a single one without mpirun."""

    def __init__(self, program, folder):
        self.program = os.path.abspath(program)
        self.folder = folder
        self.runs = 0
        self.watch = None

    def start(self, shape, corpus, ranks, plan, cpus):
        self.runs += 1
        folder = os.path.join(self.folder, f"run-{self.runs}")
        config = os.path.join(self.folder, f"{shape.name}-{self.runs}.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(shape.config(corpus.text, ranks, plan.lines * plan.steps_per_line, plan.steps_per_line))
        words = ["train", config, "--run", os.path.join(folder, "run"), "--quiet"]
        if ranks == 1:
            command = [self.program, *words]
        else:
            command = [os.path.join(HERE, "..", "local"), str(ranks), *words]
        return [Process(command, cpus, folder, {"LSTM_DIST": self.program})]

    def finish(self, started, cpus, turns=None):
        """The results of what `start` returned, after it has ended."""
        process = started[0]
        path = os.path.join(process.folder, "run", "metrics.jsonl")
        with open(path, encoding="utf-8") as file:
            lines = [line for line in map(json.loads, file) if line["split"] == "train"]
        # "seconds" counts from the training's start; the file was last written with its last line.
        began = os.path.getmtime(path) - lines[-1]["seconds"]
        ends = [began + line["seconds"] for line in lines]
        shutil.rmtree(process.folder)
        rates = [line["tokens_per_second"] for line in lines]
        return Turn([Line(*line) for line in zip(rates, [began, *ends], ends)], self.watch, cpus, turns)

    def start_side_by_side(self, shape, corpus, count, plan, cpus):
        """`count` concurrent trainings of one rank, each on a separate core."""
        return [process for i in range(count) for process in self.start(shape, corpus, 1, plan, [cpus[i % len(cpus)]])]

    def finish_side_by_side(self, started, turns):
        """Their total tokens per second."""
        return sum(self.finish([process], [], turns).median for process in started)

    def calibrate(self, shape, corpus, seconds, cpus):
        """A plan for trainings of about `seconds` on one rank, in lines of at least a fifth of a second."""
        started = self.start(shape, corpus, 1, Plan(1, 6, None), cpus[:1])
        wait(started)
        rate = self.finish(started, []).median
        step = shape.tokens_per_step / rate
        steps_per_line = max(1, round(0.2 / step))
        return Plan(steps_per_line, WARM_UP_LINES + max(5, round(seconds / (step * steps_per_line))), rate)

    def check(self, shape, corpus, ranks, cpus):
        """Checks that the text's vocabulary has the size of PyTorch's model."""
        folder = os.path.join(self.folder, "check")
        os.makedirs(folder, exist_ok=True)
        config = os.path.join(folder, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(shape.config(corpus.text, ranks, 1, 1))
        process = Process([self.program, "config", "check", config, "--ranks", str(ranks)], cpus, folder)
        wait([process])
        if f"\nvocabulary  {shape.vocabulary:,} tokens\n" not in process.output:
            raise Failure(f"{shape.name}: the vocabulary is not {shape.vocabulary}:\n{process.output}")

    def peak(self, shape, corpus, cpus):
        """The JSON of `lstm-dist bench step` of a small shape, with one core's multiply-add peak in GFLOP/s."""
        folder = os.path.join(self.folder, "peak")
        os.makedirs(folder, exist_ok=True)
        config = os.path.join(folder, "config.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(shape.config(corpus.text, 1, 1, 1))
        command = [self.program, "bench", "step", config, "--seconds", "0.02", "--json", "-"]
        process = Process(command, cpus[:1], folder)
        wait([process])
        return json.loads(process.output)

    def memory(self, shape, corpus, ranks, plan, cpus):
        """MiB per rank: the maximum, after the first line of metrics, of the mean PSS over ranks."""
        (process,) = self.start(shape, corpus, ranks, plan, cpus[:ranks])
        metrics = os.path.join(process.folder, "run", "metrics.jsonl")
        sizes = watch_memory([process], os.path.basename(self.program), lambda: written(metrics))
        shutil.rmtree(process.folder)
        return sizes


class PyTorch:
    """train_with_torch.py: ranks communicate by gloo on this host."""

    def __init__(self, folder, tcmalloc):
        self.folder = folder
        self.watch = None
        self.tcmalloc = tcmalloc
        self.runs = 0
        self.version = ""

    def start(self, shape, corpus, ranks, plan, cpus):
        self.runs += 1
        folder = os.path.join(self.folder, f"torch-{self.tcmalloc}-{self.runs}")
        environment = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
        if self.tcmalloc:
            environment["LD_PRELOAD"] = TCMALLOC
        command = [
            sys.executable, os.path.join(HERE, "train_with_torch.py"), "--shape", shape.name, "--tokens", corpus.ids,
            "--lines", str(plan.lines), "--steps-per-line", str(plan.steps_per_line), "--ranks", str(ranks),
            "--meeting", os.path.join(folder, "meeting"),
        ]
        # All ranks may use all cores, because gloo has additional threads.
        os.makedirs(folder)
        return [
            Process([*command, "--rank", str(rank)], cpus[:ranks], os.path.join(folder, str(rank)), environment)
            for rank in range(ranks)
        ]

    def finish(self, started, cpus, turns=None):
        """The results of what `start` returned, after it has ended."""
        result = json.loads(started[0].output)
        if result["tcmalloc"] != self.tcmalloc:
            raise Failure(f"PyTorch ran {'without' if self.tcmalloc else 'with'} tcmalloc: is {TCMALLOC} installed?")
        self.version = result["torch"]
        shutil.rmtree(os.path.dirname(started[0].folder))
        ends = result["ends"]
        starts = [ends[0], *ends[:-1]]  # of the first line, which is warm-up, the start does not matter
        lines = [Line(*line) for line in zip(result["tokens_per_second"], starts, ends)]
        return Turn(lines, self.watch, cpus, turns)

    def memory(self, shape, corpus, ranks, plan, cpus):
        """Like LSTMDist.memory, but from the start: loading torch and the tokens needs less memory than training."""
        processes = self.start(shape, corpus, ranks, plan, cpus)
        return watch_memory(processes, "train_with_torch.py", lambda: True)


def written(path):
    return os.path.exists(path) and os.path.getsize(path) > 0


def watch_memory(processes, name, is_training):
    """The maximum, while `is_training` is true, of the mean PSS over ranks."""
    highest = 0.0

    def look():
        nonlocal highest
        if is_training():
            sizes = [size for process in processes for size in pss(process, name)]
            if sizes:
                highest = max(highest, statistics.mean(sizes))

    wait(processes, look)
    return highest
