"""The vocabulary: a SentencePiece BPE model trained on the generated text, with byte fallback.

No normalisation and a newline left to its byte piece, as in Llama 2, so that any reader of GGUF's
"llama" tokenizer type reproduces the ids from pieces and scores alone.
"""

from __future__ import annotations

import io
from pathlib import Path

import sentencepiece

VOCABULARY = 1024
UNK, BOS, EOS = 0, 1, 2


def train_tokenizer(documents: list[str], path: Path) -> sentencepiece.SentencePieceProcessor:
    """Trains on the lines of the documents and writes the SentencePiece file to path."""
    lines = (line for document in documents for line in document.split("\n"))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=model, model_type="bpe", vocab_size=VOCABULARY,
        byte_fallback=True, split_digits=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, add_dummy_prefix=True, character_coverage=1.0,
        unk_id=UNK, bos_id=BOS, eos_id=EOS, pad_id=-1, num_threads=1, minloglevel=2,
    )
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def token_type(processor: sentencepiece.SentencePieceProcessor, token: int) -> int:
    """GGUF's token type: 1 normal, 2 unknown, 3 control, 6 byte."""
    if processor.is_unknown(token):
        return 2
    if processor.is_control(token):
        return 3
    return 6 if processor.is_byte(token) else 1
