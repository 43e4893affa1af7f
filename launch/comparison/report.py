"""The results of a comparison: figures with their spread, tables as text and Markdown, JSON."""

import statistics
from collections import namedtuple


class Figure:
    """The median of measurements, shown with their minimum and maximum."""

    def __init__(self, values):
        self.values = list(values)

    @property
    def median(self):
        return statistics.median(self.values)

    def text(self, digits):
        if not self.values:
            return "-"
        text = f"{self.median:,.{digits}f}"
        if len(self.values) > 1:
            text += f" ({min(self.values):,.{digits}f} to {max(self.values):,.{digits}f})"
        return text

    @property
    def json(self):
        if not self.values:
            return None
        return {"median": self.median, "min": min(self.values), "max": max(self.values), "values": self.values}


class Measured:
    """All measurements of one shape with one rank count; lists of turns, with tokens per second of all ranks together."""

    LEAST_QUIET = 5
    """Minimum quiet lines of each side for a ratio of quiet lines."""

    def __init__(self, shape, ranks, executed):
        self.shape = shape
        self.executed = executed
        """The fraction of the nominal operations that lstm-dist executes."""
        self.ranks = ranks
        self.ours = []
        self.plain = []
        self.tcmalloc = []
        self.peaks = []
        """Peak GFLOP/s of one core for each of `ours`; only with one rank."""
        self.pairs = []
        """Tokens per second of N ranks together, and of N single ranks side by side."""

    @property
    def best(self):
        """PyTorch's faster variant by median: its name and its measurements."""
        ways = [("plain", self.plain), ("tcmalloc", self.tcmalloc)]
        return max(ways, key=lambda way: statistics.median(turn.median for turn in way[1]))

    @property
    def against_pytorch(self):
        """Ratios by turn: measurements that were taken one after the other are compared."""
        return Figure(our.median / their.median for our, their in zip(self.ours, self.best[1]))

    @property
    def against_pytorch_quiet(self):
        """The ratio of the medians of both sides' quiet lines; empty if a side has too few."""
        ours, theirs = quiet(self.ours), quiet(self.best[1])
        if min(len(ours), len(theirs)) < self.LEAST_QUIET:
            return Figure([])
        return Figure([statistics.median(ours) / statistics.median(theirs)])

    @property
    def quiet_lines(self):
        """Of lstm-dist and of PyTorch's best, with all lines."""
        return [(len(quiet(turns)), sum(turn.lines for turn in turns)) for turns in (self.ours, self.best[1])]

    @property
    def gigaflops(self):
        """Nominal GFLOP/s of a rank."""
        return Figure(self.flops(turn.median) for turn in self.ours)

    def flops(self, rate):
        return rate * self.shape.flops_per_token / self.ranks / 1e9

    @property
    def of_peak(self):
        """Of the quiet lines; without one, empty."""
        rates = quiet(self.ours)
        if not rates or not self.peaks:
            return Figure([])
        return Figure([self.flops(statistics.median(rates)) / max(self.peaks)])

    @property
    def against_side_by_side(self):
        return Figure(together / apart for together, apart in self.pairs)

    @property
    def json(self):
        return {
            "shape": self.shape.name,
            "ranks": self.ranks,
            "lstm_dist_tokens_per_second": medians(self.ours).json,
            "pytorch_plain_tokens_per_second": medians(self.plain).json,
            "pytorch_tcmalloc_tokens_per_second": medians(self.tcmalloc).json,
            "quiet_lines": self.quiet_lines,
            "against_pytorch_quiet": self.against_pytorch_quiet.json,
            "pytorch_best": self.best[0],
            "against_pytorch": self.against_pytorch.json,
            "nominal_gflops_per_rank": self.gigaflops.json,
            "executed_share": self.executed,
            "fma_peak_gflops": Figure(self.peaks).json,
            "of_peak": self.of_peak.json,
            "against_side_by_side": self.against_side_by_side.json,
            "pairs": self.pairs,
        }


def medians(turns):
    return Figure(turn.median for turn in turns)


def quiet(turns):
    return [rate for turn in turns for rate in turn.quiet]


Memory = namedtuple("Memory", "ranks ours plain tcmalloc")
"""MiB of a rank."""


