"""Reads lstm-dist's checkpoints with PyTorch, and PyTorch's weights with lstm-dist; compares the losses.

Started by launch/dev/read-with-pytorch in an empty folder, with the path of lstm-dist. Ends with 1 if a loss differs by
more than 1e-5, relative.
"""

import json
import subprocess
import sys

import torch
from safetensors.torch import load_file, save_file

PROGRAM = sys.argv[1]
TOLERANCE = 1e-5
STREAMS, WINDOW, HIDDEN, EMBEDDING, LAYERS = 6, 20, 24, 10, 2
CELLS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}


class Model(torch.nn.Module):
    """Modules with the names of lstm-dist's tensors. A token is a byte."""

    def __init__(self, cell):
        super().__init__()
        self.embedding = torch.nn.Embedding(256, EMBEDDING)
        self.rnn = CELLS[cell](EMBEDDING, HIDDEN, LAYERS)
        self.output = torch.nn.Linear(HIDDEN, 256)

    @torch.no_grad()
    def loss(self, text, steps=None):
        """Mean loss in nats over the first `steps` time steps (default: all) of STREAMS streams, from a zero state."""
        length = len(text) // STREAMS
        tokens = torch.frombuffer(bytearray(text[: length * STREAMS]), dtype=torch.uint8).long()
        tokens = tokens.view(STREAMS, length).t()
        steps = steps or length - 1
        hidden, _ = self.rnn(self.embedding(tokens[:steps]))
        scores = self.output(hidden).double()
        targets = tokens[1 : steps + 1]
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten()).item()


def text(seed, count):
    """Words from a congruential generator."""
    words = "the a of ocean river stone light and under over sings falls moves through small grey".split()
    result = []
    for _ in range(count):
        seed = seed * 16807 % 2147483647
        result.append(words[seed % len(words)] + (" " if seed % 11 else ".\n"))
    return "".join(result).encode()


def lstm_dist(*arguments, ranks=2):
    command = ["mpirun", "-q", "-n", str(ranks), PROGRAM, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL).stdout


def compare(what, ours, theirs):
    difference = abs(ours - theirs) / theirs
    print(f"{what}: lstm-dist {ours:.7f}, PyTorch {theirs:.7f}, relative difference {difference:.1e}")
    return difference <= TOLERANCE


def main():
    training, validation = text(1, 4000), text(5, 700)
    for name, content in [("train.txt", training), ("valid.txt", validation)]:
        with open(name, "wb") as file:
            file.write(content)
    agree = True
    for cell in CELLS:
        config = f"{cell}.yaml"
        with open(config, "w") as file:
            file.write(
                f"task: language-model\n"
                f"data: {{train: train.txt, validation: valid.txt, tokenizer: byte}}\n"
                f"model: {{cell: {cell}, layers: {LAYERS}, hidden: {HIDDEN}, embedding: {EMBEDDING}}}\n"
                f"training: {{batch: {STREAMS}, window: {WINDOW}, steps: 400, optimizer: {{learning_rate: 0.01}}}}\n"
                f"validation: {{every_steps: 100}}\n"
                f"logging: {{every_steps: 1}}\n"
            )
        # Trained by lstm-dist, read by PyTorch.
        lstm_dist("train", config, "--run", cell, "--quiet")
        ours = json.loads(lstm_dist("evaluate", cell))
        model = Model(cell)
        model.load_state_dict(load_file(f"{ours['checkpoint']}/model.safetensors"), strict=True)
        agree &= compare(f"{cell}, trained by lstm-dist", ours["loss"], model.loss(validation))

        # Initialised by PyTorch, trained by lstm-dist.
        torch.manual_seed(3)
        model = Model(cell)
        weights = f"{cell}.safetensors"
        save_file(model.state_dict(), weights)
        lstm_dist("train", config, "--run", f"{cell}-on", "--quiet", "--init-from", weights)
        with open(f"{cell}-on/metrics.jsonl") as file:
            losses = [line["loss"] for line in map(json.loads, file) if line["split"] == "train"]
        agree &= compare(f"{cell}, initialised by PyTorch", losses[0], model.loss(training, WINDOW))
        if not losses[-1] < 0.8 * losses[0]:
            print(f"{cell}: the loss only decreased from {losses[0]} to {losses[-1]}")
            agree = False
    print("all losses agree" if agree else f"some losses differ by more than {TOLERANCE}")
    sys.exit(0 if agree else 1)


main()
