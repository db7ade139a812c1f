#!/usr/bin/env python3
"""Writes what `GoldenTests` opens: a source, a GPT-Neo model, a corpus, caches, finished runs, and runs that
were killed on the way, all made by the program named.

    Tests/denju/Goldens/make.py PROGRAM OUT

The committed ones were made by the program of commit cfee15a, and are kept: files that users have go on
working. `mixed.jsonl`, `mixed.sqlite` and `sealed.sqlite` were made by that of commit fbd059d, the last that kept
documents by source (schema version 3). The folder is made under /golden, since a cache notes where its source was.
"""

import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "Tokenization/Vectors"
VOCABULARY = 404


def write_safetensors(path, tensors):
    header, offset, data = {}, 0, []
    for name, shape, values in tensors:
        packed = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(packed)]}
        offset += len(packed)
        data.append(packed)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def draw(rng, name, shape, spread):
    count = 1
    for size in shape:
        count *= size
    if len(shape) == 1 and not name.endswith("bias"):
        return (name, shape, [1.0] * count)
    return (name, shape, [rng.gauss(0, spread) for _ in range(count)])


def write_source(folder):
    folder.mkdir(parents=True)
    width, inner, layers, heads, pairs = 32, 64, 2, 4, 2
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers,
        "num_attention_heads": heads, "num_key_value_heads": pairs, "max_position_embeddings": 256,
        "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": False,
        "attention_bias": False, "vocab_size": VOCABULARY, "bos_token_id": 1, "eos_token_id": 2,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copy(VECTORS / "tiny-smollm.json", folder / "tokenizer.json")
    template = (VECTORS / "templates/smollm2.jinja").read_text()
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"chat_template": template, "eos_token": "<|im_end|>"}) + "\n")
    rng = random.Random(1)
    shapes = [
        ("model.embed_tokens.weight", [VOCABULARY, width]), ("model.norm.weight", [width]),
        ("lm_head.weight", [VOCABULARY, width]),
    ]
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        keys = width // heads * pairs
        shapes += [
            (prefix + "input_layernorm.weight", [width]),
            (prefix + "post_attention_layernorm.weight", [width]),
            (prefix + "self_attn.q_proj.weight", [width, width]),
            (prefix + "self_attn.k_proj.weight", [keys, width]),
            (prefix + "self_attn.v_proj.weight", [keys, width]),
            (prefix + "self_attn.o_proj.weight", [width, width]),
            (prefix + "mlp.gate_proj.weight", [inner, width]),
            (prefix + "mlp.up_proj.weight", [inner, width]),
            (prefix + "mlp.down_proj.weight", [width, inner]),
        ]
    write_safetensors(folder / "model.safetensors", [draw(rng, n, s, 0.2) for n, s in shapes])


