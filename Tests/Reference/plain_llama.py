"""The Llama family's generator a second time, by hand: functions of a dictionary of tensors, in any precision.

Nothing here comes from transformers or from `llm_modules.py`, so that a mistake in one is seen in the other.
In float64 its gradients are held against finite differences.

Shapes: B batch, T generator positions, S source positions, D source width, C generator width, V vocabulary.
"""

import json

import torch


class Configuration:
    """What `config.json` and the metadata of `weights.safetensors` say."""

    def __init__(self, config_path, metadata):
        said = json.loads(config_path.read_text())
        self.heads = said["num_attention_heads"]
        self.kv_heads = said["num_key_value_heads"]
        self.head_width = said.get("head_dim") or said["hidden_size"] // self.heads
        self.layers = said["num_hidden_layers"]
        self.epsilon = said["rms_norm_eps"]
        self.theta = said["rope_parameters"]["rope_theta"]
        self.is_tied = said["tie_word_embeddings"]
        self.bridge_heads = int(metadata["bridge_heads"])
        self.bridge_layers = int(metadata.get("bridge_layers", 0))


def linear(t, name, x):
    """x W^T + b, and the low-rank addition where there is one."""
    y = x @ t[f"{name}.weight"].T
    if f"{name}.bias" in t:
        y = y + t[f"{name}.bias"]
    if f"{name}.lora_A.weight" in t:
        y = y + (x @ t[f"{name}.lora_A.weight"].T) @ t[f"{name}.lora_B.weight"].T
    return y


def layer_norm(t, name, x):
    centred = x - x.mean(-1, keepdim=True)
    scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
    return scaled * t[f"{name}.weight"] + t[f"{name}.bias"]


def rms_norm(t, name, x, epsilon):
    return x / (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt() * t[f"{name}.weight"]


def gelu(x):
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))


def attention(q, k, v, visible=None):
    """One head: q [..., T, d], k and v [..., S, d] -> [..., T, d]"""
    scores = torch.einsum("...td,...sd->...ts", q, k) / q.shape[-1] ** 0.5
    if visible is not None:
        scores = scores.where(visible, torch.tensor(-torch.inf, dtype=scores.dtype))
    exponents = (scores - scores.amax(-1, keepdim=True)).exp()
    return torch.einsum("...ts,...sd->...td", exponents / exponents.sum(-1, keepdim=True), v)


def read(t, name, x, states, heads, visible=None):
    """a = adapter(cross_attention(x, states)) and g = sigmoid(W [x; a] + b)."""
    rows, sources = layer_norm(t, f"{name}.cross_attn.norm2", x), states
    sources = layer_norm(t, f"{name}.cross_attn.norm1", sources)
    q = linear(t, f"{name}.cross_attn.q_proj", rows).chunk(heads, -1)
    k = linear(t, f"{name}.cross_attn.k_proj", sources).chunk(heads, -1)
    v = linear(t, f"{name}.cross_attn.v_proj", sources).chunk(heads, -1)
    found = torch.cat([attention(*parts, visible) for parts in zip(q, k, v)], -1)
    found = linear(t, f"{name}.cross_attn.out_proj", found)
    inner = linear(t, f"{name}.adapter.fc2", gelu(linear(t, f"{name}.adapter.fc1", found)))
    a = found + layer_norm(t, f"{name}.adapter.norm", inner)
    g = 1 / (1 + (-linear(t, f"{name}.gate", torch.cat([x, a], -1))).exp())
    return a, g


def rotated(x, theta):
    """Channel i and channel i + d/2 of position p are turned by p theta^(-2 i / d), as one complex number."""
    length, half = x.shape[-2], x.shape[-1] // 2
    # transformers has the angles in float32, whatever the model computes in.
    frequencies = 1.0 / theta ** (torch.arange(half, dtype=torch.float32) * 2 / x.shape[-1])
    angles = (torch.arange(length, dtype=torch.float32)[:, None] * frequencies).to(x.dtype)
    turned = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat([turned.real, turned.imag], -1)


