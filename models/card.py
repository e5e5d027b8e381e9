"""Everything the model card states as a number, computed from the GGUF file on disk."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

import gguf
from generate import read_documents
from llama import Llama
from spm import Vocabulary

MODEL = "imo-demo.gguf"
METHOD = ("Each document of heldout.txt (separated by an empty line) on its own as BOS, text, EOS; "
          "mean of -ln p over every token after BOS, including EOS; float32 on the dequantised "
          "Q8_0 weights of the file.")
ANSWER_LIMIT = 48
PROMPTS = (
    ("Question: Where does Mara keep the lamp?\nAnswer:", 48),
    ("Question: Tell me a story about Finn and lantern night.\nAnswer:", 200),
    ("One day the sea was as flat as a plate, and Tomas", 200),
)


def held_out_loss(model: Llama, vocabulary: Vocabulary, documents: list[str]) -> tuple[float, int]:
    """Mean nats per predicted token, and how many tokens that is."""
    losses = [model.losses([vocabulary.bos, *vocabulary.encode(d), vocabulary.eos])
              for d in documents]
    return float(np.concatenate(losses).mean()), sum(len(x) for x in losses)


def right_answers(model: Llama, vocabulary: Vocabulary, documents: list[str]) -> tuple[int, int]:
    """Held-out questions whose greedy answer is the fact, word for word; and their number."""
    right = asked = 0
    for document in documents:
        if not document.startswith("Question:"):
            continue
        ask, answer = document.split("\nAnswer:")
        prompt = [vocabulary.bos, *vocabulary.encode(f"{ask}\nAnswer:")]
        output, _ = model.greedy(prompt, ANSWER_LIMIT, vocabulary.eos)
        right += output[-1] == vocabulary.eos and vocabulary.decode(output) == answer
        asked += 1
    return right, asked


def sample(model: Llama, vocabulary: Vocabulary, prompt: str, limit: int) -> dict:
    """One greedy continuation with its tokens."""
    tokens = [vocabulary.bos, *vocabulary.encode(prompt)]
    output, margin = model.greedy(tokens, limit, vocabulary.eos)
    return {"prompt": prompt, "max_tokens": limit, "prompt_tokens": tokens,
            "output_tokens": output, "output": vocabulary.decode(output),
            "smallest_logit_lead": round(margin, 4)}


def measure(folder: Path) -> dict:
    """The content of card.json, from the files in folder."""
    raw = (folder / MODEL).read_bytes()
    file = gguf.read(folder / MODEL)
    model, vocabulary = Llama(file), Vocabulary(file)
    documents = read_documents(folder / "heldout.txt")
    loss, tokens = held_out_loss(model, vocabulary, documents)
    right, asked = right_answers(model, vocabulary, documents)
    return {
        "model": MODEL, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw),
        "parameters": int(sum(t.size for t in file.tensors.values())),
        "held_out_loss": round(loss, 6), "held_out_tokens": tokens,
        "held_out_documents": len(documents), "held_out_method": METHOD,
        "held_out_questions": asked, "held_out_answers_right": right,
        "samples": [sample(model, vocabulary, *p) for p in PROMPTS],
    }