class Table(namedtuple("Table", "head rows")):
    @property
    def text(self):
        widths = [max(len(row[column]) for row in [self.head, *self.rows]) for column in range(len(self.head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [self.head, *self.rows]]
        return "\n".join(lines)

    @property
    def markdown(self):
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def summary(measured):
    """One row per shape, with the ratios of all rank counts."""
    counts = sorted({entry.ranks for entry in measured})
    head = ["shape"]
    for ranks in counts:
        if ranks == 1:
            head += ["of FMA peak, 1 rank", "executed alone", "against PyTorch's best, 1 rank", "quiet lines only"]
        else:
            head += [f"against DDP's best, {ranks} ranks", "quiet lines only"]
            if any(entry.pairs for entry in measured if entry.ranks == ranks):
                head.append(f"{ranks} ranks against {ranks} side by side")
    rows = []
    for name in dict.fromkeys(entry.shape.name for entry in measured):
        row = [name]
        for entry in sorted((e for e in measured if e.shape.name == name), key=lambda e: e.ranks):
            if entry.ranks == 1:
                row.append(entry.of_peak.text(3))
                row.append(f"{entry.of_peak.median * entry.executed:.3f}" if entry.of_peak.values else "-")
            row.append(entry.against_pytorch.text(2))
            (ours, all_ours), (theirs, all_theirs) = entry.quiet_lines
            row.append(f"{entry.against_pytorch_quiet.text(2)} ({ours}/{all_ours}, {theirs}/{all_theirs})")
            if entry.ranks > 1 and any("side by side" in title and title.startswith(f"{entry.ranks} ") for title in head):
                row.append(entry.against_side_by_side.text(3))
        rows.append(row)
    return Table(head, rows)


def details(measured):
    """One row per shape and rank count, with the figures behind the ratios."""
    head = ["shape", "ranks", "lstm-dist tokens/s", "GFLOP/s a rank", "FMA peak", "PyTorch plain", "with tcmalloc"]
    rows = [
        [
            entry.shape.name,
            str(entry.ranks),
            medians(entry.ours).text(0),
            entry.gigaflops.text(1),
            Figure(entry.peaks).text(1),
            medians(entry.plain).text(0),
            medians(entry.tcmalloc).text(0),
        ]
        for entry in measured
    ]
    return Table(head, rows)


def memory_table(memory):
    head = ["ranks", "lstm-dist MiB", "PyTorch plain", "with tcmalloc", "of PyTorch's lower"]
    rows = [
        [
            str(entry.ranks),
            f"{entry.ours:.0f}",
            f"{entry.plain:.0f}",
            f"{entry.tcmalloc:.0f}",
            f"{entry.ours / min(entry.plain, entry.tcmalloc):.2f}",
        ]
        for entry in memory
    ]
    return Table(head, rows)


class Report(namedtuple("Report", "facts command measured memory")):
    """facts: pairs of a name and a value that describe programs and machine."""

    @property
    def heading(self):
        facts = dict(self.facts)
        return (
            f"lstm-dist {facts['lstm-dist']} (SIMD level {facts['SIMD level']}) against PyTorch {facts['PyTorch']}, "
            f"{facts['CPU']}, {facts['cores']} cores, {facts['date']}"
        )

    legend = (
        "Tokens/s of training from a file, one thread per rank; medians of alternating turns (minimum to maximum). "
        "PyTorch's best is the better of plain and with tcmalloc. GFLOP/s and the share of the peak are "
        "nominal; executed alone excludes what lstm-dist saves where equal tokens of a window share their input's product. "
        "A line, some steps of a training, is quiet if nothing else used the cores' other hardware threads; the share of "
        "the peak counts quiet lines only, and is shown as - without them (in parentheses: quiet lines of all, of both sides)."
    )
    memory_legend = "Memory of a rank at ptb-medium: proportional set size, the highest while training."

    @property
    def text(self):
        parts = [self.heading, self.legend, "", summary(self.measured).text, "", details(self.measured).text]
        if self.memory:
            parts += ["", self.memory_legend, memory_table(self.memory).text]
        return "\n".join(parts)

    @property
    def markdown(self):
        parts = [self.heading + ".", "", f"    {self.command}", "", self.legend, "", summary(self.measured).markdown, ""]
        parts.append(details(self.measured).markdown)
        if self.memory:
            parts += ["", self.memory_legend, "", memory_table(self.memory).markdown]
        return "\n".join(parts) + "\n"

    @property
    def json(self):
        return {
            "facts": dict(self.facts),
            "command": self.command,
            "rows": [entry.json for entry in self.measured],
            "memory_mib_per_rank": [entry._asdict() for entry in self.memory],
        }
