"""Makes folders of small random models of each decoder family: python family_vectors.py OUT [--converter LLAMA_CPP]

Each is a Hugging Face folder with `expected.safetensors`: `input_ids`, `hidden_states.{i}`, `logits`, `loss` (mean
next-token loss of both rows) and `grad.*` of every parameter, computed by transformers in float32 with eager attention
from the very weights that are stored. What sets a variant apart is in use within its tokens. `FOLDER-long` has what the
same model computes on rows that are longer than its rotary scaling is one for all lengths; `-4` beside a folder is the
same configuration as transformers 4 writes it.

With --converter, the folder of llama.cpp's sources, each is converted to `gguf/FOLDER.gguf` by its own converter; the
vocabulary, which that would read from files of a tokenizer, is left out.
"""

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers

from vector_files import randomise, save_file

TOKENS = 14
VOCABULARY = 31
ROTARY = {
    "hidden_size": 24, "intermediate_size": 36, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "vocab_size": VOCABULARY, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
    "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None,
}  # fmt: skip
SHORT = [1.0, 1.25, 2.0]
LONG = [1.5, 3.0, 9.0]

LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 24,
}  # fmt: skip
YARN = {
    "rope_type": "yarn", "rope_theta": 500.0, "factor": 4.0, "original_max_position_embeddings": 16, "beta_fast": 4.0,
}  # fmt: skip
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 500.0, "short_factor": SHORT, "long_factor": LONG,
    "original_max_position_embeddings": 16,
}  # fmt: skip
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 500.0, "factor": 4.0}


