"""Trains small language models in PyTorch, as lstm-dist defines them, and stores the numbers to compare with.

Needs:  pip install torch==2.13.0 numpy safetensors
Run:    python make_fixtures.py        (about 15 seconds on one core; writes beside itself)

It writes
    text.txt                        the training text; its bytes are the tokens
    initial-<cell>.safetensors      the weights that every case of a cell starts from
    final-<case>.safetensors        a case's weights after 30 steps
    bidirectional-<cell>.safetensors  a network in both directions: weights, a batch, its loss and gradients
    cases.json                      each case's configuration, and the loss and gradient norm of each step
    philox.json                     known answers of the random generator, and dropout masks made with it
    pytorch_names.json              names and shapes of each cell's weights, as in the files

The script stops if a case would be a poor test at the comparison's tolerance of 1e-4:
- float32 is too far from the same training in Double (it would test rounding, not code);
- all steps or none are clipped;
- a key of its optimiser could be ignored almost unnoticed.

Legend: T window, B batch (streams), E embedding width, H hidden size, V vocabulary; shapes are [T, B, width].
"""

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).resolve().parent

VOCABULARY = 256
EMBEDDING = 7
HIDDEN = 9
LAYERS = 2
BATCH = 12
WINDOW = 7
STEPS = 30
TEXT_BYTES = 1805  # 12 streams of 150 tokens; 5 bytes are left over
CLIP_NORM = 0.34  # between the gradient norms of these runs: every case has clipped and unclipped steps
WEIGHT_SEED = 7  # with some others AdaGrad, RMSprop or Adam divide by a gradient so near 0 that rounding shows
DROPOUT_SEED = 1
TOLERANCE = 1e-4  # of the tests that read the fixtures: relative for losses, of the tensor's largest for weights



class PeepholeLSTM(nn.Module):
    """The LSTM with peepholes of Gers & Schmidhuber (2000), as a plain loop: nn.LSTM has none."""

    def __init__(self, inputs, hidden, layers):
        super().__init__()
        self.layers = layers
        for layer in range(layers):
            shapes = {"weight_ih": (4 * hidden, inputs if layer == 0 else hidden), "weight_hh": (4 * hidden, hidden),
                      "bias_ih": (4 * hidden,), "bias_hh": (4 * hidden,),
                      "peephole_i": (hidden,), "peephole_f": (hidden,), "peephole_o": (hidden,)}
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.zeros(shape)))

    def forward(self, values, state):
        """Outputs [T, B, H] and the last states (h, c), [layers, B, H] each."""
        ends = []
        for layer in range(self.layers):
            p = {name: getattr(self, f"{name}_l{layer}") for name in
                 ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "peephole_i", "peephole_f", "peephole_o"]}
            zero = values.new_zeros(values.shape[1], p["peephole_i"].shape[0])
            h, c = (zero, zero) if state is None else (state[0][layer], state[1][layer])
            outputs = []
            for x in values:
                gates = x @ p["weight_ih"].t() + p["bias_ih"] + h @ p["weight_hh"].t() + p["bias_hh"]
                i, f, g, o = gates.chunk(4, dim=1)
                i, f = torch.sigmoid(i + p["peephole_i"] * c), torch.sigmoid(f + p["peephole_f"] * c)
                c = f * c + i * torch.tanh(g)
                h = torch.sigmoid(o + p["peephole_o"] * c) * torch.tanh(c)
                outputs.append(h)
            values = torch.stack(outputs)
            ends.append((h, c))
        return values, (torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends]))


