"""PyTorch's side of the comparison: trains a language model on a file of tokens, on one rank or on several over gloo.

Rank 0 prints one JSON object: tokens per second (of all ranks) and the end of each line of steps, and PyTorch's version. A step is
the same as in lstm-dist: a window of truncated backpropagation with carried state, mean cross-entropy over all tokens,
gradients averaged over ranks, clipped by their global norm, plain gradient descent.

Ranks find each other by --rank, --ranks and --meeting, a file that doesn't exist yet.
"""

import argparse
import json
import os
import time

import torch
from torch import nn

from shapes import SHAPES, named


class LanguageModel(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.embedding)
        self.rnn = nn.LSTM(shape.embedding, shape.hidden, shape.layers)
        self.output = nn.Linear(shape.hidden, shape.vocabulary)

    def forward(self, tokens, state):
        hidden, state = self.rnn(self.embedding(tokens), state)
        return self.output(hidden), state


def streams(path, shape, rank, ranks):
    """This rank's contiguous streams of tokens, [length, batch]."""
    tokens = torch.from_file(path, size=file_length(path), dtype=torch.int32)
    count = shape.batch * ranks
    length = len(tokens) // count
    every = tokens[: count * length].view(count, length)
    return every[rank * shape.batch : (rank + 1) * shape.batch].t().contiguous()


def file_length(path):
    with open(path, "rb") as file:
        return file.seek(0, 2) // 4


def train(shape, options):
    """Yields the seconds of each line of steps, and its end in seconds since 1970."""
    torch.manual_seed(1)
    model = LanguageModel(shape)
    network = model
    if options.ranks > 1:
        network = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    tokens = streams(options.tokens, shape, options.rank, options.ranks)

    def step(inputs, targets, state):
        """Returns the state for the next step; everything else is freed before it."""
        optimizer.zero_grad()
        scores, state = network(inputs, state)
        nn.functional.cross_entropy(scores.flatten(0, 1), targets.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        return tuple(part.detach() for part in state)

    position, state = 0, None
    for _ in range(options.lines):
        start = time.perf_counter()
        for _ in range(options.steps_per_line):
            if position + shape.window >= len(tokens):
                position, state = 0, None
            window = tokens[position : position + shape.window + 1].long()
            state = step(window[:-1], window[1:], state)
            position += shape.window
        yield time.perf_counter() - start, time.time()


def preloads_tcmalloc():
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        return "libtcmalloc" in maps.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", required=True, choices=[shape.name for shape in SHAPES])
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--lines", type=int, required=True)
    parser.add_argument("--steps-per-line", type=int, required=True)
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--meeting")
    options = parser.parse_args()
    shape = named(options.shape)
    torch.set_num_threads(1)
    if options.ranks > 1:
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{options.meeting}", rank=options.rank, world_size=options.ranks
        )
    work = shape.tokens_per_step * options.ranks * options.steps_per_line
    lines = list(train(shape, options))
    if options.rank == 0:
        rates, ends = [work / seconds for seconds, _ in lines], [end for _, end in lines]
        figures = {"tokens_per_second": rates, "ends": ends, "torch": torch.__version__, "tcmalloc": preloads_tcmalloc()}
        print(json.dumps(figures), flush=True)
    if options.ranks > 1:
        torch.distributed.destroy_process_group()
        # Without the interpreter's shutdown, in which gloo's threads occasionally abort the process.
        os._exit(0)


if __name__ == "__main__":
    main()
