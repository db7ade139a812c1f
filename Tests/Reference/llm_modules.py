"""The LLM Modules architecture in plain PyTorch: the reference that the Swift code is held against.

Written from the paper (arXiv 2502.08213) and the shapes and names of its published checkpoint, so
that a state dict has the checkpoint's own tensor names. Dropout is absent: vectors are made without.

Shapes: B batch, T generator positions, S source positions, D source width, C generator width,
V vocabulary.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

LAYER_NORM_EPSILON = 1e-5


def heads_of(x, heads):
    """[..., T, C] -> [..., H, T, C / H]"""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def merged(x):
    """[..., H, T, C / H] -> [..., T, C]"""
    return x.transpose(-3, -2).flatten(-2)


class CrossAttention(nn.Module):
    """Queries from the generator's stream, keys and values from the source's states; both normed."""

    def __init__(self, source_width, width, heads):
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(source_width, width)
        self.v_proj = nn.Linear(source_width, width)
        self.out_proj = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(source_width, eps=LAYER_NORM_EPSILON)
        self.norm2 = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)

    def forward(self, x, states, visible=None):
        """x [..., T, C], states [..., S, D], visible [T, S] of bool, all where None -> [..., T, C]"""
        states, x = self.norm1(states), self.norm2(x)
        q = heads_of(self.q_proj(x), self.heads)
        k = heads_of(self.k_proj(states), self.heads)
        v = heads_of(self.v_proj(states), self.heads)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if visible is not None:
            scores = scores.masked_fill(~visible, float("-inf"))
        return self.out_proj(merged(scores.softmax(-1) @ v))


class Adapter(nn.Module):
    """x + LayerNorm(fc2(GELU(fc1(x)))), with the exact (erf) GELU."""

    def __init__(self, width, adapter_width):
        super().__init__()
        self.fc1 = nn.Linear(width, adapter_width)
        self.fc2 = nn.Linear(adapter_width, width)
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)

    def forward(self, x):
        return x + self.norm(self.fc2(F.gelu(self.fc1(x))))


class EnhancedCrossAttention(nn.Module):
    """Cross-attention, adapter, and a gate that sees the stream beside what was read."""

    def __init__(self, source_width, width, heads, adapter_width):
        super().__init__()
        self.cross_attn = CrossAttention(source_width, width, heads)
        self.adapter = Adapter(width, adapter_width)
        self.gate = nn.Linear(2 * width, width)

    def read(self, x, states, visible=None):
        """What was read, a, and its gate, g = sigmoid(W [x; a] + b); both [..., T, C]."""
        a = self.adapter(self.cross_attn(x, states, visible))
        return a, torch.sigmoid(self.gate(torch.cat([x, a], dim=-1)))

    def mixed(self, x, states, visible=None):
        """The paper's mixture, g * a + (1 - g) * x."""
        a, g = self.read(x, states, visible)
        return g * a + (1 - g) * x


