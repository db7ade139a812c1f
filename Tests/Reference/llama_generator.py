"""Generators of the Llama family: the decoder is transformers' own Llama or Qwen2, the bridge is put around it.

A state dict has the names of a Hugging Face folder (`model.layers.0.self_attn.q_proj.weight`) beside the
bridge's. `plain_llama.py` computes the same by hand; the two are held against each other.
"""

import transformers
from torch import nn
from torch.nn import functional as F

from llm_modules import BridgedModule, EnhancedCrossAttention, response_loss

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def causal_language_model(kind, sizes):
    """transformers' `llama` or `qwen2` of these sizes, in float32."""
    shared = {
        "hidden_size": sizes["hidden"], "intermediate_size": sizes["intermediate"],
        "num_hidden_layers": sizes["layers"], "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["kv_heads"], "vocab_size": sizes["vocabulary"],
        "max_position_embeddings": 128, "dtype": "float32", "attn_implementation": "eager",
        "use_cache": False,
    }  # fmt: skip
    if kind == "qwen2":
        config = transformers.Qwen2Config(
            **shared, rms_norm_eps=1e-6, tie_word_embeddings=True, use_sliding_window=False,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        )  # fmt: skip
        return transformers.Qwen2ForCausalLM(config)
    config = transformers.LlamaConfig(
        **shared, rms_norm_eps=1e-5, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config)


class LoRALinear(nn.Linear):
    """y = x W^T + b + (x A^T) B^T, with A [rank, inputs] and B [outputs, rank]; the scale is one."""

    def __init__(self, base, rank):
        super().__init__(base.in_features, base.out_features, bias=base.bias is not None)
        self.weight, self.bias = base.weight, base.bias
        self.lora_A = nn.Linear(base.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False)

    def forward(self, x):
        return super().forward(x) + self.lora_B(self.lora_A(x))


class Decoder(nn.Module):
    """What both conditionings share: transformers' decoder under its own names, and what of it is trained."""

    def hold(self, language_model, has_own_head):
        self.model = language_model.model
        if has_own_head:
            self.lm_head = language_model.lm_head

    def head(self, x):
        weight = self.lm_head.weight if hasattr(self, "lm_head") else self.model.embed_tokens.weight
        return F.linear(x, weight)

    def projections(self):
        """(parent, name) of every linear projection of every layer."""
        for layer in self.model.layers:
            for parent in (layer.self_attn, layer.mlp):
                yield from ((parent, n) for n in PROJECTIONS if hasattr(parent, n))

    def add_lora(self, rank):
        for parent, name in self.projections():
            setattr(parent, name, LoRALinear(getattr(parent, name), rank))

    def train_only(self, is_trained):
        for name, parameter in self.named_parameters():
            parameter.requires_grad_(is_trained(name))

    def trained(self):
        """(bridge, generator) parameters by name, without what is frozen; LoRA is the generator's."""
        found = {n: p for n, p in self.named_parameters() if p.requires_grad}
        bridge = {n: p for n, p in found.items() if n.startswith(("bridge.", "qwen."))}
        return bridge, {n: p for n, p in found.items() if n not in bridge}


class LlamaPromptModule(Decoder):
    """Before layer i's block, x <- x + g * a: the branch is hooked in front of transformers' own layer."""

    def __init__(self, kind, sizes, source_width, adapter_width, bridge_heads):
        super().__init__()
        language_model = causal_language_model(kind, sizes)
        self.hold(language_model, has_own_head=not language_model.config.tie_word_embeddings)
        self.bridge = nn.ModuleList(
            EnhancedCrossAttention(source_width, sizes["hidden"], bridge_heads, adapter_width)
            for _ in range(sizes["layers"])
        )
        self.states = None
        for branch, layer in zip(self.bridge, self.model.layers):
            layer.register_forward_pre_hook(self.reader(branch))

    def reader(self, branch):
        def read(_, arguments):
            if self.states is None:
                return arguments
            x = arguments[0]
            a, g = branch.read(x, self.states[None])
            return (x + g * a, *arguments[1:])

        return read

    def forward(self, ids, states):
        """ids [T], states [S, D], or None for the decoder alone -> logits [T, V]"""
        self.states = states
        return self.head(self.model(input_ids=ids[None]).last_hidden_state[0])

    def loss(self, documents):
        return response_loss(self, documents)


class LlamaAlignedModule(BridgedModule, Decoder):
    """The paper's bridge in place of the decoder's token embeddings; rotary embedding alone tells positions."""

    def __init__(self, kind, sizes, source_width, adapter_width, bridge_heads, bridge_layers, mask):
        super().__init__(source_width, sizes["hidden"], mask, adapter_width, bridge_layers, bridge_heads)
        self.hold(causal_language_model(kind, sizes), has_own_head=True)
        self.model.embed_tokens = None

    def forward(self, states):
        """states [B, T, D] -> logits [B, T, V]"""
        return self.head(self.model(inputs_embeds=self.bridge(states)).last_hidden_state)