def write_gpt_neo(folder):
    folder.mkdir(parents=True)
    width, layers, heads, positions = 16, 2, 2, 64
    config = {
        "architectures": ["GPTNeoForCausalLM"], "model_type": "gpt_neo",
        "activation_function": "gelu_new", "hidden_size": width, "num_layers": layers,
        "num_heads": heads, "attention_types": [[["global", "local"], 1]], "window_size": 6,
        "max_position_embeddings": positions, "vocab_size": VOCABULARY, "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": True, "bos_token_id": 0, "eos_token_id": 0, "intermediate_size": None,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    shutil.copy(VECTORS / "tiny-gpt2.json", folder / "tokenizer.json")
    rng = random.Random(2)
    shapes = [
        ("transformer.wte.weight", [VOCABULARY, width]),
        ("transformer.wpe.weight", [positions, width]),
        ("transformer.ln_f.weight", [width]), ("transformer.ln_f.bias", [width]),
    ]
    for layer in range(layers):
        prefix = f"transformer.h.{layer}."
        for part in ("ln_1", "ln_2"):
            shapes += [(prefix + part + ".weight", [width]), (prefix + part + ".bias", [width])]
        for part in ("k", "v", "q"):
            shapes.append((prefix + f"attn.attention.{part}_proj.weight", [width, width]))
        shapes += [
            (prefix + "attn.attention.out_proj.weight", [width, width]),
            (prefix + "attn.attention.out_proj.bias", [width]),
            (prefix + "mlp.c_fc.weight", [4 * width, width]), (prefix + "mlp.c_fc.bias", [4 * width]),
            (prefix + "mlp.c_proj.weight", [width, 4 * width]), (prefix + "mlp.c_proj.bias", [width]),
        ]
    write_safetensors(folder / "model.safetensors", [draw(rng, n, s, 0.1) for n, s in shapes])


def write_corpus(folder):
    first = 0
    for name, count in (("train", 24), ("validation", 6), ("test", 6)):
        rows = []
        for number in range(first, first + count):
            rows.append(json.dumps({
                "prompt": f"The thing {number * 37 % 1000} is",
                "response": f" {('red', 'green', 'blue')[number % 3]}."}))
        (folder / f"{name}.jsonl").write_text("\n".join(rows) + "\n")
        first += count
    # Rows of text and conversations, by turns.
    rows = []
    for number in range(12):
        prompt, response = f"The thing {number * 37 % 1000} is", f" {('red', 'green', 'blue')[number % 3]}."
        rows.append(json.dumps({"prompt": prompt, "response": response} if number % 2 == 0 else {
            "messages": [{"role": "user", "content": prompt + ' "so"\n?'},
                         {"role": "assistant", "content": response}]}))
    (folder / "mixed.jsonl").write_text("\n".join(rows) + "\n")


# As `GoldenTests.training` has them.
SMALL = ["--layers", "2", "--width", "16", "--heads", "2", "--bridge-heads", "4", "--adapter", "8",
         "--positions", "64", "--window", "6", "--batch", "5", "--epochs", "3", "--learning-rate", "0.003",
         "--accumulate", "3", "--dropout", "0.1", "--bridge-dropout", "0.1", "--seed", "7"]
RUNS = {
    "prompt": ("prompt", []),
    "none": ("prompt", ["--states", "none"]),
    "shuffled": ("prompt", ["--states", "shuffled"]),
    "pretrained": ("prompt", ["--from", "gpt-neo", "--generator-prompt", "last:8"]),
    "aligned": ("aligned", ["--conditioning", "aligned", "--loss", "all"]),
    "published": ("aligned", ["--conditioning", "aligned", "--mask", "published"]),
}


def main():
    program, out = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    work = pathlib.Path("/golden")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    write_source(work / "source")
    write_gpt_neo(work / "gpt-neo")
    write_corpus(work)

    def denju(*arguments, environment={}):
        subprocess.run([program, *arguments], cwd=work, check=True, stderr=subprocess.DEVNULL,
                       env=os.environ | environment)

    for coverage in ("prompt", "aligned"):
        denju("precompute", "--source", "source", "--train", "train.jsonl", "--validation",
              "validation.jsonl", "--test", "test.jsonl", "--cache", f"{coverage}.sqlite",
              "--conditioning", coverage)
    # Two layers of one corpus, and one encrypted with a key that `OlderCacheTests` has.
    for layer in ("-1", "1"):
        denju("precompute", "--source", "source", "--corpus", "mixed.jsonl", "--cache", "mixed.sqlite",
              "--layer", layer, "--beside")
    denju("precompute", "--source", "source", "--corpus", "mixed.jsonl", "--cache", "sealed.sqlite",
          "--encrypt", environment={"DENJU_CACHE_KEY": "0f" * 32})
    for name, (coverage, flags) in RUNS.items():
        denju("train", "--cache", f"{coverage}.sqlite", "--run", f"runs/{name}", *SMALL, *flags)
    for name in ("prompt", "aligned"):
        coverage, flags = RUNS[name]
        for folder, steps in ((f"killed/{name}", 7), (f"begun/{name}", 0)):
            log = work / folder / "log.csv"
            # Checkpoints after every step, or none before the end.
            seconds = "0.001" if steps else "1000"
            process = subprocess.Popen(
                [program, "train", "--cache", f"{coverage}.sqlite", "--run", folder, *SMALL, *flags,
                 "--checkpoint-seconds", seconds], cwd=work, stderr=subprocess.DEVNULL)
            while process.poll() is None:
                lines = log.read_text().count("\n") - 1 if log.exists() else -1
                if lines >= steps:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.0002)
            assert process.wait() == -signal.SIGKILL, "it ended before it was killed"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(work, out)
    shutil.rmtree(work)


main()
