"""Trains small classifiers and labellers of series in PyTorch, as lstm-dist defines them, and stores the numbers to
compare with.

Needs:  pip install torch==2.13.0 numpy safetensors
Run:    python make_series_fixtures.py        (a few seconds on one core; writes beside itself)

It writes
    series.ts                    40 sequences of 3 channels and 2 to 9 time steps, of 4 classes
    labelled.jsonl               the same, with one of 4 labels for each time step
    initial-<task>-<case>.safetensors, final-<task>-<case>.safetensors   weights before and after 30 steps
    series.json                  each case's task and keys, and the loss and gradient norm of each step

The batches are the file's sequences in their order, 12 at a time; the last one of an epoch has 4. The inputs are the
values as they are in the file. The script stops if float32 is too far from the same training in Double.
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).resolve().parent
CHANNELS, CLASSES, HIDDEN, LAYERS, BATCH, STEPS, SEQUENCES = 3, 4, 9, 2, 12, 30, 40
RATE, CLIP_NORM, TOLERANCE = 0.01, 0.45, 1e-4

# Task, name, cell, both directions, and the pooling or the head.
CASES = [
    ("classification", "last", "lstm", False, "last"), ("classification", "both-last", "lstm", True, "last"),
    ("classification", "both-mean", "gru", True, "mean"), ("labelling", "softmax", "gru", True, "softmax"),
    ("labelling", "crf", "lstm", True, "crf"),
]
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


def make_series():
    """Values with three decimals, which float32 and the file share; a class shifts the channels by a slow wave."""
    random = np.random.default_rng(2014)
    series = []
    for _ in range(SEQUENCES):
        length, label = int(random.integers(2, 10)), int(random.integers(CLASSES))
        wave = np.sin(np.arange(length)[:, None] * (label + 1) / 2 + np.arange(CHANNELS))
        values = np.round(wave + random.normal(0, 0.3, (length, CHANNELS)), 3)
        # A label of a time step follows from the values and from the label before.
        labels = []
        for row in values:
            labels.append(int(row[0] > row[1]) + 2 * int(row[2] > 0.3 * (labels[-1] if labels else 0)))
        series.append((values, label, labels))
    return series


def text(series):
    lines = ["@problemName Made-up-waves", "@classLabel true " + " ".join(map(str, range(CLASSES))), "@data"]
    for values, label, _ in series:
        lines.append(":".join(",".join(f"{value:g}" for value in channel) for channel in values.T) + f":{label}")
    return "\n".join(lines) + "\n"


def labelled_text(series):
    return "".join(json.dumps({"values": values.tolist(), "labels": labels}) + "\n" for values, _, labels in series)


class RandomField(nn.Module):
    """A linear-chain conditional random field (Lafferty et al., 2001), with the names of pytorch-crf."""

    def __init__(self):
        super().__init__()
        self.transitions = nn.Parameter(torch.empty(CLASSES, CLASSES).uniform_(-0.1, 0.1))
        self.start_transitions = nn.Parameter(torch.empty(CLASSES).uniform_(-0.1, 0.1))
        self.end_transitions = nn.Parameter(torch.empty(CLASSES).uniform_(-0.1, 0.1))

    def loss(self, scores, labels):
        """The negative log-likelihood of labels [T] by their scores [T, K]."""
        sums = scores[0] + self.start_transitions
        for row in scores[1:]:
            sums = torch.logsumexp(sums[:, None] + self.transitions, 0) + row
        path = scores[torch.arange(len(labels)), labels].sum() + self.transitions[labels[:-1], labels[1:]].sum()
        path = path + self.start_transitions[labels[0]] + self.end_transitions[labels[-1]]
        return torch.logsumexp(sums + self.end_transitions, 0) - path


class Network(nn.Module):
    def __init__(self, task, cell, both, way):
        super().__init__()
        self.task, self.way = task, way
        if way == "crf":
            self.crf = RandomField()
        self.rnn = CELLS[cell](CHANNELS, HIDDEN, LAYERS, bidirectional=both)
        self.output = nn.Linear(HIDDEN * (2 if both else 1), CLASSES)

    def loss(self, part, dtype):
        """The mean loss over the sequences, or over their time steps."""
        lengths = torch.tensor([len(values) for values, _, _ in part])
        values = nn.utils.rnn.pad_sequence([torch.tensor(v, dtype=torch.float32).to(dtype) for v, _, _ in part])
        packed = nn.utils.rnn.pack_padded_sequence(values, lengths, enforce_sorted=False)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0])
        if self.task == "labelling":
            rows = [(self.output(hidden[:len(labels), b]), torch.tensor(labels)) for b, (_, _, labels) in enumerate(part)]
            loss = self.crf.loss if self.way == "crf" else lambda a, b: nn.functional.cross_entropy(a, b, reduction="sum")
            return sum(loss(scores, labels) for scores, labels in rows) / lengths.sum()
        if self.way == "mean":
            rows = hidden.sum(0) / lengths[:, None].to(hidden.dtype)
        else:
            last = hidden[lengths - 1, torch.arange(len(lengths)), :HIDDEN]
            rows = torch.cat([last, hidden[0, :, HIDDEN:]], 1)
        return nn.functional.cross_entropy(self.output(rows), torch.tensor([label for _, label, _ in part]))


def train(case, series, initial, dtype):
    task, _, cell, both, way = case
    model = Network(task, cell, both, way)
    model.load_state_dict(initial)
    model.to(dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    losses, norms = [], []
    first = 0
    for _ in range(STEPS):
        part = series[first:first + BATCH]
        first = (first + BATCH) % SEQUENCES if first + BATCH < SEQUENCES else 0
        loss = model.loss(part, dtype)
        optimizer.zero_grad()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM).item())
        optimizer.step()
        losses.append(loss.item())
    return losses, norms, {key: value.float().contiguous() for key, value in model.state_dict().items()}


def main():
    series = make_series()
    (FOLDER / "series.ts").write_text(text(series))
    (FOLDER / "labelled.jsonl").write_text(labelled_text(series))
    cases = []
    for case in CASES:
        torch.manual_seed(7)
        task, name, cell, both, way = case
        initial = Network(task, cell, both, way).state_dict()
        losses, norms, final = train(case, series, initial, torch.float32)
        exact, _, exact_final = train(case, series, initial, torch.float64)
        worst = max(abs(a / b - 1) for a, b in zip(losses, exact))
        apart = max((final[key] - exact_final[key]).abs().max() / exact_final[key].abs().max() for key in final)
        assert worst < TOLERANCE / 10 and apart < TOLERANCE / 2, (case, worst, apart)
        assert 0 < sum(norm > CLIP_NORM for norm in norms) < STEPS, (case, norms)
        assert losses[-1] < 0.9 * losses[0], (case, losses)
        save_file({key: value.contiguous() for key, value in initial.items()},
                  FOLDER / f"initial-{task}-{name}.safetensors")
        save_file(final, FOLDER / f"final-{task}-{name}.safetensors")
        cases.append({
            "task": task, "name": name,
            "model": {"cell": cell, "bidirectional": both, "head" if task == "labelling" else "pooling": way,
                      "layers": LAYERS, "hidden": HIDDEN},
            "training": {"batch": BATCH, "steps": STEPS, "clip_norm": CLIP_NORM, "shuffle": False,
                         "optimizer": {"name": "adam", "learning_rate": RATE}},
            "losses": losses, "gradient_norms": norms})
        print(f"{task} {name}: loss {losses[0]:.4f} to {losses[-1]:.4f}; float32 off by {worst:.1e}, weights {apart:.1e}; "
              f"{sum(norm > CLIP_NORM for norm in norms)} steps clipped")
    (FOLDER / "series.json").write_text(json.dumps(cases, indent=1) + "\n")


main()
