"""Compares lstm-dist's verdicts on mutated safetensors files with those of the reference implementation.

Started by launch/dev/fuzz --reference. Reads the records of Tests/Fuzz/Worker.swift from standard input: for each file
three little-endian integers of 8 bytes (the mutation's index, the size of the file, the size of the description of what
was read, 0 if it was refused), the file, and the description: a JSON list of name, type, shape and, for F32, the bits of
the elements. Ends with 1 if a file is accepted by one side only, or read differently.
"""

import json
import struct
import sys
from array import array

import safetensors

LARGEST = 2**63 - 1  # lstm-dist clamps larger dimensions to this; only empty tensors can have them
SHOWN = 20


def whole(count):
    """Reads `count` bytes of standard input; empty at its end."""
    data = sys.stdin.buffer.read(count)
    if data and len(data) < count:
        sys.exit("compare_verdicts.py: the input is truncated")
    return data


def reference(file):
    """What the reference implementation reads from the file, or its error if it refuses the file."""
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
        number, size, described = struct.unpack("<3Q", head)
        file = whole(size) if size else b""
        ours = json.loads(whole(described)) if described else None
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
        f"compared with safetensors {safetensors.__version__}: {both['read']} files are read equally by both, "
        f"{both['refused']} refused by both; {differing} verdicts differ"
    )
    sys.exit(1 if differing or not both["read"] else 0)


main()