def block(t, c, index, x):
    """x + attention(RMSNorm(x)), then x + down(silu(gate) * up); query head h reads key head h / group."""
    name, length = f"model.layers.{index}", x.shape[-2]
    rows = rms_norm(t, f"{name}.input_layernorm", x, c.epsilon)
    q = linear(t, f"{name}.self_attn.q_proj", rows).split(c.head_width, -1)
    k = linear(t, f"{name}.self_attn.k_proj", rows).split(c.head_width, -1)
    v = linear(t, f"{name}.self_attn.v_proj", rows).split(c.head_width, -1)
    assert (len(q), len(k), len(v)) == (c.heads, c.kv_heads, c.kv_heads)
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    group = c.heads // c.kv_heads
    heads = [
        attention(rotated(q[h], c.theta), rotated(k[h // group], c.theta), v[h // group], visible)
        for h in range(c.heads)
    ]
    x = x + linear(t, f"{name}.self_attn.o_proj", torch.cat(heads, -1))
    rows = rms_norm(t, f"{name}.post_attention_layernorm", x, c.epsilon)
    gate = linear(t, f"{name}.mlp.gate_proj", rows)
    inner = gate / (1 + (-gate).exp()) * linear(t, f"{name}.mlp.up_proj", rows)
    return x + linear(t, f"{name}.mlp.down_proj", inner)


def prompt_logits(t, c, ids, states):
    """ids [T], states [S, D], or None for the decoder alone -> [T, V]"""
    x = t["model.embed_tokens.weight"][ids]
    for index in range(c.layers):
        if states is not None:
            a, g = read(t, f"bridge.{index}", x, states, c.bridge_heads)
            x = x + g * a
        x = block(t, c, index, x)
    head = "model.embed_tokens.weight" if c.is_tied else "lm_head.weight"
    return rms_norm(t, "model.norm", x, c.epsilon) @ t[head].T


def aligned_logits(t, c, states):
    """states [B, T, D] -> [B, T, V]; position t reads the states up to t."""
    length = states.shape[-2]
    visible = torch.ones(length, length, dtype=torch.bool).tril()
    projected = linear(t, "qwen.pre_proj", states)
    x = linear(t, "qwen.intermediate_layers.0", projected)
    x = gelu(layer_norm(t, "qwen.intermediate_layers.1", x))
    x = linear(t, "qwen.intermediate_layers.3", x)
    x = layer_norm(t, "qwen.intermediate_layers.4", x)
    for index in range(c.bridge_layers):
        a, g = read(t, f"qwen.cross_attention_layers.{index}", x, projected, c.bridge_heads, visible)
        x = x + g * a + (1 - g) * x
    x = x + linear(t, "qwen.proj", projected)
    for index in range(c.layers):
        x = block(t, c, index, x)
    return rms_norm(t, "model.norm", x, c.epsilon) @ t["lm_head.weight"].T


def negative_log_likelihood(logits, ids):
    """The sum over positions: logits [T, V], ids [T]"""
    top = logits.amax(-1, keepdim=True)
    total = (logits - top).exp().sum(-1).log() + top[:, 0]
    return (total - logits.gather(-1, ids[:, None])[:, 0]).sum()


def prompt_loss(t, c, documents):
    """The mean over all response tokens of all documents."""
    total, count = 0.0, 0
    for d in documents:
        ids = torch.cat([d["prompt_ids"], d["response_ids"]])
        logits = prompt_logits(t, c, ids, d["states"])
        total = total + negative_log_likelihood(logits[len(d["prompt_ids"]) - 1 : -1], d["response_ids"])
        count += len(d["response_ids"])
    return total / count


def aligned_loss(t, c, batch):
    """The mean over all tokens but the first of each row."""
    logits, ids = aligned_logits(t, c, batch["states"]), batch["input_ids"]
    parts = [negative_log_likelihood(row[:-1], tokens[1:]) for row, tokens in zip(logits, ids)]
    return sum(parts) / ids[:, 1:].numel()


def adamw_step(t, trained, moments, gradients, step, rate):
    """One step of AdamW (Loshchilov and Hutter, algorithm 2) with the vectors' settings, by hand.

    `moments` has (m, v) by name; `rate` gives a name's learning rate.
    """
    norm = sum(gradients[n].pow(2).sum() for n in trained).sqrt()
    scale = min(1.0, 1.0 / (norm.item() + 1e-6))
    for name in trained:
        g = gradients[name] * scale
        m, v = moments.get(name, (torch.zeros_like(g), torch.zeros_like(g)))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        moments[name] = (m, v)
        corrected = (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
        t[name] = t[name] * (1 - rate(name) * 0.01) - rate(name) * corrected
    return norm.item()
