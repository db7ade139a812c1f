"""Makes a folder of reference vectors with PyTorch and transformers: python make_vectors.py OUT --seed N

The folder has the form of the reference data that the tests take from `DENJU_REFERENCE`: three random
models of the Hugging Face kind with their states and logits; the LLM Modules architecture in its three
variants with logits, loss, every gradient, and the weights after ten AdamW steps; and generators of the
Llama family with the same, frozen parts and LoRA too. Everything is float32 on one thread. `--sizes random`
draws widths, layers, heads, windows and vocabularies from the seed; `--sizes small`, the default, keeps the
whole folder under a megabyte or so, fit to be committed.
"""

import argparse
import hashlib
import json
import platform
import random
from pathlib import Path

import safetensors
import torch
import transformers

from llama_vectors import FOLDERS, write_llama_folders
from llm_modules import AlignedModule, PromptModule
from vector_files import describe, randomise, save_file, write_module


def small_sizes(_):
    return {
        "qwen2": {"hidden": 24, "intermediate": 40, "layers": 2, "heads": 6, "kv_heads": 2, "vocabulary": 67},
        "llama": {"hidden": 24, "intermediate": 36, "layers": 2, "heads": 4, "kv_heads": 1, "vocabulary": 59},
        "gpt-neo": {"hidden": 24, "layers": 3, "heads": 3, "window": 5, "vocabulary": 61, "positions": 32},
        "module": {"source_width": 20, "width": 16, "layers": 3, "heads": 2, "window": 4, "vocabulary": 53,
                   "adapter_width": 12, "bridge_heads": 4, "positions": 32},
        "bridge_layers": 2, "tokens": 14,
        # Six files a folder, so smaller than those above.
        "generators": {
            "llama": {"hidden": 24, "intermediate": 20, "layers": 2, "heads": 4, "kv_heads": 1, "vocabulary": 31},
            "qwen2": {"hidden": 24, "intermediate": 20, "layers": 2, "heads": 6, "kv_heads": 2, "vocabulary": 31},
            "reader": {"source_width": 8, "adapter_width": 6, "bridge_heads": 3},
            "bridge_layers": 1, "tokens": 14,
        },
    }  # fmt: skip


def random_sizes(draw):
    def model():
        kv_heads = draw.choice([1, 2, 3])
        heads = kv_heads * draw.choice([1, 2, 4])
        return {"hidden": heads * 2 * draw.randint(2, 8), "intermediate": draw.randint(30, 150),
                "layers": draw.randint(1, 5), "heads": heads, "kv_heads": kv_heads,
                "vocabulary": draw.randint(50, 500)}  # fmt: skip

    heads, bridge_heads = draw.choice([(1, 8), (2, 4), (4, 2), (3, 6), (5, 1)])
    neo_heads = draw.randint(1, 5)
    unit = max(heads, bridge_heads) * (2 if bridge_heads % heads and heads % bridge_heads else 1)
    sizes = {
        "qwen2": model(),
        "llama": model(),
        "gpt-neo": {"hidden": neo_heads * draw.randint(4, 16), "layers": draw.randint(1, 3) * 2 - 1,
                    "heads": neo_heads, "window": draw.randint(1, 12), "vocabulary": draw.randint(50, 500),
                    "positions": 64},
        "module": {"source_width": 2 * draw.randint(8, 40), "width": unit * draw.randint(2, 8),
                   "layers": draw.randint(1, 6), "heads": heads, "window": draw.randint(2, 9),
                   "vocabulary": draw.randint(50, 300), "adapter_width": draw.randint(8, 200),
                   "bridge_heads": bridge_heads, "positions": draw.randint(48, 300)},
        "bridge_layers": draw.randint(1, 3), "tokens": draw.randint(16, 40),
    }  # fmt: skip
    llama, qwen2 = model(), model()
    # One bridge for both decoders, so its heads divide both widths.
    divisors = [n for n in range(1, 9) if llama["hidden"] % n == 0 == qwen2["hidden"] % n]
    sizes["generators"] = {
        "llama": llama, "qwen2": qwen2,
        "reader": {"source_width": 2 * draw.randint(4, 40), "adapter_width": draw.randint(4, 100),
                   "bridge_heads": draw.choice(divisors)},
        "bridge_layers": draw.randint(1, 3), "tokens": draw.randint(16, 40),
    }  # fmt: skip
    return sizes


def language_model(kind, sizes):
    """A transformers model of the kind and the type that its weights are stored in."""
    if kind == "gpt-neo":
        pairs = (sizes["layers"] + 1) // 2
        kinds = ["global", "local"] * pairs
        config = transformers.GPTNeoConfig(
            hidden_size=sizes["hidden"], num_layers=sizes["layers"], num_heads=sizes["heads"],
            attention_types=[[kinds[: sizes["layers"]], 1]], window_size=sizes["window"],
            vocab_size=sizes["vocabulary"], max_position_embeddings=sizes["positions"],
        )  # fmt: skip
        return transformers.GPTNeoForCausalLM(config), torch.float32
    shared = {
        "hidden_size": sizes["hidden"], "intermediate_size": sizes["intermediate"],
        "num_hidden_layers": sizes["layers"], "num_attention_heads": sizes["heads"],
        "num_key_value_heads": sizes["kv_heads"], "vocab_size": sizes["vocabulary"],
        "max_position_embeddings": 128,
    }  # fmt: skip
    if kind == "qwen2":
        config = transformers.Qwen2Config(
            **shared, rms_norm_eps=1e-6, tie_word_embeddings=True, use_sliding_window=False,
            rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        )  # fmt: skip
        return transformers.Qwen2ForCausalLM(config), torch.bfloat16
    config = transformers.LlamaConfig(
        **shared, rms_norm_eps=1e-5, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config), torch.float16


