"""Documents packed into rows of tokens, each document blind to its neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np
import sentencepiece
import torch
from torch import Tensor

from tokenizer import BOS, EOS

IGNORED = -100  # a target without loss


@dataclass(frozen=True)
class Encoded:
    """Inputs and targets of one document: BOS text / text EOS."""

    inputs: list[int]
    targets: list[int]


def encode(processor: sentencepiece.SentencePieceProcessor, document: str) -> Encoded:
    """Encodes one document; between the turns of a conversation there is no loss.

    What follows an answer inside a conversation is a choice of whoever asks next. Without loss
    there, the model learns one thing to do after an answer: to end.
    """
    text = processor.encode(document)
    targets = text + [EOS]
    newline = processor.piece_to_id("<0x0A>")
    breaks = [i for i, token in enumerate(text) if token == newline]
    for i in breaks[1::2] if document.startswith("Question:") else []:
        targets[i] = IGNORED
    return Encoded([BOS] + text, targets)


def pack(documents: list[Encoded], length: int, rng: Random) -> Iterator[list[Encoded]]:
    """Endless rows of at most length tokens, filled greedily in a new order every epoch."""
    while True:
        order = list(documents)
        rng.shuffle(order)
        row: list[Encoded] = []
        used = 0
        for document in order:
            if used + len(document.inputs) > length:
                yield row
                row, used = [], 0
            row.append(document)
            used += len(document.inputs)


def attention_bias(owner: np.ndarray) -> Tensor:
    """0 where a position may look, -inf elsewhere; owner [batch, position] numbers documents."""
    same = owner[:, :, None] == owner[:, None, :]
    causal = np.tril(np.ones(owner.shape[1:] * 2, dtype=bool))
    bias = np.where(same & causal, np.float32(0), np.float32(-np.inf))
    return torch.from_numpy(bias[:, None, None])


def batch(rows: list[list[Encoded]], length: int) -> tuple[Tensor, Tensor, Tensor]:
    """inputs, targets and attention bias of some rows."""
    inputs = np.zeros((len(rows), length), dtype=np.int64)
    targets = np.full((len(rows), length), IGNORED, dtype=np.int64)
    owner = np.full((len(rows), length), -1, dtype=np.int64)
    for r, row in enumerate(rows):
        at = 0
        for number, document in enumerate(row):
            end = at + len(document.inputs)
            inputs[r, at:end], targets[r, at:end] = document.inputs, document.targets
            owner[r, at:end] = number
            at = end
    return torch.from_numpy(inputs), torch.from_numpy(targets), attention_bias(owner)
