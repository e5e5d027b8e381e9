"""The Llama architecture in numpy, float32, from a GGUF file: the judge of the shipped model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gguf import Gguf


@dataclass
class Cache:
    """Keys (after RoPE) and values of one layer, each [position, kv_head, head_width]."""

    keys: np.ndarray
    values: np.ndarray


class Llama:
    """A model ready to run; `start` gives a fresh set of caches."""

    def __init__(self, file: Gguf) -> None:
        meta = file.metadata
        self.weights = file.tensors
        self.layers = int(meta["llama.block_count"])
        self.heads = int(meta["llama.attention.head_count"])
        self.kv_heads = int(meta["llama.attention.head_count_kv"])
        self.context = int(meta["llama.context_length"])
        self.eps = np.float32(meta["llama.attention.layer_norm_rms_epsilon"])
        self.head_width = int(meta["llama.embedding_length"]) // self.heads
        exponent = np.arange(0, self.head_width, 2) / self.head_width
        angle = np.outer(np.arange(self.context),
                         float(meta.get("llama.rope.freq_base", 10000.0)) ** -exponent)
        self.cos, self.sin = (f(angle).astype(np.float32)[:, None, :] for f in (np.cos, np.sin))

    def start(self) -> list[Cache]:
        """Empty caches, one per layer."""
        empty = np.zeros((0, self.kv_heads, self.head_width), dtype=np.float32)
        return [Cache(empty, empty) for _ in range(self.layers)]

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        """RMSNorm of the rows of x."""
        scale = 1 / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + self.eps)
        return x * scale * self.weights[name]

    def rotate(self, x: np.ndarray, first: int) -> np.ndarray:
        """RoPE on the pairs (2i, 2i+1) of x [position, head, head_width]."""
        cos, sin = (t[first:first + len(x)] for t in (self.cos, self.sin))
        even, odd = x[..., 0::2], x[..., 1::2]
        return np.stack((even * cos - odd * sin, even * sin + odd * cos), -1).reshape(x.shape)

    def attention(self, x: np.ndarray, layer: str, cache: Cache) -> np.ndarray:
        """Grouped-query attention of the new rows over everything in the cache."""
        n, first = len(x), len(cache.keys)
        q, k, v = ((x @ self.weights[f"{layer}.attn_{m}.weight"].T).reshape(
            n, -1, self.head_width) for m in "qkv")
        q, k = self.rotate(q, first), self.rotate(k, first)
        cache.keys = np.concatenate((cache.keys, k))
        cache.values = np.concatenate((cache.values, v))
        hidden = np.arange(first + n)[None, :] > np.arange(first, first + n)[:, None]
        mixed = np.empty_like(q)
        for head in range(self.heads):
            source = head * self.kv_heads // self.heads
            scores = q[:, head] @ cache.keys[:, source].T / np.sqrt(np.float32(self.head_width))
            scores[hidden] = -np.inf
            p = np.exp(scores - scores.max(axis=-1, keepdims=True))
            mixed[:, head] = (p / p.sum(axis=-1, keepdims=True)) @ cache.values[:, source]
        return mixed.reshape(n, -1) @ self.weights[f"{layer}.attn_output.weight"].T

    def feed_forward(self, x: np.ndarray, layer: str) -> np.ndarray:
        """SwiGLU."""
        gate, up = (x @ self.weights[f"{layer}.ffn_{m}.weight"].T for m in ("gate", "up"))
        return (gate / (1 + np.exp(-gate)) * up) @ self.weights[f"{layer}.ffn_down.weight"].T

    def forward(self, tokens: list[int], caches: list[Cache]) -> np.ndarray:
        """Logits [token, vocabulary] of tokens that follow what the caches hold."""
        embedding = self.weights["token_embd.weight"]
        x = embedding[tokens]
        for i, cache in enumerate(caches):
            layer = f"blk.{i}"
            x = x + self.attention(self.norm(x, f"{layer}.attn_norm.weight"), layer, cache)
            x = x + self.feed_forward(self.norm(x, f"{layer}.ffn_norm.weight"), layer)
        return self.norm(x, "output_norm.weight") @ self.weights.get(
            "output.weight", embedding).T

    def losses(self, tokens: list[int]) -> np.ndarray:
        """-log p of tokens[1:], each given all before it; summed in float64."""
        logits = self.forward(tokens[:-1], self.start()).astype(np.float64)
        top = logits.max(axis=-1)
        total = np.log(np.exp(logits - top[:, None]).sum(axis=-1)) + top
        return total - logits[np.arange(len(logits)), tokens[1:]]

    def greedy(self, prompt: list[int], limit: int, end: int) -> tuple[list[int], float]:
        """Lowest id among the maxima until end (which is kept) or limit, or a full context.

        Also the smallest lead any chosen token had: another order of summation can only change
        the output when this is within rounding.
        """
        caches, output, margin = self.start(), [], np.inf
        logits = self.forward(prompt, caches)[-1]
        while len(output) < limit and len(prompt) + len(output) < self.context:
            token = int(np.argmax(logits))
            margin = min(margin, float(logits[token] - np.partition(logits, -2)[-2]))
            output.append(token)
            if token == end:
                break
            logits = self.forward([token], caches)[-1]
        return output, margin
