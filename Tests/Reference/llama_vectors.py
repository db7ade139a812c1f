"""The folders of the Llama family's generators: `llama-generator`, `qwen2-generator`, `llama-aligned`.

Before a folder is left, what transformers computed is held against `plain_llama.py`, and its gradients against
finite differences in float64 (`check_llama_vectors.py`). Each file is safetensors but `config.json`, the decoder's:

weights                bridge and decoder; sizes, `conditioning`, `family` and `head` in the metadata
expected               `{i}.states`, `{i}.prompt_ids`, `{i}.response_ids`, `{i}.logits`, `{i}.plain_logits` of the
                       decoder alone, `loss` over all response tokens, `grad.*` of everything; in `llama-aligned`
                       `states` [B, T, D], `input_ids` [B, T], `logits`, `loss` over all tokens but the first, `grad.*`
lora                   A [rank, inputs] and B [outputs, rank] of every projection; `rank`, `alpha`, `targets`
expected_lora          with LoRA in place: `{i}.logits`, `{i}.plain_logits`, `loss`, `grad.*` of bridge and LoRA
after_10_adamw_steps   all trained; `losses` and `gradient_norms` before each step; `optimizer` in the metadata
after_10_bridge_steps  the bridge trained and all else frozen, which is not in the file
after_10_lora_steps    bridge and LoRA trained, LoRA at the generator's learning rate, from weights and lora
"""

import copy
import zlib

import torch

from check_llama_vectors import FOLDERS, check
from llama_generator import PROJECTIONS, LlamaAlignedModule, LlamaPromptModule
from vector_files import describe, loss_and_gradients, randomise, save_file, write_module, write_steps

RANK = 3


def deviation(sizes):
    """Wide enough that attention is far from uniform, so that a wrong angle or head is seen, at every width."""
    return 0.25 * (24 / max(24, sizes["hidden"], sizes["intermediate"])) ** 0.5


def bridge_sizes(sizes, reader):
    """The metadata's sizes: the decoder's own stand in `config.json` too."""
    decoder = {
        "dim": sizes["hidden"],
        "layers": sizes["layers"],
        "heads": sizes["heads"],
        "kv_heads": sizes["kv_heads"],
        "vocab": sizes["vocabulary"],
    }
    return describe(reader, **decoder)


def draw_documents(sizes, reader, tokens, generator):
    """Two documents of unequal lengths; the count of states is not the prompt's length."""
    lengths = [(tokens // 2, tokens // 3, tokens - 3), (3, tokens - 3, 4)]
    return [
        {
            "states": torch.randn(states, reader["source_width"], generator=generator),
            "prompt_ids": torch.randint(0, sizes["vocabulary"], (prompt,), generator=generator),
            "response_ids": torch.randint(0, sizes["vocabulary"], (response,), generator=generator),
        }
        for prompt, response, states in lengths
    ]


def document_tensors(module, documents, with_inputs):
    """`{i}.logits`, and `{i}.plain_logits` of the decoder alone, which reads no states."""
    tensors = {}
    for index, document in enumerate(documents):
        ids = torch.cat([document["prompt_ids"], document["response_ids"]])
        with torch.no_grad():
            found = {
                "logits": module(ids, document["states"]),
                "plain_logits": module(ids, None),
            }
        found |= document if with_inputs else {}
        tensors |= {f"{index}.{k}": v for k, v in found.items()}
    return tensors


def is_bridge(name):
    return name.startswith("bridge.")


def is_lora(name):
    return ".lora_" in name


def write_generator(folder, kind, sizes, reader, tokens, seed):
    """A decoder that reads the prompt's states: all trained, the bridge alone, and the bridge with LoRA."""
    generator = torch.Generator().manual_seed(seed)
    module = LlamaPromptModule(kind, sizes, **reader)
    randomise(module, generator, deviation(sizes))
    documents = draw_documents(sizes, reader, tokens, generator)
    start = copy.deepcopy(module.state_dict())
    head = "lm_head.weight" if "lm_head.weight" in start else "tied to model.embed_tokens"
    metadata = {**bridge_sizes(sizes, reader), "conditioning": "prompt", "family": kind, "head": head}
    write_module(folder, module, documents, document_tensors(module, documents, True), metadata)
    write_config(folder, module, kind)

    module.load_state_dict(start)
    module.train_only(is_bridge)
    write_steps(
        folder / "after_10_bridge_steps.safetensors", module, documents,
        {"trained": "bridge", "frozen": "every other tensor of weights.safetensors"},
    )  # fmt: skip

    module.load_state_dict(start)
    module.add_lora(RANK)
    module.train_only(is_lora)
    randomise_trained(module, generator, deviation(sizes))
    lora = {n: p.detach().clone() for n, p in module.named_parameters() if is_lora(n)}
    described = {"format": "pt", "rank": str(RANK), "alpha": str(RANK), "targets": " ".join(PROJECTIONS)}
    save_file(lora, folder / "lora.safetensors", described)
    module.train_only(lambda name: is_bridge(name) or is_lora(name))
    expected = document_tensors(module, documents, False) | loss_and_gradients(module, documents)
    save_file(expected, folder / "expected_lora.safetensors", described)
    write_steps(
        folder / "after_10_lora_steps.safetensors", module, documents,
        {"trained": "bridge and LoRA, which has the generator's lr", "rank": str(RANK),
         "frozen": "every other tensor of weights.safetensors"},
    )  # fmt: skip
    check(folder)


def randomise_trained(module, generator, deviation):
    """Draws what is trained now; LoRA's B is not zero, so that every gradient is seen."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))


def write_llama_aligned(folder, kind, sizes, reader, bridge_layers, tokens, seed):
    """The paper's bridge, with the causal mask, in front of the decoder."""
    generator = torch.Generator().manual_seed(seed)
    module = LlamaAlignedModule(kind, sizes, **reader, bridge_layers=bridge_layers, mask="causal")
    randomise(module, generator, deviation(sizes))
    batch = {
        "states": torch.randn(2, tokens, reader["source_width"], generator=generator),
        "input_ids": torch.randint(0, sizes["vocabulary"], (2, tokens), generator=generator),
    }
    with torch.no_grad():
        tensors = {**batch, "logits": module(batch["states"])}
    metadata = {
        **bridge_sizes(sizes, reader), "bridge_layers": str(bridge_layers), "mask": "causal",
        "conditioning": "aligned", "family": kind, "head": "lm_head.weight",
    }  # fmt: skip
    write_module(folder, module, batch, tensors, metadata)
    write_config(folder, module, kind)
    check(folder)


def write_config(folder, module, kind):
    config = module.model.config
    config.architectures = [{"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"}[kind]]
    config.save_pretrained(folder)


def write_llama_folders(out, sizes, seed):
    """All three, each from a seed of its own, so that none depends on what was drawn before."""
    reader, tokens = sizes["reader"], sizes["tokens"]
    own = {name: seed ^ zlib.crc32(name.encode()) for name in FOLDERS}
    for name in FOLDERS[:2]:
        kind = name.split("-")[0]
        write_generator(out / name, kind, sizes[kind], reader, tokens, own[name])
    name = FOLDERS[2]
    write_llama_aligned(
        out / name, "llama", sizes["llama"], reader, sizes["bridge_layers"], tokens, own[name]
    )