class LayerNormLSTM(nn.Module):
    """The LSTM whose two products are normalised over all gates (Ba et al., 2016, equation 20), as a plain loop."""

    def __init__(self, inputs, hidden, layers):
        super().__init__()
        self.layers = layers
        for layer in range(layers):
            shapes = {"weight_ih": (4 * hidden, inputs if layer == 0 else hidden), "weight_hh": (4 * hidden, hidden),
                      "bias_ih": (4 * hidden,), "bias_hh": (4 * hidden,),
                      "norm_ih": (4 * hidden,), "norm_hh": (4 * hidden,)}
            for name, shape in shapes.items():
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(torch.zeros(shape)))

    def forward(self, values, state):
        """As PeepholeLSTM."""
        ends = []
        for layer in range(self.layers):
            p = {name: getattr(self, f"{name}_l{layer}") for name in
                 ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "norm_ih", "norm_hh"]}
            size = p["norm_ih"].shape
            zero = values.new_zeros(values.shape[1], size[0] // 4)
            h, c = (zero, zero) if state is None else (state[0][layer], state[1][layer])
            outputs = []
            for x in values:
                gates = nn.functional.layer_norm(x @ p["weight_ih"].t(), size, p["norm_ih"], p["bias_ih"])
                gates = gates + nn.functional.layer_norm(h @ p["weight_hh"].t(), size, p["norm_hh"], p["bias_hh"])
                i, f, g, o = gates.chunk(4, dim=1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                outputs.append(h)
            values = torch.stack(outputs)
            ends.append((h, c))
        return values, (torch.stack([h for h, _ in ends]), torch.stack([c for _, c in ends]))


class LAMB(torch.optim.Optimizer):
    """You et al. (2020), algorithm 2, with the identity for phi."""

    def __init__(self, parameters, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.01):
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for x in group["params"]:
                state, (beta1, beta2) = self.state[x], group["betas"]
                if not state:
                    state.update(step=0, m=torch.zeros_like(x), v=torch.zeros_like(x))
                state["step"] += 1
                state["m"].mul_(beta1).add_(x.grad, alpha=1 - beta1)
                state["v"].mul_(beta2).addcmul_(x.grad, x.grad, value=1 - beta2)
                m, v = state["m"] / (1 - beta1 ** state["step"]), state["v"] / (1 - beta2 ** state["step"])
                r = m / (v.sqrt() + group["eps"]) + group["weight_decay"] * x
                x.sub_(group["lr"] * x.norm() / r.norm() * r)


CELLS = {"lstm": nn.LSTM, "lstm-peephole": PeepholeLSTM, "gru": nn.GRU, "rnn": nn.RNN}

# Name, cell, dropout, and the optimiser with its keys; a key that is not given has PyTorch's default (lamb: the
# paper's). In some, keys of the model that differ from the sizes above.
CASES = [
    ("cell-lstm", "lstm", 0.0, {"name": "sgd", "learning_rate": 1.0}),
    ("cell-lstm-peephole", "lstm-peephole", 0.0, {"name": "sgd", "learning_rate": 1.0}),
    ("cell-gru", "gru", 0.0, {"name": "sgd", "learning_rate": 1.0}),
    ("cell-rnn", "rnn", 0.0, {"name": "sgd", "learning_rate": 1.0}),
    ("momentum", "lstm", 0.0, {"name": "momentum", "learning_rate": 0.3, "momentum": 0.9}),
    ("nesterov", "lstm", 0.0, {"name": "nesterov", "learning_rate": 0.3, "momentum": 0.9}),
    ("rmsprop", "lstm", 0.0, {"name": "rmsprop", "learning_rate": 0.003}),
    ("adagrad", "lstm", 0.0, {"name": "adagrad", "learning_rate": 0.02}),
    ("adam", "lstm", 0.0, {"name": "adam", "learning_rate": 0.005}),
    ("adamw", "lstm", 0.0, {"name": "adamw", "learning_rate": 0.005, "weight_decay": 0.01}),
    ("lamb", "lstm", 0.0, {"name": "lamb", "learning_rate": 0.01}),
    ("sgd-keys", "lstm", 0.0, {"name": "sgd", "learning_rate": 1.0, "weight_decay": 0.01}),
    ("momentum-keys", "lstm", 0.0, {"name": "momentum", "learning_rate": 0.3, "momentum": 0.9, "dampening": 0.1}),
    ("rmsprop-keys", "lstm", 0.0,
     {"name": "rmsprop", "learning_rate": 0.003, "momentum": 0.9, "centered": True, "alpha": 0.95}),
    ("adagrad-keys", "lstm", 0.0,
     {"name": "adagrad", "learning_rate": 0.2, "lr_decay": 0.01, "initial_accumulator_value": 0.1}),
    ("adam-keys", "lstm", 0.0,
     {"name": "adam", "learning_rate": 0.005, "betas": [0.8, 0.95], "eps": 1e-6, "weight_decay": 0.02,
      "amsgrad": True}),
    ("adamw-keys", "lstm", 0.0,
     {"name": "adamw", "learning_rate": 0.005, "betas": [0.8, 0.9], "weight_decay": 0.1, "amsgrad": True}),
    ("lamb-keys", "lstm", 0.0,
     {"name": "lamb", "learning_rate": 0.01, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}),
    ("dropout-lstm", "lstm", 0.3, {"name": "sgd", "learning_rate": 1.0}),
    ("dropout-gru", "gru", 0.3, {"name": "sgd", "learning_rate": 1.0}),
    ("tied", "lstm", 0.0, {"name": "sgd", "learning_rate": 1.0}, {"embedding": HIDDEN, "tie_embedding": True}),
    ("tied-dropout", "gru", 0.3, {"name": "sgd", "learning_rate": 1.0},
     {"embedding": HIDDEN, "tie_embedding": True}),
    ("layer-norm", "lstm", 0.0, {"name": "sgd", "learning_rate": 1.0}, {"layer_norm": True}),
]

# What a key is without effect (for alpha, eps and betas: PyTorch's default).
WITHOUT_EFFECT = {
    "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "alpha": 0.99, "eps": 1e-8, "centered": False,
    "betas": [0.9, 0.999], "amsgrad": False, "lr_decay": 0.0, "initial_accumulator_value": 0.0,
}

OPTIMIZERS = {
    "sgd": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "nesterov": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "lamb": LAMB,
}


# The text

WORDS = """the a one this every river lantern miller goose ladder harbour kettle winter bridge orchard fiddle café
crossed carried mended forgot followed counted painted opened heard sold under over beside without towards slowly
quietly again twice green narrow old bright heavy and but so while""".split()


def make_text():
    """Exactly TEXT_BYTES bytes of made-up sentences, valid UTF-8, some of its characters outside ASCII."""
    random = np.random.default_rng(1997)
    text = ""
    while len(text.encode()) < TEXT_BYTES + 100:
        words = [str(word) for word in random.choice(WORDS, random.integers(4, 11))]
        if random.random() < 0.25:
            words.insert(len(words) // 2, f"for {random.integers(2, 90)} €")
        if random.random() < 0.4:
            words[1] += ","
        sentence = " ".join(words) + str(random.choice([".", ".", ".", "!", "?"]))
        text += sentence[0].upper() + sentence[1:] + ("\n" if random.random() < 0.3 else " ")
    data = text.encode()[: TEXT_BYTES - 1].decode(errors="ignore").encode()
    return data + b"." * (TEXT_BYTES - 1 - len(data)) + b"\n"


def cut_into_streams(data):
    """The tokens as [stream length, B]: stream s is the s-th contiguous piece; the remainder is dropped."""
    length = len(data) // BATCH
    tokens = torch.tensor(list(data[: BATCH * length]), dtype=torch.long)
    return tokens.view(BATCH, length).t().contiguous()


# Dropout masks from a counter-based generator

def philox(counter, key):
    """Philox4x32-10 (Salmon et al., 2011, "Parallel random numbers: as easy as 1, 2, 3").

    counter: four arrays of 32-bit words that broadcast together; key: two words. Returns uint32 [..., 4].
    """
    low32 = np.uint64(0xFFFF_FFFF)
    shift = np.uint64(32)
    x0, x1, x2, x3 = np.broadcast_arrays(*[np.asarray(word, dtype=np.uint64) for word in counter])
    key0, key1 = key
    for _ in range(10):
        product0 = x0 * np.uint64(0xD251_1F53)
        product1 = x2 * np.uint64(0xCD9E_8D57)
        x0, x1, x2, x3 = (
            (product1 >> shift) ^ x1 ^ np.uint64(key0), product1 & low32,
            (product0 >> shift) ^ x3 ^ np.uint64(key1), product0 & low32)
        key0 = (key0 + 0x9E37_79B9) & 0xFFFF_FFFF
        key1 = (key1 + 0xBB67_AE85) & 0xFFFF_FFFF
    return np.stack([x0, x1, x2, x3], axis=-1).astype(np.uint32)


DROPOUT_PURPOSE = 2


def dropout_words(seed, place, times, streams, width):
    """One word a unit, uint32 [times, streams, width]: word u % 4 of the counter (time, stream, u / 4, purpose)."""
    groups = np.arange((width + 3) // 4)
    counter = (
        np.asarray(times)[:, None, None], np.asarray(streams)[None, :, None], groups[None, None, :],
        DROPOUT_PURPOSE | place << 8)
    words = philox(counter, (seed & 0xFFFF_FFFF, seed >> 32))
    return words.reshape(words.shape[0], words.shape[1], -1)[:, :, :width]


def dropout_kept(seed, rate, place, times, streams, width):
    """Which units stay, Bool [times, streams, width]: those whose uniform number in [0, 1) is at least the rate."""
    uniform = (dropout_words(seed, place, times, streams, width) >> np.uint32(8)) * 2.0**-24
    return uniform >= rate


class Dropout:
    """Masks of one run. Places: 0 the embedding's output, 1 the output of layer 0, 2 that of the top layer.

    A time is the number of steps trained before in its stream, counted over all epochs.
    """

    def __init__(self, rate):
        self.rate = rate
        self.start = 0

    def __call__(self, values, place):
        window, batch, width = values.shape
        times = np.arange(self.start, self.start + window)
        kept = dropout_kept(DROPOUT_SEED, self.rate, place, times, np.arange(batch), width)
        return values * (torch.from_numpy(kept).to(values.dtype) * (1 / (1 - self.rate)))


# Model and training

class LanguageModel(nn.Module):
    """Embedding, two recurrent layers, and a linear layer to the scores of the next byte."""

    def __init__(self, cell, keys):
        super().__init__()
        self.width = keys.get("embedding", EMBEDDING)
        self.embedding = nn.Embedding(VOCABULARY, self.width)
        make = LayerNormLSTM if keys.get("layer_norm") else CELLS[cell]
        self.rnn = make(self.width, HIDDEN, LAYERS)
        self.output = nn.Linear(HIDDEN, VOCABULARY)
        self.tied = keys.get("tie_embedding", False)
        if self.tied:
            self.output.weight = self.embedding.weight

    def tensors(self):
        """The weights by name; a tied one once."""
        return {name: tensor for name, tensor in self.state_dict().items()
                if not (self.tied and name == "output.weight")}

    def forward(self, tokens, state):
        """Scores [T, B, V] and the state after the window; `state` None is zero."""
        hidden, state = self.rnn(self.embedding(tokens), state)
        return self.output(hidden), state

    def forward_with_dropout(self, tokens, states, dropout):
        """As `forward`, layer by layer with masks between (Zaremba et al., 2014); `states` holds one a layer."""
        values = dropout(self.embedding(tokens), 0)
        states_after = []
        for index, layer in enumerate(self.single_layers()):
            values, state = layer(values, states[index])
            states_after.append(state)
            values = dropout(values, index + 1)
        return self.output(values), states_after

    def single_layers(self):
        """The layers of `rnn` as modules of one layer each, which share its parameters."""
        layers = []
        for index in range(LAYERS):
            layer = type(self.rnn)(self.width if index == 0 else HIDDEN, HIDDEN)
            for part in ["weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l"]:
                setattr(layer, f"{part}0", getattr(self.rnn, f"{part}{index}"))
            layers.append(layer)
        return layers


def initial_weights(cell, keys):
    """Every weight uniform in (-1/sqrt(H), 1/sqrt(H)), by the cell's name order in PyTorch."""
    torch.manual_seed(WEIGHT_SEED)
    scale = HIDDEN**-0.5
    return {name: torch.empty(shape).uniform_(-scale, scale) for name, shape in names_and_shapes(cell, keys)}


def names_and_shapes(cell, keys):
    return [(name, list(tensor.shape)) for name, tensor in LanguageModel(cell, keys).tensors().items()]


def initial_name(cell, keys):
    """The file of the initial weights."""
    kind = "-tied" if keys.get("tie_embedding") else "-norm" if keys.get("layer_norm") else ""
    return f"initial-{cell}{kind}.safetensors"


def make_optimizer(parameters, keys):
    keys = dict(keys)
    name = keys.pop("name")
    keys["lr"] = keys.pop("learning_rate")
    if name == "nesterov":
        keys["nesterov"] = True
    return OPTIMIZERS[name](parameters, **keys)


def detached(state):
    if isinstance(state, (list, tuple)):
        return type(state)(detached(part) for part in state)
    return None if state is None else state.detach()


def train(streams, cell, dropout_rate, optimizer_keys, model_keys, dtype):
    """Losses (nats a token, before each update), gradient norms (before clipping) and the weights at the end."""
    model = LanguageModel(cell, model_keys)
    model.load_state_dict(initial_weights(cell, model_keys), strict=not model.tied)
    model.to(dtype)
    optimizer = make_optimizer(model.parameters(), optimizer_keys)
    dropout = Dropout(dropout_rate)
    windows_an_epoch = (len(streams) - 1) // WINDOW
    losses, norms = [], []
    for step in range(STEPS):
        start = step % windows_an_epoch * WINDOW
        if start == 0:
            state = None if dropout_rate == 0 else [None] * LAYERS
        inputs = streams[start : start + WINDOW]
        targets = streams[start + 1 : start + WINDOW + 1]

        if dropout_rate == 0:
            scores, state = model(inputs, detached(state))
        else:
            dropout.start = step * WINDOW
            scores, state = model.forward_with_dropout(inputs, detached(state), dropout)
        loss = nn.functional.cross_entropy(scores.reshape(-1, VOCABULARY), targets.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
        optimizer.step()
        losses.append(loss.item())
        norms.append(norm.item())
    return losses, norms, {name: tensor.detach().clone() for name, tensor in model.tensors().items()}


# Checks of the script and its cases

KNOWN_ANSWERS = [  # Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, words
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
     [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1]),
]


def check_philox():
    for counter, key, words in KNOWN_ANSWERS:
        assert philox(counter, key).tolist() == words, f"Philox4x32-10 is wrong at counter {counter}"


def check_single_layers(streams):
    """Layer by layer without a mask must give what the module of two layers gives."""
    for cell in ["lstm", "gru", "rnn"]:
        model = LanguageModel(cell, {})
        whole, _ = model(streams[:WINDOW], None)
        parts, _ = model.forward_with_dropout(streams[:WINDOW], [None] * LAYERS, lambda values, place: values)
        assert torch.allclose(whole, parts, rtol=0, atol=1e-6), f"{cell}: the single layers differ from the stack"


def distance(losses, weights, exact_losses, exact_weights):
    """The largest relative difference of a loss, and of a weight over the largest weight of its tensor."""
    of_losses = max(abs(a - b) / b for a, b in zip(losses, exact_losses))
    of_weights = max(
        ((weights[name].double() - exact).abs().max() / exact.abs().max()).item()
        for name, exact in exact_weights.items())
    return of_losses, of_weights


def check_case(streams, name, cell, dropout_rate, optimizer_keys, model_keys, losses, norms, weights):
    """Prints the case's figures and stops at a case that tests too little at TOLERANCE."""
    exact_losses, _, exact_weights = train(
        streams, cell, dropout_rate, optimizer_keys, model_keys, torch.float64)
    of_losses, of_weights = distance(losses, weights, exact_losses, exact_weights)
    clipped = sum(norm > CLIP_NORM for norm in norms)
    print(f"{name} | {losses[0]:.5f} | {losses[-1]:.5f} | {clipped} of {STEPS} | {min(norms):.3f} to {max(norms):.3f}"
          f" | {of_losses:.1e} | {of_weights:.1e}")
    assert max(of_losses, of_weights) < TOLERANCE / 5, f"{name}: float32 is too far from Double"
    assert 0 < clipped < STEPS, f"{name}: clipping is not tested both ways"

    variants = {key: {**optimizer_keys, key: WITHOUT_EFFECT[key]} for key in optimizer_keys if key in WITHOUT_EFFECT}
    if optimizer_keys["name"] == "nesterov":
        variants = {"name": {**optimizer_keys, "name": "momentum"}}
    for key, variant in variants.items():
        other_losses, _, other_weights = train(streams, cell, dropout_rate, variant, model_keys, torch.float32)
        effect = max(distance(losses, weights, other_losses, other_weights))
        assert effect > 5 * TOLERANCE, f"{name}: {key} could be ignored almost unnoticed ({effect:.1e})"


# The files

def write_json(name, value):
    """JSON with one line for each innermost list or short object."""
    def lines(value, indent):
        flat = json.dumps(value, ensure_ascii=False)
        holds_lists = any(isinstance(part, (list, dict)) for part in
                          (value.values() if isinstance(value, dict) else value if isinstance(value, list) else []))
        if not holds_lists or len(flat) <= 110:
            return flat
        inner = indent + "  "
        if isinstance(value, dict):
            parts = [f"{inner}{json.dumps(key)}: {lines(part, inner)}" for key, part in value.items()]
            return "{\n" + ",\n".join(parts) + f"\n{indent}}}"
        return "[\n" + ",\n".join(inner + lines(part, inner) for part in value) + f"\n{indent}]"

    (FOLDER / name).write_text(lines(value, "") + "\n", encoding="utf-8")


def write_philox():
    counters = [  # seed, place, stream, time, unit
        (1, 0, 0, 0, 0), (1, 0, 3, 17, 4), (1, 1, 11, 146, 8), (1, 2, 5, 147, 0), (1, 2, 0, 2**32 - 1, 1000),
        (0x0123_4567_89AB_CDEF, 1, 2, 3, 4)]
    rows = [  # seed, rate, place, stream, time, width
        (1, 0.3, 0, 0, 0, 7), (1, 0.3, 1, 0, 0, 9), (1, 0.3, 2, 0, 0, 9), (1, 0.3, 0, 11, 146, 7),
        (1, 0.3, 1, 7, 147, 9), (1, 0.3, 2, 11, 209, 9), (1, 0.5, 1, 4, 1000, 33), (2**40 + 1, 0.65, 0, 1, 2, 20),
        (1, 0.0, 0, 0, 0, 5)]
    write_json("philox.json", {
        "known_answers": [
            {"counter": counter, "key": key, "words": words} for counter, key, words in KNOWN_ANSWERS],
        "dropout_words": [
            {"seed": seed, "place": place, "stream": stream, "time": time, "unit": unit,
             "counter": [time, stream, unit // 4, DROPOUT_PURPOSE | place << 8],
             "words": philox([time, stream, unit // 4, DROPOUT_PURPOSE | place << 8],
                             (seed & 0xFFFF_FFFF, seed >> 32)).tolist()}
            for seed, place, stream, time, unit in counters],
        "dropout_masks": [
            {"seed": seed, "rate": rate, "place": place, "stream": stream, "time": time, "width": width,
             "kept": dropout_kept(seed, rate, place, [time], [stream], width)[0, 0].astype(int).tolist()}
            for seed, rate, place, stream, time, width in rows],
    })


def write_bidirectional():
    """Two layers in both directions on 4 sequences of 3 features and different lengths; each valid time step is scored."""
    for cell in ["lstm", "gru", "rnn"]:
        torch.manual_seed(WEIGHT_SEED)
        rnn = CELLS[cell](3, HIDDEN, LAYERS, bidirectional=True)
        output = nn.Linear(2 * HIDDEN, 5)
        lengths = torch.tensor([7, 2, 5, 1])
        inputs = torch.randn(7, 4, 3)
        valid = torch.arange(7)[:, None] < lengths[None, :]
        targets = torch.where(valid, torch.randint(5, (7, 4)), -1)
        inputs = inputs * valid[:, :, None]
        packed = nn.utils.rnn.pack_padded_sequence(inputs, lengths, enforce_sorted=False)
        hidden, _ = nn.utils.rnn.pad_packed_sequence(rnn(packed)[0], total_length=7)
        loss = nn.functional.cross_entropy(
            output(hidden).reshape(-1, 5), targets.reshape(-1), ignore_index=-1, reduction="sum")
        loss.backward()
        tensors = {"input": inputs, "lengths": lengths.float(), "targets": targets.float(), "loss": loss.detach()[None]}
        for prefix, module in [("rnn.", rnn), ("output.", output)]:
            for name, weight in module.named_parameters():
                tensors[prefix + name] = weight.detach()
                tensors[f"gradient.{prefix}{name}"] = weight.grad
        save_file(tensors, FOLDER / f"bidirectional-{cell}.safetensors")


def main():
    torch.set_num_threads(1)
    data = make_text()
    streams = cut_into_streams(data)
    check_philox()
    check_single_layers(streams)

    (FOLDER / "text.txt").write_bytes(data)
    write_philox()
    write_bidirectional()
    write_json("pytorch_names.json", {
        cell: [{"name": name, "shape": shape} for name, shape in names_and_shapes(cell, {})] for cell in CELLS})

    print("case | first loss | last loss | clipped steps | gradient norms | float32 from Double: losses | weights")
    records = []
    for name, cell, dropout_rate, optimizer_keys, *more in CASES:
        model_keys = more[0] if more else {}
        initial = initial_name(cell, model_keys)
        save_file(initial_weights(cell, model_keys), FOLDER / initial)
        losses, norms, weights = train(streams, cell, dropout_rate, optimizer_keys, model_keys, torch.float32)
        check_case(streams, name, cell, dropout_rate, optimizer_keys, model_keys, losses, norms, weights)
        save_file(weights, FOLDER / f"final-{name}.safetensors")
        records.append({
            "name": name, "cell": cell, "dropout": dropout_rate, "optimizer": optimizer_keys, "clip_norm": CLIP_NORM,
            "model": model_keys, "initial": initial, "final": f"final-{name}.safetensors",
            "losses": losses, "gradient_norms": norms})
    write_json("cases.json", records)


if __name__ == "__main__":
    main()