class SelfAttention(nn.Module):
    """GPT-Neo's: scores are not scaled, only the output projection has a bias."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.q_proj = nn.Linear(width, width, bias=False)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, visible):
        q, k, v = (heads_of(p(x), self.heads) for p in (self.q_proj, self.k_proj, self.v_proj))
        scores = (q @ k.transpose(-1, -2)).masked_fill(~visible, float("-inf"))
        return self.out_proj(merged(scores.softmax(-1) @ v))


class Block(nn.Module):
    """x + attention(LN(x)), then x + MLP(LN(x)), with the tanh GELU. Odd layers see a window."""

    def __init__(self, width, heads, window):
        super().__init__()
        self.window = window
        self.ln_1 = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.attn = nn.ModuleDict({"attention": SelfAttention(width, heads)})
        self.ln_2 = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)}
        )

    def forward(self, x):
        length = x.shape[-2]
        distance = torch.arange(length)[:, None] - torch.arange(length)[None, :]
        visible = distance >= 0
        if self.window is not None:
            visible &= distance < self.window
        x = x + self.attn["attention"](self.ln_1(x), visible)
        hidden = F.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
        return x + self.mlp["c_proj"](hidden)


class Transformer(nn.Module):
    """GPT-Neo without a head. Layers alternate: global, local, global, ..."""

    def __init__(self, width, layers, heads, window, embeddings, positions):
        super().__init__()
        self.wte = nn.Embedding(embeddings, width)
        self.wpe = nn.Embedding(positions, width)
        self.h = nn.ModuleList(
            Block(width, heads, window if i % 2 else None) for i in range(layers)
        )
        self.ln_f = nn.LayerNorm(width, eps=LAYER_NORM_EPSILON)


class BridgedModule(nn.Module):
    """The paper's bridge, which turns the states of every position into the generator's input.

    `mask` is `causal`, or `published`: position t's cross-attention then sees states of later positions.
    What is built on it computes logits from the bridge's rows.
    """

    def __init__(self, source_width, width, mask, adapter_width, bridge_layers, bridge_heads):
        super().__init__()
        self.mask = mask
        middle = (source_width + width) // 2
        self.qwen = nn.ModuleDict({
            "pre_proj": nn.Linear(source_width, source_width),
            "proj": nn.Linear(source_width, width),
            "cross_attention_layers": nn.ModuleList(
                EnhancedCrossAttention(source_width, width, bridge_heads, adapter_width)
                for _ in range(bridge_layers)
            ),
            "intermediate_layers": nn.Sequential(
                nn.Linear(source_width, middle),
                nn.LayerNorm(middle, eps=LAYER_NORM_EPSILON),
                nn.GELU(),
                nn.Linear(middle, width),
                nn.LayerNorm(width, eps=LAYER_NORM_EPSILON),
            ),
        })  # fmt: skip

    def bridge(self, states):
        """[B, T, D] -> [B, T, C]"""
        length = states.shape[-2]
        visible = torch.ones(length, length, dtype=torch.bool)
        if self.mask == "causal":
            visible = visible.tril()
        projected = self.qwen["pre_proj"](states)
        x = self.qwen["intermediate_layers"](projected)
        for layer in self.qwen["cross_attention_layers"]:
            x = x + layer.mixed(x, projected, visible)
        return x + self.qwen["proj"](projected)

    def loss(self, batch):
        logits = self(batch["states"])
        return F.cross_entropy(logits[:, :-1].flatten(0, 1), batch["input_ids"][:, 1:].flatten())


class AlignedModule(BridgedModule):
    """The paper's stack: the bridge, and GPT-Neo behind it with a head of its own."""

    def __init__(self, source_width, width, layers, heads, window, vocabulary, mask, adapter_width=256,
                 bridge_layers=2, bridge_heads=8, positions=4096, unused_embeddings=8):  # fmt: skip
        super().__init__(source_width, width, mask, adapter_width, bridge_layers, bridge_heads)
        transformer = Transformer(width, layers, heads, window, unused_embeddings, positions)
        self.gptneo = nn.ModuleDict({
            "base_model": nn.ModuleDict({"transformer": transformer}),
            "new_lm_head": nn.Linear(width, vocabulary, bias=False),
        })  # fmt: skip

    def forward(self, states):
        """states [B, T, D] -> logits [B, T, V]"""
        transformer = self.gptneo["base_model"]["transformer"]
        x = self.bridge(states)
        x = x + transformer.wpe.weight[: x.shape[-2]]
        for block in transformer.h:
            x = block(x)
        return self.gptneo["new_lm_head"](transformer.ln_f(x))

    def trained(self):
        """(bridge, generator) parameters by name; `wte` takes no part."""
        names = [(n, p) for n, p in self.named_parameters() if not n.endswith("wte.weight")]
        return dict(x for x in names if x[0].startswith("qwen.")), dict(
            x for x in names if x[0].startswith("gptneo.")
        )


def response_loss(logits_of, documents):
    """Mean cross-entropy over all response tokens of all documents; logits_of(ids, states) -> [T, V]."""
    total, count = 0.0, 0
    for document in documents:
        prompt, response = document["prompt_ids"], document["response_ids"]
        logits = logits_of(torch.cat([prompt, response]), document["states"])
        answers = logits[len(prompt) - 1 : -1]
        total = total + F.cross_entropy(answers, response, reduction="sum")
        count += len(response)
    return total / count


class PromptModule(nn.Module):
    """The generator embeds its own tokens and reads the prompt's states before every block."""

    def __init__(self, source_width, width, layers, heads, window, vocabulary, adapter_width=64,
                 bridge_heads=8, positions=64):  # fmt: skip
        super().__init__()
        self.gpt = Transformer(width, layers, heads, window, vocabulary, positions)
        self.bridge = nn.ModuleList(
            EnhancedCrossAttention(source_width, width, bridge_heads, adapter_width)
            for _ in range(layers)
        )

    def forward(self, ids, states):
        """ids [T], states [S, D] -> logits [T, V]; the head is tied to the embedding."""
        x = self.gpt.wte(ids) + self.gpt.wpe.weight[: ids.shape[0]]
        for layer, block in zip(self.bridge, self.gpt.h):
            a, g = layer.read(x, states)
            x = block(x + g * a)
        return self.gpt.ln_f(x) @ self.gpt.wte.weight.T

    def loss(self, documents):
        return response_loss(self, documents)

    def trained(self):
        """(bridge, generator) parameters by name."""
        return {f"bridge.{n}": p for n, p in self.bridge.named_parameters()}, {
            f"gpt.{n}": p for n, p in self.gpt.named_parameters()
        }


def adamw_steps(module, batch, steps=10):
    """Ten of AdamW's steps on one batch; the loss before each and its gradient's norm. See `OPTIMIZER`."""
    bridge, generator = module.trained()
    parameters = [*bridge.values(), *generator.values()]
    optimizer = torch.optim.AdamW(
        [{"params": list(bridge.values()), "lr": 1e-3}, {"params": list(generator.values()), "lr": 5e-4}],
        betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01,
    )  # fmt: skip
    losses, norms = [], []
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        loss = module.loss(batch)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, 1.0))
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses), torch.stack(norms)


OPTIMIZER = (
    "AdamW betas 0.9 0.999 eps 1e-8 weight_decay 0.01 on every trained tensor, bridge lr 1e-3, "
    "generator lr 5e-4, clip_grad_norm 1.0 over the trained tensors"
)
