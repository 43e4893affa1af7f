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


def ratio(ours, theirs):
    """Ratios by turn: measurements that were taken one after the other are compared."""
    return Figure(our / their for our, their in zip(ours, theirs))


class Measured:
    """All measurements of one shape with one rank count; lists of tokens per second of all ranks together."""

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
        return max(ways, key=lambda way: statistics.median(way[1]))

    @property
    def against_pytorch(self):
        return ratio(self.ours, self.best[1])

    @property
    def gigaflops(self):
        """Nominal GFLOP/s of a rank."""
        return Figure(rate * self.shape.flops_per_token / self.ranks / 1e9 for rate in self.ours)

    @property
    def of_peak(self):
        return Figure(flops / peak for flops, peak in zip(self.gigaflops.values, self.peaks))

    @property
    def against_side_by_side(self):
        return Figure(together / apart for together, apart in self.pairs)

    @property
    def json(self):
        return {
            "shape": self.shape.name,
            "ranks": self.ranks,
            "lstm_dist_tokens_per_second": Figure(self.ours).json,
            "pytorch_plain_tokens_per_second": Figure(self.plain).json,
            "pytorch_tcmalloc_tokens_per_second": Figure(self.tcmalloc).json,
            "pytorch_best": self.best[0],
            "against_pytorch": self.against_pytorch.json,
            "nominal_gflops_per_rank": self.gigaflops.json,
            "executed_share": self.executed,
            "fma_peak_gflops": Figure(self.peaks).json,
            "of_peak": self.of_peak.json,
            "against_side_by_side": self.against_side_by_side.json,
            "pairs": self.pairs,
        }


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
            head += ["of FMA peak, 1 rank", "executed alone", "against PyTorch's best, 1 rank"]
        else:
            head.append(f"against DDP's best, {ranks} ranks")
            if any(entry.pairs for entry in measured if entry.ranks == ranks):
                head.append(f"{ranks} ranks against {ranks} side by side")
    rows = []
    for name in dict.fromkeys(entry.shape.name for entry in measured):
        row = [name]
        for entry in sorted((e for e in measured if e.shape.name == name), key=lambda e: e.ranks):
            if entry.ranks == 1:
                row.append(entry.of_peak.text(3))
                row.append(f"{entry.of_peak.median * entry.executed:.3f}")
            row.append(entry.against_pytorch.text(2))
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
            Figure(entry.ours).text(0),
            entry.gigaflops.text(1),
            Figure(entry.peaks).text(1),
            Figure(entry.plain).text(0),
            Figure(entry.tcmalloc).text(0),
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
        "nominal; executed alone excludes what lstm-dist saves where equal tokens of a window share their input's product."
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
