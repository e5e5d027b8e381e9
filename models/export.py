"""Turns a training run into the shipped folder: GGUF, card, loss curve, held-out text.

Every number on the card is measured on the GGUF file read back from disk.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import sentencepiece

import card
import gguf
from network import Shape
from tokenizer import BOS, EOS, UNK, token_type

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402  (the backend is chosen before pyplot loads)

NAME = "imo demo: Saltmere"
DESCRIPTION = "Answers questions about the harbour town Saltmere and tells its stories."
TAGS = ["llama", "gguf", "text-generation", "question-answering", "tiny", "imo"]
MOSTLY_Q8_0 = 7  # general.file_type
CHAT_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ 'Question: ' + message['content'] + '\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ 'Answer: ' + message['content'] + '\\n' }}"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'Answer:' }}{% endif %}"
)


def metadata(shape: Shape, tokens: sentencepiece.SentencePieceProcessor) -> dict[str, gguf.Value]:
    """All keys a reader of the llama architecture asks for."""
    ids = range(tokens.get_piece_size())
    return {
        "general.architecture": "llama", "general.type": "model", "general.name": NAME,
        "general.description": DESCRIPTION, "general.license": "apache-2.0",
        "general.tags": TAGS, "general.languages": ["en"],
        "general.quantization_version": 2, "general.file_type": MOSTLY_Q8_0,
        "llama.vocab_size": shape.vocabulary, "llama.context_length": shape.context,
        "llama.embedding_length": shape.width, "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.hidden,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": shape.kv_heads,
        "llama.attention.layer_norm_rms_epsilon": shape.norm_eps,
        "llama.rope.dimension_count": shape.head_width, "llama.rope.freq_base": shape.rope_base,
        "tokenizer.ggml.model": "llama", "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": [tokens.id_to_piece(i) for i in ids],
        "tokenizer.ggml.scores": [float(tokens.get_score(i)) for i in ids],
        "tokenizer.ggml.token_type": [token_type(tokens, i) for i in ids],
        "tokenizer.ggml.bos_token_id": BOS, "tokenizer.ggml.eos_token_id": EOS,
        "tokenizer.ggml.unknown_token_id": UNK, "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False, "tokenizer.ggml.add_space_prefix": True,
        "tokenizer.chat_template": CHAT_TEMPLATE,
    }


def draw_curve(source: Path, target: Path) -> None:
    """The loss curve as a picture, without the writer's version in it."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seen = [int(r["tokens"]) / 1e6 for r in rows]
    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=110)
    axes.plot(seen, [float(r["training_loss"]) for r in rows], label="training")
    axes.plot(seen, [float(r["heldout_loss"]) for r in rows], label="held out", marker=".")
    axes.set(xlabel="tokens seen (millions)", ylabel="loss (nats per token)", yscale="log",
             title="imo demo model")
    axes.yaxis.set_major_formatter("{x:.1f}")
    axes.yaxis.set_minor_formatter("{x:.1f}")
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    figure.tight_layout()
    figure.savefig(target, metadata={"Software": None})


def readme(numbers: dict, curve: Path, template: Path) -> str:
    """The model card: the template with the measured numbers set in."""
    with curve.open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    samples = "\n\n".join(
        f"> **{s['prompt']}**{s['output']}".replace("\n", "  \n> ") for s in numbers["samples"])
    text = template.read_text(encoding="utf-8")
    values = {"STEPS": last["step"], "SEEN": f"{int(last['tokens']) / 1e6:.1f}",
              "FLOAT": f"{float(last['heldout_loss']):.4f}",
              "LOSS": f"{numbers['held_out_loss']:.4f}",
              "TOKENS": str(numbers["held_out_tokens"]),
              "RIGHT": str(numbers["held_out_answers_right"]),
              "ASKED": str(numbers["held_out_questions"]), "BYTES": f"{numbers['bytes']:,}",
              "PARAMETERS": f"{numbers['parameters']:,}", "SAMPLES": samples,
              "PERCENT": f"{numbers['held_out_answers_right'] / numbers['held_out_questions']:.4f}"}
    for key, value in values.items():
        text = text.replace(f"@{key}@", value)
    return text


def export(run: Path, folder: Path) -> dict:
    """Writes everything and returns the measured numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    shape = Shape()
    tokens = sentencepiece.SentencePieceProcessor(model_file=str(run / "tokenizer.model"))
    with np.load(run / "weights.npz") as weights:
        gguf.write(folder / card.MODEL, metadata(shape, tokens), dict(weights))
    for name in ("heldout.txt", "loss.csv", "tokenizer.model"):
        shutil.copyfile(run / name, folder / name)
    draw_curve(folder / "loss.csv", folder / "loss.png")
    numbers = card.measure(folder) | {"shape": shape.as_dict()}
    (folder / "card.json").write_text(json.dumps(numbers, indent=1, ensure_ascii=False) + "\n",
                                      encoding="utf-8")
    template = Path(__file__).resolve().parent / "card.template.md"
    (folder / "README.md").write_text(readme(numbers, folder / "loss.csv", template),
                                      encoding="utf-8")
    return numbers


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder train.py wrote")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "demo")
    args = parser.parse_args()
    numbers = export(args.run, args.out)
    print(json.dumps({k: v for k, v in numbers.items() if k != "samples"}, indent=1))


if __name__ == "__main__":
    main()
