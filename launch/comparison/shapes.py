"""The models on which lstm-dist and PyTorch are compared, and their operations per token."""

import array
from typing import NamedTuple

FOLDED_SHARE = 0.75
"""Maximum ratio of distinct tokens to tokens of a window for which lstm-dist computes the first layer's input once per
distinct token (Sources/Kernels/Tuning.swift)."""


class Shape(NamedTuple):
    name: str
    vocabulary: int
    embedding: int
    hidden: int
    layers: int
    window: int
    batch: int
    """Sequences per rank: the global batch grows with the number of ranks."""
    tokenizer: str

    @property
    def tokens_per_step(self):
        """Per rank."""
        return self.window * self.batch

    @property
    def flops_per_token(self):
        """Nominal: three times the forward pass, which is 2 x 4H (in + H) per layer and 2HV for the output layer."""
        flops, width = 2 * self.hidden * self.vocabulary, self.embedding
        for _ in range(self.layers):
            flops += 2 * 4 * self.hidden * (width + self.hidden)
            width = self.hidden
        return 3 * flops

    def executed_flops_per_token(self, path):
        """Nominal minus the operations that lstm-dist saves on the tokens of the file `path` (mean over windows)."""
        tokens = array.array("i")
        with open(path, "rb") as file:
            tokens.frombytes(file.read())
        length = len(tokens) // self.batch
        starts = range(0, length - self.window, max(1, length // 50))
        shares = []
        for start in starts:
            window = {tokens[stream * length + start + t] for stream in range(self.batch) for t in range(self.window)}
            share = len(window) / self.tokens_per_step
            shares.append(share if share <= FOLDED_SHARE else 1)
        saved = 1 - sum(shares) / len(shares)
        return self.flops_per_token - saved * 3 * 2 * 4 * self.hidden * self.embedding

    def config(self, text, ranks, steps, steps_per_line):
        """lstm-dist's configuration of a training on the file `text`, without validations and regular checkpoints."""
        return f"""task: language-model
data: {{train: {text}, tokenizer: {self.tokenizer}}}
model: {{cell: lstm, layers: {self.layers}, hidden: {self.hidden}, embedding: {self.embedding}}}
training:
  batch: {self.batch * ranks}
  window: {self.window}
  steps: {steps}
  optimizer: {{name: sgd, learning_rate: 0.1}}
  clip_norm: 5.0
validation: {{every_epochs: 0}}
checkpoint: {{every_steps: 1000000000, keep: 1}}
logging: {{every_steps: {steps_per_line}}}
"""


#   name          vocabulary, embedding, hidden, layers, window, batch of a rank
SHAPES = [
    Shape("char-512", 65, 64, 512, 2, 50, 50, "character"),
    Shape("ptb-medium", 10000, 650, 650, 2, 35, 20, "word"),
    Shape("ptb-large", 10000, 1500, 1500, 2, 35, 20, "word"),
    Shape("ptb-small", 10000, 200, 200, 2, 20, 20, "word"),
    Shape("char-128", 65, 64, 128, 2, 50, 50, "character"),
    Shape("adding-128", 2, 2, 128, 1, 100, 32, "character"),
]


def named(name):
    return next(shape for shape in SHAPES if shape.name == name)