def variants():
    """Name, model class, configuration, and the type that the weights are stored in."""
    t = transformers
    gemma = {**ROTARY, "head_dim": 6, "query_pre_attn_scalar": 6, "sliding_window": 5, "tie_word_embeddings": True}
    return {
        "llama-llama3": (t.LlamaForCausalLM, t.LlamaConfig(
            **ROTARY, tie_word_embeddings=True, rope_parameters=dict(LLAMA3)), torch.float32),
        "llama-yarn": (t.LlamaForCausalLM, t.LlamaConfig(**ROTARY, rope_parameters=dict(YARN)), torch.float16),
        "llama-linear": (t.LlamaForCausalLM, t.LlamaConfig(
            **ROTARY, rope_parameters={"rope_type": "linear", "rope_theta": 500.0, "factor": 3.0}), torch.float32),
        "llama-dynamic": (t.LlamaForCausalLM, t.LlamaConfig(
            **{**ROTARY, "max_position_embeddings": 16}, rope_parameters=dict(DYNAMIC)), torch.float32),
        "qwen3-window": (t.Qwen3ForCausalLM, t.Qwen3Config(
            **ROTARY, head_dim=8, tie_word_embeddings=True, use_sliding_window=True, sliding_window=5,
            max_window_layers=1), torch.bfloat16),
        "mistral-window": (t.MistralForCausalLM, t.MistralConfig(**ROTARY, sliding_window=5), torch.float32),
        "mistral-whole": (t.MistralForCausalLM, t.MistralConfig(**ROTARY, sliding_window=None), torch.float16),
        # A pattern's seventh layer sees a window again.
        "gemma3-pattern": (t.Gemma3ForCausalLM, t.Gemma3TextConfig(
            **{**gemma, "num_hidden_layers": 7, "intermediate_size": 20}, rope_parameters={
                "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 90.0}}), torch.bfloat16),
        "gemma3-capped": (t.Gemma3ForCausalLM, t.Gemma3TextConfig(
            **gemma, layer_types=["sliding_attention", "sliding_attention"], final_logit_softcapping=2.0),
            torch.float32),
        "gemma3-scaled": (t.Gemma3ForCausalLM, t.Gemma3TextConfig(
            **{**gemma, "query_pre_attn_scalar": 20}, layer_types=["full_attention", "sliding_attention"]),
            torch.float32),
        "gemma2-capped": (t.Gemma2ForCausalLM, t.Gemma2Config(
            **{**gemma, "num_hidden_layers": 3}, attn_logit_softcapping=1.5, final_logit_softcapping=2.0),
            torch.float32),
        "phi3-plain": (t.Phi3ForCausalLM, t.Phi3Config(**ROTARY), torch.float32),
        "phi3-window": (t.Phi3ForCausalLM, t.Phi3Config(**ROTARY, sliding_window=5), torch.float32),
        "phi3-longrope": (t.Phi3ForCausalLM, t.Phi3Config(
            **ROTARY, original_max_position_embeddings=16, rope_parameters=dict(LONGROPE)), torch.float16),
        "phi3-partial": (t.Phi3ForCausalLM, t.Phi3Config(
            **{**ROTARY, "hidden_size": 32}, tie_word_embeddings=True,
            rope_parameters={"rope_type": "default", "rope_theta": 500.0, "partial_rotary_factor": 0.75}),
            torch.float32),
        "gpt-neox-parallel": (t.GPTNeoXForCausalLM, neox(True, 0.5), torch.float16),
        "gpt-neox-serial": (t.GPTNeoXForCausalLM, neox(False, 1.0), torch.float32),
        "gpt2-plain": (t.GPT2LMHeadModel, gpt2(), torch.float16),
        "gpt2-by-layer": (t.GPT2LMHeadModel, gpt2(scale_attn_by_inverse_layer_idx=True, n_inner=20), torch.float32),
        "llama-attention-bias": (t.LlamaForCausalLM, t.LlamaConfig(**ROTARY, attention_bias=True), torch.float32),
        "llama-all-biases": (t.LlamaForCausalLM, t.LlamaConfig(
            **ROTARY, attention_bias=True, mlp_bias=True, tie_word_embeddings=True), torch.float16),
    }  # fmt: skip


def neox(parallel, share):
    return transformers.GPTNeoXConfig(
        hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=3, vocab_size=VOCABULARY,
        max_position_embeddings=64, use_parallel_residual=parallel, bos_token_id=1, eos_token_id=2,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0, "partial_rotary_factor": share},
    )  # fmt: skip


def gpt2(**more):
    return transformers.GPT2Config(
        n_embd=24, n_layer=2, n_head=3, n_positions=32, vocab_size=VOCABULARY, bos_token_id=1, eos_token_id=2, **more
    )


def compute(model, ids):
    """States, logits, loss and gradients of rows of ids."""
    model.zero_grad(set_to_none=True)
    output = model(ids, output_hidden_states=True, use_cache=False)
    loss = torch.nn.functional.cross_entropy(
        output.logits[:, :-1].flatten(0, 1).float(), ids[:, 1:].flatten()
    )
    loss.backward()
    states = {f"hidden_states.{i}": s.detach().contiguous() for i, s in enumerate(output.hidden_states)}
    # Under the names of files: GPT-NeoX's head has another there.
    head = "embed_out." if model.config.model_type == "gpt_neox" else "lm_head."
    named = [(n.replace("lm_head.", head), p) for n, p in model.named_parameters()]
    gradients = {f"grad.{n}": p.grad.clone() for n, p in named}
    return {"input_ids": ids, "logits": output.logits.detach(), **states}, {"loss": loss.detach(), **gradients}


def write(folder, kind, config, stored, generator):
    config._attn_implementation = "eager"
    model = kind(config).eval()
    randomise(model, generator, 0.25)
    if "gemma" in folder.name:
        # Its norms' scales are stored less one.
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if name.endswith("norm.weight"):
                    parameter.sub_(1)
    model.to(stored).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    # Read back, since the angles that a model keeps would be rounded to the type too.
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    ids = torch.randint(0, VOCABULARY, (2, TOKENS), generator=generator)
    values, slopes = compute(model, ids)
    save_file({**values, **slopes}, folder / "expected.safetensors", {"format": "pt"})
    if folder.name in ("llama-dynamic", "phi3-longrope"):
        long = folder.with_name(folder.name + "-long")
        long.mkdir()
        ids = torch.randint(0, VOCABULARY, (1, 20), generator=generator)
        values, _ = compute(model, ids)
        save_file(values, long / "expected.safetensors", {"format": "pt"})


def write_encoder(folder, generator):
    """An encoder: states alone, and no output layer."""
    config = transformers.BertConfig(
        hidden_size=24, intermediate_size=36, num_hidden_layers=2, num_attention_heads=4, vocab_size=VOCABULARY,
        max_position_embeddings=40)  # fmt: skip
    config._attn_implementation = "eager"
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    randomise(model, generator, 0.25)
    model.save_pretrained(folder)
    ids = torch.randint(0, VOCABULARY, (2, TOKENS), generator=generator)
    with torch.no_grad():
        states = model(ids, output_hidden_states=True).hidden_states
    values = {"input_ids": ids, **{f"hidden_states.{i}": s.contiguous() for i, s in enumerate(states)}}
    save_file(values, folder / "expected.safetensors", {"format": "pt"})


def earlier(config):
    """The same configuration in transformers 4's keys."""
    config = dict(config)
    config.pop("dtype", None)
    config["transformers_version"] = "4.49.0"
    rope = config.pop("rope_parameters", None)
    if config["model_type"] == "gemma2":
        config.pop("layer_types")
    if config["model_type"] == "gemma3_text":
        full, local = rope["full_attention"], rope["sliding_attention"]
        config["rope_theta"] = full["rope_theta"]
        config["rope_local_base_freq"] = local["rope_theta"]
        if full["rope_type"] != "default":
            config["rope_scaling"] = {k: v for k, v in full.items() if k != "rope_theta"}
        pattern = config.pop("_sliding_window_pattern", 6)
        kinds = ["full_attention" if (i + 1) % pattern == 0 else "sliding_attention"
                 for i in range(config["num_hidden_layers"])]  # fmt: skip
        if kinds == config["layer_types"]:
            config.pop("layer_types")
            config["sliding_window_pattern"] = pattern
        return config
    if rope is None:
        return config
    base = "rotary_emb_base" if config["model_type"] == "gpt_neox" else "rope_theta"
    share = "rotary_pct" if config["model_type"] == "gpt_neox" else "partial_rotary_factor"
    config[base] = rope["rope_theta"]
    if "partial_rotary_factor" in rope:
        config[share] = rope["partial_rotary_factor"]
    if rope["rope_type"] != "default":
        scaling = {k: v for k, v in rope.items() if k not in ("rope_theta", "partial_rotary_factor")}
        scaling["type" if config["model_type"] == "phi3" else "rope_type"] = scaling.pop("rope_type")
        config["rope_scaling"] = scaling
    return config


CONVERT = """
import sys
import tempfile
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/gguf-py"]
import gguf
from conversion import ModelBase, ModelType, get_model_class
folder, out = Path(sys.argv[2]), Path(sys.argv[3])
hparams = ModelBase.load_hparams(folder, False)
kind = get_model_class(hparams["architectures"][0])
kind.set_vocab = lambda self: None
if hparams["model_type"] == "gemma3_text":
    kind.modify_tensors = lambda self, data, name, bid: super(kind, self).modify_tensors(
        data + self.norm_shift(name), name, bid)
with __import__("torch").inference_mode():
    model = kind(folder, gguf.LlamaFileType.ALL_F32, out, eager=True)
    # What this version of transformers leaves out of what it reads.
    for key, value in __import__("json").loads((folder / "config.json").read_text()).items():
        model.hparams.setdefault(key, value)
    model.write()
"""


def convert(converter, folder, out):
    """By the converter, from the configuration as transformers 4 has it, which is what it reads."""
    out.parent.mkdir(exist_ok=True)
    config = earlier(json.loads((folder / "config.json").read_text()))
    if "n_positions" in config:
        config["n_ctx"] = config["n_positions"]
    with tempfile.TemporaryDirectory() as copy:
        for file in folder.glob("model*"):
            (Path(copy) / file.name).symlink_to(file.resolve())
        (Path(copy) / "config.json").write_text(json.dumps(config))
        command = [sys.executable, "-c", CONVERT, str(converter), copy, str(out)]
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        out.unlink(missing_ok=True)
        reason = result.stderr.strip().splitlines()[-3:]
        print(f"{folder.name} is not converted: {' '.join(reason)}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="a folder, in which none of the variants is yet")
    parser.add_argument("--converter", type=Path, help="the folder of llama.cpp's sources")
    parser.add_argument("--only-convert", action="store_true", help="convert all folders that are there")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = []
    if arguments.only_convert:
        names = sorted(p.parent.name for p in arguments.out.glob("*/config.json"))
    else:
        for number, (name, (kind, config, stored)) in enumerate(variants().items()):
            folder = arguments.out / name
            write(folder, kind, config, stored, torch.Generator().manual_seed(1000 + number))
            text = json.loads((folder / "config.json").read_text())
            (folder / "config-4.json").write_text(json.dumps(earlier(text), indent=2, sort_keys=True) + "\n")
            names.append(name)
        write_encoder(arguments.out / "bert-plain", torch.Generator().manual_seed(2000))
        names.append("bert-plain")
    if arguments.converter:
        for name in names:
            convert(arguments.converter, arguments.out / name, arguments.out / "gguf" / f"{name}.gguf")
    if arguments.only_convert:
        return
    files = sorted(p for n in names for p in arguments.out.glob(f"{n}*/*")) + sorted(arguments.out.glob("gguf/*"))
    manifest = {
        "made_by": "Tests/Reference/family_vectors.py",
        "versions": {"python": platform.python_version(), "torch": torch.__version__,
                     "transformers": transformers.__version__},
        "sha256": {str(p.relative_to(arguments.out)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
    }  # fmt: skip
    (arguments.out / "FAMILIES.json").write_text(json.dumps(manifest, indent=1) + "\n")


if __name__ == "__main__":
    main()
