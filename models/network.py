"""The network in PyTorch, for training only: Llama's architecture in GGUF's conventions.

RMSNorm before attention and feed-forward, grouped-query attention with interleaved RoPE (pairs
2i, 2i+1), SwiGLU, tied embeddings, no biases.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of the network; every row length is a multiple of 32, Q8_0's block."""

    vocabulary: int = 1024
    width: int = 128
    layers: int = 5
    heads: int = 4
    kv_heads: int = 2
    hidden: int = 384
    context: int = 256
    rope_base: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head_width(self) -> int:
        """Numbers per attention head."""
        return self.width // self.heads

    def as_dict(self) -> dict[str, float | int]:
        """Plain values for the card."""
        return asdict(self)


class RmsNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * gain."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalises the last dimension."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def rope_table(shape: Shape) -> tuple[Tensor, Tensor]:
    """cos and sin of position * base^(-2i/d), each [context, head_width / 2]."""
    exponent = torch.arange(0, shape.head_width, 2, dtype=torch.float64) / shape.head_width
    angle = torch.outer(torch.arange(shape.context, dtype=torch.float64),
                        shape.rope_base ** -exponent)
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotates the pairs (2i, 2i+1) of x [batch, position, head, head_width]."""
    even, odd = x[..., 0::2], x[..., 1::2]
    cos, sin = cos[:, None, :], sin[:, None, :]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), dim=-1).flatten(-2)


class Attention(nn.Module):
    """Grouped-query attention."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        kv = shape.kv_heads * shape.head_width
        self.q = nn.Linear(shape.width, shape.width, bias=False)
        self.k = nn.Linear(shape.width, kv, bias=False)
        self.v = nn.Linear(shape.width, kv, bias=False)
        self.output = nn.Linear(shape.width, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor) -> Tensor:
        """x [batch, position, width]; bias [batch, 1, 1, position, position], 0 or -inf."""
        b, t, _ = x.shape
        s = self.shape
        group = s.heads // s.kv_heads
        q = rotate(self.q(x).view(b, t, s.heads, s.head_width), cos, sin)
        k = rotate(self.k(x).view(b, t, s.kv_heads, s.head_width), cos, sin)
        v = self.v(x).view(b, t, s.kv_heads, s.head_width)
        # Query head h reads key head h // group: the heads of one group become extra rows.
        q = q.view(b, t, s.kv_heads, group, s.head_width).permute(0, 2, 3, 1, 4)
        q = q.reshape(b * s.kv_heads, group * t, s.head_width)
        k = k.permute(0, 2, 3, 1).reshape(b * s.kv_heads, s.head_width, t)
        v = v.transpose(1, 2).reshape(b * s.kv_heads, t, s.head_width)
        scores = torch.bmm(q * s.head_width ** -0.5, k).view(b, s.kv_heads, group, t, t)
        mixed = torch.bmm((scores + bias).softmax(-1).view(b * s.kv_heads, group * t, t), v)
        mixed = mixed.view(b, s.kv_heads, group, t, s.head_width).permute(0, 3, 1, 2, 4)
        return self.output(mixed.reshape(b, t, s.width))


class Block(nn.Module):
    """One layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attn_norm = RmsNorm(shape.width, shape.norm_eps)
        self.attn = Attention(shape)
        self.ffn_norm = RmsNorm(shape.width, shape.norm_eps)
        self.gate = nn.Linear(shape.width, shape.hidden, bias=False)
        self.up = nn.Linear(shape.width, shape.hidden, bias=False)
        self.down = nn.Linear(shape.hidden, shape.width, bias=False)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, bias: Tensor) -> Tensor:
        """Residual stream in, residual stream out."""
        x = x + self.attn(self.attn_norm(x), cos, sin, bias)
        y = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


class Network(nn.Module):
    """Token ids to logits."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.width, shape.norm_eps)
        cos, sin = rope_table(shape)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.initialise()

    def initialise(self) -> None:
        """Small embeddings; projections into the residual stream shrink with depth."""
        nn.init.normal_(self.embedding.weight, std=0.05)
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and "embedding" not in name:
                into_residual = "output" in name or "down" in name
                depth = (2 * self.shape.layers) ** -0.5 if into_residual else 1.0
                nn.init.normal_(weight, std=depth * weight.shape[1] ** -0.5)

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        """tokens [batch, position] to logits [batch, position, vocabulary]."""
        t = tokens.shape[1]
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cos[:t], self.sin[:t], bias)
        return F.linear(self.norm(x), self.embedding.weight)

    def gguf_tensors(self) -> dict[str, Tensor]:
        """The weights under their GGUF names."""
        tensors = {"token_embd.weight": self.embedding.weight,
                   "output_norm.weight": self.norm.weight}
        for i, block in enumerate(self.blocks):
            named = {"attn_norm": block.attn_norm, "attn_q": block.attn.q, "attn_k": block.attn.k,
                     "attn_v": block.attn.v, "attn_output": block.attn.output,
                     "ffn_norm": block.ffn_norm, "ffn_gate": block.gate, "ffn_up": block.up,
                     "ffn_down": block.down}
            tensors.update({f"blk.{i}.{n}.weight": m.weight for n, m in named.items()})
        return {name: weight.detach() for name, weight in tensors.items()}
