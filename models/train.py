"""Trains the demo model from nothing: text, vocabulary, network, checkpoints and loss curve.

Seeds are fixed. The result is the same to the bit on the same PyTorch, BLAS and processor family;
elsewhere it is the same to rounding, which is why the shipped file is exported and not retrained.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F

from batches import IGNORED, Encoded, batch, encode, pack
from generate import heldout_documents, training_documents, write_documents
from network import Network, Shape
from optimiser import Muon
from tokenizer import train_tokenizer

SEED = 7641
TOKENIZER_DOCUMENTS = 20000


@dataclass(frozen=True)
class Schedule:
    """Length and pace of the training run."""

    steps: int = 1300
    rows: int = 16
    warmup: int = 30
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    evaluate_every: int = 100
    rounds: int = 300

    def factor(self, step: int) -> float:
        """Warm-up, a plateau, then a straight line to zero over the second half."""
        return min(1.0, (step + 1) / self.warmup, 2.0 * (1 - step / self.steps))


def held_out_loss(network: Network, documents: list[Encoded]) -> float:
    """Mean loss in nats per predicted token, each document for itself."""
    total = tokens = 0.0
    network.eval()
    with torch.no_grad():
        for start in range(0, len(documents), 8):
            rows = [[d] for d in documents[start:start + 8]]
            inputs, targets, bias = batch(rows, max(len(d.inputs) for [d] in rows))
            loss = F.cross_entropy(network(inputs, bias).flatten(0, 1), targets.flatten(),
                                   ignore_index=IGNORED, reduction="sum")
            total += loss.item()
            tokens += (targets != IGNORED).sum().item()
    network.train()
    return total / tokens


def save(network: Network, path: Path) -> None:
    """Writes the weights under their GGUF names, whole or not at all."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **{name: t.numpy() for name, t in network.gguf_tensors().items()})
    part.replace(path)


def optimisers(network: Network, schedule: Schedule) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks; Adam for embedding and gains."""
    matrices = [w for n, w in network.named_parameters() if w.dim() == 2 and "embedding" not in n]
    others = [w for n, w in network.named_parameters() if w.dim() != 2 or "embedding" in n]
    result = [Muon(matrices, schedule.muon_rate),
              torch.optim.Adam(others, schedule.adam_rate, betas=(0.9, 0.98))]
    for optimiser in result:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return result


class Curve:
    """The loss curve as a CSV file that is complete after every row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.write_text("step,tokens,training_loss,heldout_loss\n", encoding="utf-8")

    def add(self, step: int, tokens: int, training: float, heldout: float) -> None:
        """Appends one measurement."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{step},{tokens},{training:.5f},{heldout:.5f}\n")


def update(network: Network, rows: list[list[Encoded]], steppers: list[torch.optim.Optimizer],
           factor: float) -> tuple[float, int]:
    """One step of all optimisers; the loss before it and the number of predicted tokens."""
    inputs, targets, bias = batch(rows, network.shape.context)
    loss = F.cross_entropy(network(inputs, bias).flatten(0, 1), targets.flatten(),
                           ignore_index=IGNORED)
    for stepper in steppers:
        stepper.zero_grad()
    loss.backward()
    for stepper in steppers:
        for group in stepper.param_groups:
            group["lr"] = group["peak"] * factor
        stepper.step()
    return loss.item(), int((targets != IGNORED).sum())


def optimise(network: Network, schedule: Schedule, documents: list[Encoded],
             heldout: list[Encoded], out: Path) -> None:
    """The loop: updates, and now and then a measurement and a checkpoint."""
    rows = pack(documents, network.shape.context, Random(SEED))
    steppers = optimisers(network, schedule)
    curve = Curve(out / "loss.csv")
    seen, recent, start = 0, [], time.monotonic()
    for step in range(1, schedule.steps + 1):
        taken = [next(rows) for _ in range(schedule.rows)]
        loss, tokens = update(network, taken, steppers, schedule.factor(step - 1))
        seen += tokens
        recent.append(loss)
        if step % 10 == 0:
            print(step, f"{np.mean(recent[-10:]):.4f}", f"{time.monotonic() - start:.0f} s",
                  flush=True)
        if step % schedule.evaluate_every == 0 or step == schedule.steps:
            curve.add(step, seen, float(np.mean(recent)), held_out_loss(network, heldout))
            save(network, out / "weights.npz")
            recent = []


def train(out: Path, schedule: Schedule, shape: Shape) -> None:
    """The whole run; everything it makes lies in out."""
    out.mkdir(parents=True, exist_ok=True)
    documents, heldout = training_documents(schedule.rounds), heldout_documents()
    write_documents(out / "heldout.txt", heldout)
    processor = train_tokenizer(documents[:TOKENIZER_DOCUMENTS], out / "tokenizer.model")
    encoded = [encode(processor, d) for d in documents]
    torch.manual_seed(SEED)
    network = Network(shape)
    print(f"{sum(w.numel() for w in network.parameters())} parameters, "
          f"{sum(len(d.inputs) for d in encoded)} training tokens", flush=True)
    optimise(network, schedule, encoded, [encode(processor, d) for d in heldout], out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for all results")
    parser.add_argument("--steps", type=int, default=Schedule.steps)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args.out, Schedule(steps=args.steps), Shape())


if __name__ == "__main__":
    main()
