"""GGUF version 3, written and read with struct and numpy alone.

The writer is deterministic: keys and tensors in the order given, data aligned to 32 bytes, no
time stamps. The format: ggml-org/ggml, docs/gguf.md.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

import numpy as np

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32
BLOCK = 32  # numbers per Q8_0 block: one float16 scale and 32 int8

F32, F16, Q8_0 = 0, 1, 8
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q",
            11: "<q", 12: "<d"}
_U32, _I32, _FLOAT, _BOOL, _STRING, _ARRAY = 4, 5, 6, 7, 8, 9

Value = Union[bool, int, float, str, list]


@dataclass
class Gguf:
    """A file in memory: metadata, and tensors dequantised to float32 in numpy's row order."""

    metadata: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


def quantise_q8_0(x: np.ndarray) -> bytes:
    """Blocks of 32: scale = max|x| / 127 stored as float16, values rounded half away from zero.

    The values are divided by the scale before it is rounded to float16, as llama.cpp does.
    """
    blocks = np.ascontiguousarray(x, dtype=np.float32).reshape(-1, BLOCK)
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0).astype(np.float32)
    ratio = blocks * inverse
    values = np.trunc(ratio + np.copysign(np.float32(0.5), ratio)).astype(np.int8)
    out = np.empty((len(blocks), 2 + BLOCK), dtype=np.uint8)
    out[:, :2] = scale.astype("<f2").view(np.uint8)
    out[:, 2:] = values.view(np.uint8)
    return out.tobytes()


def dequantise_q8_0(data: bytes) -> np.ndarray:
    """The float32 numbers of Q8_0 blocks."""
    blocks = np.frombuffer(data, dtype=np.uint8).reshape(-1, 2 + BLOCK)
    scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
    return (blocks[:, 2:].copy().view(np.int8).astype(np.float32) * scale).reshape(-1)


def _string(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _kind(value: Value) -> int:
    """The GGUF type of a plain value; bool before int, because a bool is an int in Python."""
    for python, kind in ((bool, _BOOL), (int, _U32), (float, _FLOAT), (str, _STRING),
                         (list, _ARRAY)):
        if isinstance(value, python):
            return kind
    raise TypeError(f"no GGUF type for {type(value).__name__}")


def _payload(value: Value, kind: int) -> bytes:
    if kind == _STRING:
        return _string(value)
    if kind == _ARRAY:
        # Only token types are arrays of integers here, and they are int32 by convention.
        element = _I32 if isinstance(value[0], int) else _kind(value[0])
        return struct.pack("<IQ", element, len(value)) + b"".join(
            _payload(v, element) for v in value)
    return struct.pack(_SCALARS[kind], value)


def write(path: Path, metadata: dict[str, Value], tensors: dict[str, np.ndarray]) -> None:
    """Writes matrices as Q8_0 and vectors as F32."""
    head = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(metadata))]
    for key, value in metadata.items():
        kind = _kind(value)
        head.append(_string(key) + struct.pack("<I", kind) + _payload(value, kind))
    data = bytearray()
    for name, x in tensors.items():
        data.extend(b"\0" * (-len(data) % ALIGNMENT))
        kind = Q8_0 if x.ndim == 2 else F32
        # GGUF lists dimensions fastest first: the reverse of numpy's.
        head.append(_string(name) + struct.pack("<I", x.ndim)
                    + struct.pack(f"<{x.ndim}Q", *reversed(x.shape))
                    + struct.pack("<IQ", kind, len(data)))
        data.extend(quantise_q8_0(x) if kind == Q8_0 else x.astype("<f4").tobytes())
    front = b"".join(head)
    path.write_bytes(front + b"\0" * (-len(front) % ALIGNMENT) + bytes(data))


class _Cursor:
    """Reads little-endian values one after the other; a short file raises ValueError."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, count: int) -> bytes:
        if count > len(self.raw) - self.at:
            raise ValueError(f"file ends inside a value at byte {self.at}")
        self.at += count
        return self.raw[self.at - count:self.at]

    def scalar(self, kind: int) -> Value:
        if kind not in _SCALARS:
            raise ValueError(f"unknown value type {kind} at byte {self.at}")
        return struct.unpack(_SCALARS[kind], self.take(struct.calcsize(_SCALARS[kind])))[0]

    def string(self) -> str:
        return self.take(self.scalar(10)).decode("utf-8")

    def value(self, kind: int) -> Value:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            element, count = self.scalar(_U32), self.scalar(10)
            return [self.value(element) for _ in range(count)]
        return self.scalar(kind)


def read(path: Path) -> Gguf:
    """Reads a whole file with F32, F16 and Q8_0 tensors."""
    cursor = _Cursor(path.read_bytes())
    if cursor.take(4) != MAGIC or cursor.scalar(_U32) not in (2, 3):
        raise ValueError(f"{path} is not a GGUF file of version 2 or 3")
    tensor_count, key_count = cursor.scalar(10), cursor.scalar(10)
    result = Gguf()
    for _ in range(key_count):
        key = cursor.string()
        result.metadata[key] = cursor.value(cursor.scalar(_U32))
    entries = []
    for _ in range(tensor_count):
        name, rank = cursor.string(), cursor.scalar(_U32)
        shape = tuple(reversed([cursor.scalar(10) for _ in range(rank)]))
        entries.append((name, shape, cursor.scalar(_U32), cursor.scalar(10)))
    base = -(-cursor.at // ALIGNMENT) * ALIGNMENT
    for name, shape, kind, offset in entries:
        cursor.at = base + offset
        result.tensors[name] = _tensor(cursor, shape, kind).reshape(shape)
    return result


def _tensor(cursor: _Cursor, shape: tuple[int, ...], kind: int) -> np.ndarray:
    count = int(np.prod(shape))
    if kind == F32:
        return np.frombuffer(cursor.take(4 * count), dtype="<f4")
    if kind == F16:
        return np.frombuffer(cursor.take(2 * count), dtype="<f2").astype(np.float32)
    if kind == Q8_0:
        return dequantise_q8_0(cursor.take(count // BLOCK * (2 + BLOCK)))
    raise ValueError(f"tensor type {kind} is not read here")
