"""Encoding and decoding with nothing but a GGUF file's pieces and scores.

SentencePiece BPE: replace spaces by U+2581, put one in front, start from characters, merge the
neighbours whose joint piece has the highest score (the leftmost on a tie) until none is left.
"""

from __future__ import annotations

from gguf import Gguf

SPACE = "\u2581"
CONTROL, BYTE = 3, 6


class Vocabulary:
    """Pieces, scores and types of a GGUF file of tokenizer type "llama"."""

    def __init__(self, file: Gguf) -> None:
        self.pieces: list[str] = file.metadata["tokenizer.ggml.tokens"]
        self.scores: list[float] = file.metadata["tokenizer.ggml.scores"]
        self.types: list[int] = file.metadata["tokenizer.ggml.token_type"]
        self.bos: int = file.metadata["tokenizer.ggml.bos_token_id"]
        self.eos: int = file.metadata["tokenizer.ggml.eos_token_id"]
        self.ids = {piece: i for i, piece in enumerate(self.pieces)}

    def encode(self, text: str) -> list[int]:
        """Ids of the text, without BOS."""
        symbols = list(SPACE + text.replace(" ", SPACE)) if text else []
        while True:
            best, at = None, -1
            for i in range(len(symbols) - 1):
                token = self.ids.get(symbols[i] + symbols[i + 1])
                if token is not None and (best is None or self.scores[token] > best):
                    best, at = self.scores[token], i
            if best is None:
                return [token for s in symbols for token in self._ids_of(s)]
            symbols[at:at + 2] = [symbols[at] + symbols[at + 1]]

    def _ids_of(self, symbol: str) -> list[int]:
        """One id, or one per UTF-8 byte when the symbol has no piece."""
        token = self.ids.get(symbol)
        if token is not None:
            return [token]
        return [self.ids[f"<0x{byte:02X}>"] for byte in symbol.encode("utf-8")]

    def decode(self, tokens: list[int]) -> str:
        """Text of the tokens; control tokens are silent, a space in front is kept."""
        raw = bytearray()
        for token in tokens:
            if self.types[token] == BYTE:
                raw.append(int(self.pieces[token][3:5], 16))
            elif self.types[token] != CONTROL:
                raw.extend(self.pieces[token].replace(SPACE, " ").encode("utf-8"))
        return raw.decode("utf-8", errors="replace")
