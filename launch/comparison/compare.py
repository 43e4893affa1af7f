"""Measures lstm-dist and PyTorch in turns and prints the results. Started by launch/compare-pytorch, which checks the
options and explains them in its help.
"""

import argparse
import datetime
import json
import shlex
import signal
import subprocess
import sys
import tempfile

import texts
from processes import Failure, Watch, alternate, cores
from report import Measured, Memory, Report
from shapes import SHAPES, named
from sides import LSTMDist, PyTorch


def note(line):
    print(line, file=sys.stderr, flush=True)


class Comparison:
    def __init__(self, options):
        self.options = options
        self.cpus = cores()
        self.ours = LSTMDist(options.program, options.folder)
        self.plain = PyTorch(options.folder, tcmalloc=False)
        self.tcmalloc = PyTorch(options.folder, tcmalloc=True)
        self.peak_shape = named("adding-128")
        self.watch = Watch(self.ours.program, self.cpus[: max(options.ranks)], options.folder)
        for side in (self.ours, self.plain, self.tcmalloc):
            side.watch = self.watch

    def peak(self):
        """The current multiply-add peak of the core that one rank runs on."""
        return self.ours.peak(self.peak_shape, texts.make(self.peak_shape, self.options.folder), self.cpus)[
            "fma_peak_gflops"
        ]

    def measure(self, shape):
        """All measurements of a shape, by rank count."""
        corpus = texts.make(shape, self.options.folder)
        self.ours.check(shape, corpus, max(self.options.ranks), self.cpus)
        plan = self.ours.calibrate(shape, corpus, self.options.seconds, self.cpus)
        return [self.measure_ranks(shape, corpus, plan, ranks) for ranks in self.options.ranks]

    def measure_ranks(self, shape, corpus, plan, ranks):
        executed = shape.executed_flops_per_token(corpus.ids) / shape.flops_per_token
        measured = Measured(shape, ranks, executed)
        cpus = self.cpus[:ranks]
        where = (shape, corpus, ranks, plan, cpus)
        # Several lines, so that few are cut.
        seconds = max(1.5, 5 * shape.tokens_per_step * plan.steps_per_line / plan.tokens_per_second)
        sides = [(self.ours, measured.ours), (self.plain, measured.plain), (self.tcmalloc, measured.tcmalloc)]
        for repeat in range(self.options.repeats):
            before = self.peak() if ranks == 1 else None
            order = sides if repeat % 2 == 0 else sides[::-1]
            started = [side.start(*where) for side, _ in order]
            for (side, results), processes, turns in zip(order, started, alternate(started, seconds)):
                results.append(side.finish(processes, cpus, turns))
            if ranks == 1:
                # Other load on the core lowers the measured peak, so the better of two measurements is used.
                measured.peaks.append(max(before, self.peak()))
            note(
                f"{shape.name}, ranks {ranks}, turn {repeat + 1} of {self.options.repeats}: lstm-dist "
                f"{measured.ours[-1].median:,.0f} tokens/s, PyTorch {measured.plain[-1].median:,.0f}, with tcmalloc "
                f"{measured.tcmalloc[-1].median:,.0f}; quiet lines {len(measured.ours[-1].quiet)}, "
                f"{len(measured.plain[-1].quiet)}, {len(measured.tcmalloc[-1].quiet)} of {measured.ours[-1].lines}"
            )
        for pair in range(self.options.pairs if ranks > 1 else 0):
            together = self.ours.start(*where)
            apart = self.ours.start_side_by_side(*where)
            first, second = alternate([together, apart], seconds)
            measured.pairs.append(
                (self.ours.finish(together, cpus, first).median, self.ours.finish_side_by_side(apart, second))
            )
            note(
                f"{shape.name}, pair {pair + 1} of {self.options.pairs}: {ranks} ranks together "
                f"{measured.pairs[-1][0]:,.0f} tokens/s, side by side {measured.pairs[-1][1]:,.0f}"
            )
        return measured

    def measure_memory(self, ranks):
        shape = named("ptb-medium")
        corpus = texts.make(shape, self.options.folder)
        plan = self.ours.calibrate(shape, corpus, self.options.seconds, self.cpus)
        where = (shape, corpus, ranks, plan, self.cpus)
        memory = Memory(ranks, *(side.memory(*where) for side in (self.ours, self.plain, self.tcmalloc)))
        note(
            f"memory of a rank, ranks {ranks}: lstm-dist {memory.ours:.0f} MiB, PyTorch {memory.plain:.0f}, "
            f"with tcmalloc {memory.tcmalloc:.0f}"
        )
        return memory

    def facts(self):
        said = subprocess.run([self.options.program, "--version"], capture_output=True, text=True, check=True).stdout
        doctor = subprocess.run([self.options.program, "doctor"], capture_output=True, text=True, check=True).stdout
        level = next(line for line in doctor.splitlines() if line.startswith("SIMD level"))
        cpu = next(line for line in doctor.splitlines() if line.startswith("CPU"))
        return [
            ("lstm-dist", said.split()[1]),
            ("SIMD level", level.split("built for ")[1].split(",")[0]),
            ("PyTorch", self.plain.version),
            ("CPU", cpu.split(maxsplit=1)[1]),
            ("cores", len(self.cpus)),
            ("date", datetime.date.today().isoformat()),
        ]

    def run(self):
        if max(self.options.ranks) > len(self.cpus):
            note(
                f"warning: {max(self.options.ranks)} ranks share {len(self.cpus)} core(s), so the figures are not "
                "meaningful; use no more --ranks than cores"
            )
        measured = []
        for name in self.options.shapes:
            measured += self.measure(named(name))
        memory = [self.measure_memory(ranks) for ranks in self.options.ranks] if self.options.memory else []
        return Report(self.facts(), self.command, measured, memory)

    @property
    def command(self):
        """The command line without paths of this machine."""
        words = ["launch/compare-pytorch"]
        words += ["--shapes", ",".join(self.options.shapes), "--ranks", ",".join(map(str, self.options.ranks))]
        for name in ("repeats", "pairs", "seconds"):
            words += [f"--{name}", f"{getattr(self.options, name):g}"]
        return shlex.join(words + (["--memory"] if self.options.memory else []))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--shapes", type=lambda text: text.split(","), default=[shape.name for shape in SHAPES])
    parser.add_argument("--ranks", type=lambda text: sorted({int(word) for word in text.split(",")}), default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--output", action="append", default=[])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory(prefix="compare-pytorch-", dir=options.folder) as options.folder:
            comparison = Comparison(options)
            try:
                report = comparison.run()
            finally:
                comparison.watch.end()
    except Failure as failure:
        sys.exit(f"launch/compare-pytorch: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
    print(report.text)
    for path in options.output:
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(report.json, indent=1) + "\n" if path.endswith(".json") else report.markdown)


main()