def write_language_model(folder, kind, sizes, tokens, generator):
    """A Hugging Face folder and what the model computes from the very weights that are stored."""
    model, stored_type = language_model(kind, sizes)
    randomise(model, generator)
    model = model.to(stored_type)
    # Qwen2's goes into shards with an index, so that readers meet one.
    shard = {"max_shard_size": "8KB"} if kind == "qwen2" else {}
    model.save_pretrained(folder, **shard)
    model = model.to(torch.float32).eval()
    ids = torch.randint(0, sizes["vocabulary"], (2, tokens), generator=generator)
    with torch.no_grad():
        output = model(ids, output_hidden_states=True)
    states = {f"hidden_states.{i}": s.contiguous() for i, s in enumerate(output.hidden_states)}
    tensors = {"input_ids": ids, "logits": output.logits, **states}
    save_file(tensors, folder / "expected.safetensors", {"format": "pt"})


def write_prompt(folder, sizes, tokens, generator):
    module = PromptModule(**sizes)
    randomise(module, generator)
    batch, tensors = [], {}
    # Documents of unequal lengths; the source's tokenizer is another, so S is not the prompt's length.
    for index, (prompt, response, states) in enumerate(
        [(tokens // 2, tokens // 3, tokens - 3), (3, tokens - 3, 4), (1, 1, 1)]
    ):
        document = {
            "states": torch.randn(states, sizes["source_width"], generator=generator),
            "prompt_ids": torch.randint(0, sizes["vocabulary"], (prompt,), generator=generator),
            "response_ids": torch.randint(0, sizes["vocabulary"], (response,), generator=generator),
        }
        batch.append(document)
        with torch.no_grad():
            ids = torch.cat([document["prompt_ids"], document["response_ids"]])
            logits = module(ids, document["states"])
        tensors |= {f"{index}.{k}": v for k, v in {**document, "logits": logits}.items()}
    write_module(folder, module, batch, tensors, describe(sizes, head="tied to gpt.wte"))


def write_aligned(folder, sizes, bridge_layers, mask, tokens, generator):
    module = AlignedModule(**sizes, mask=mask, bridge_layers=bridge_layers)
    randomise(module, generator)
    batch = {
        "states": torch.randn(2, tokens, sizes["source_width"], generator=generator),
        "input_ids": torch.randint(0, sizes["vocabulary"], (2, tokens), generator=generator),
    }
    with torch.no_grad():
        tensors = {**batch, "logits": module(batch["states"])}
    metadata = describe(sizes, bridge_layers=bridge_layers, mask=mask)
    write_module(folder, module, batch, tensors, metadata)


def write_manifest(out, arguments, sizes):
    files = sorted(p for p in out.rglob("*") if p.is_file() and p.name != "MANIFEST.json")
    manifest = {
        "made_by": "Tests/Reference/make_vectors.py",
        "seed": arguments.seed,
        "sizes": sizes,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "safetensors": safetensors.__version__,
        },
        "sha256": {
            str(p.relative_to(out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
        },
    }
    (out / "MANIFEST.json").write_text(json.dumps(manifest, indent=1) + "\n")


def write_earlier_folders(out, sizes, generator):
    """Sources and LLM Modules around GPT-Neo, all drawn in turn from one generator."""
    for kind in ("qwen2", "llama", "gpt-neo"):
        write_language_model(out / f"tiny-{kind}", kind, sizes[kind], sizes["tokens"], generator)
    write_prompt(out / "llm-modules-prompt", sizes["module"], sizes["tokens"], generator)
    for mask in ("causal", "published"):
        folder = out / f"llm-modules-{mask}"
        write_aligned(folder, sizes["module"], sizes["bridge_layers"], mask, sizes["tokens"], generator)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sizes", choices=["small", "random"], default="small")
    parser.add_argument("--generators", action="store_true", help=f"only {', '.join(FOLDERS)}, beside what is there")
    arguments = parser.parse_args()
    made = [arguments.out / name for name in FOLDERS] if arguments.generators else [arguments.out]
    if found := [str(path) for path in made if path.exists()]:
        parser.error(f"{found[0]} exists already: remove it, or name a new folder")
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    choose = random_sizes if arguments.sizes == "random" else small_sizes
    sizes = choose(random.Random(arguments.seed))
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_llama_folders(arguments.out, sizes["generators"], arguments.seed)
    if not arguments.generators:
        write_earlier_folders(arguments.out, sizes, generator)
    write_manifest(arguments.out, arguments, sizes)


if __name__ == "__main__":
    main()
