"""Holds lstm-dist's verdicts on mutated safetensors files against those of the reference implementation.

Started by launch/dev/fuzz --reference. Reads from standard input what Tests/Fuzz/Worker.swift packs: for each file three
little-endian numbers of 8 bytes (the mutation's number, the bytes of the file, the bytes of what was read, 0 if it was
refused), the file, and what was read: a JSON list of name, type, shape and, for F32, the bits of the numbers. Ends with 1 if
a file is accepted by one side alone, or read as something else.
"""

import json
import struct
import sys
from array import array

import safetensors

LARGEST = 2**63 - 1  # a dimension beyond it is this one in lstm-dist; it can only stand in a tensor without numbers
SHOWN = 20


def whole(count):
    """That many bytes of standard input; none at its end."""
    data = sys.stdin.buffer.read(count)
    if data and len(data) < count:
        sys.exit("compare_verdicts.py: the files end in the middle of one")
    return data


def reference(file):
    """What the reference implementation reads in the file, and its error where it refuses it."""
    try:
        tensors = safetensors.deserialize(file)
    except safetensors.SafetensorError as error:
        return None, str(error)
    read = []
    for name, tensor in tensors:
        bits = array("I", bytes(tensor["data"])).tolist() if tensor["dtype"] == "F32" else None
        read.append([name, tensor["dtype"], [min(size, LARGEST) for size in tensor["shape"]], bits])
    return sorted(read, key=lambda tensor: tensor[0].encode()), None


def main():
    both = {"read": 0, "refused": 0}
    differing = 0
    while head := whole(24):
        number, size, words = struct.unpack("<3Q", head)
        file = whole(size) if size else b""
        ours = json.loads(whole(words)) if words else None
        theirs, error = reference(file)
        if ours == theirs:
            both["refused" if ours is None else "read"] += 1
            continue
        differing += 1
        if differing <= SHOWN:
            print(f"mutation {number}: lstm-dist {'refuses' if ours is None else 'reads'} the file, the reference")
            print(f"  {'refuses it: ' + error if theirs is None else 'reads ' + json.dumps(theirs)[:300]}")
            print(f"  {file[:600]!r}")
    print(
        f"beside safetensors {safetensors.__version__}: {both['read']} files are read as the same by both, {both['refused']} "
        f"refused by both; {differing} verdicts differ"
    )
    sys.exit(1 if differing or not both["read"] else 0)


main()
