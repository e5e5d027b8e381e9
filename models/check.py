"""Checks that the shipped model is what its card says, with numpy alone.

    python3 models/check.py            compares with models/demo/card.json, exits 1 on a difference
    python3 models/check.py --ask TEXT answers one question
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import card
import gguf
from llama import Llama
from questions import chat
from spm import Vocabulary

FOLDER = Path(__file__).resolve().parent / "demo"
LOSS_TOLERANCE = 1e-4  # float32 sums in another order differ by less


def differences(stated: dict, measured: dict) -> list[str]:
    """One line for each statement of the card that does not hold."""
    lines = []
    if abs(stated["held_out_loss"] - measured["held_out_loss"]) > LOSS_TOLERANCE:
        lines.append(f"held_out_loss: card {stated['held_out_loss']}, "
                     f"measured {measured['held_out_loss']}")
    # The lead is a measure of rounding itself, so it may differ in its last digits.
    loose = ("held_out_loss", "samples")
    lines += [f"{key}: card {stated.get(key)!r}, measured {value!r}"
              for key, value in measured.items() if key not in loose and stated.get(key) != value]
    for said, made in zip(stated["samples"], measured["samples"], strict=True):
        if any(said[k] != made[k] for k in ("prompt_tokens", "output_tokens", "output")):
            lines.append(f"sample {said['prompt']!r}: card {said['output']!r}, "
                         f"measured {made['output']!r}")
    return lines


def answer(question: str) -> str:
    """The model's greedy answer."""
    file = gguf.read(FOLDER / card.MODEL)
    vocabulary = Vocabulary(file)
    prompt = [vocabulary.bos, *vocabulary.encode(chat(question, "").rstrip())]
    return vocabulary.decode(Llama(file).greedy(prompt, 200, vocabulary.eos)[0]).strip()


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ask", metavar="TEXT", help="answer this question and stop")
    args = parser.parse_args()
    if args.ask:
        print(answer(args.ask))
        return 0
    stated = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
    measured = card.measure(FOLDER)
    wrong = differences(stated, measured)
    print("\n".join(wrong) or f"the card holds: held-out loss {measured['held_out_loss']:.4f} "
          f"over {measured['held_out_tokens']} tokens, {measured['held_out_answers_right']} of "
          f"{measured['held_out_questions']} held-out questions answered word for word")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
