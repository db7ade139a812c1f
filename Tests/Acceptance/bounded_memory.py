#!/usr/bin/env python3
"""Precomputes a corpus of N megabytes with a tiny source of random weights, and prints the program's
peak resident memory (VmHWM).

    Tests/Acceptance/bounded_memory.py MEGABYTES TOKENIZER.json [--rows huge] [--plan]

Documents are 4,000 bytes of random words, so that nothing is shared and the text is what grows; with
`--rows huge` one row of all the bytes is among them, which must be skipped. The source has one layer of
width 16: its weights and one context's keys and values come to a few megabytes.
"""

import json
import os
import random
import resource
import struct
import subprocess
import sys
import tempfile
import time

WIDTH, POSITIONS = 16, 2048


def write_source(folder, tokenizer):
    with open(tokenizer) as file:
        text = file.read()
    parsed = json.loads(text)
    vocabulary = 1 + max(
        list(parsed["model"]["vocab"].values()) + [token["id"] for token in parsed["added_tokens"]]
    )
    os.makedirs(folder)
    with open(f"{folder}/tokenizer.json", "w") as file:
        file.write(text)
    with open(f"{folder}/config.json", "w") as file:
        json.dump({
            "model_type": "llama", "hidden_act": "silu", "hidden_size": WIDTH,
            "intermediate_size": WIDTH, "num_hidden_layers": 1, "num_attention_heads": 1,
            "num_key_value_heads": 1, "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0, "tie_word_embeddings": True, "vocab_size": vocabulary,
        }, file)
    names = {"model.embed_tokens": (vocabulary, WIDTH), "model.norm": (WIDTH,)}
    layer = "model.layers.0."
    names |= {layer + norm: (WIDTH,) for norm in ("input_layernorm", "post_attention_layernorm")}
    names |= {layer + f"self_attn.{part}_proj": (WIDTH, WIDTH) for part in "qkvo"}
    names |= {layer + f"mlp.{part}_proj": (WIDTH, WIDTH) for part in ("gate", "up", "down")}
    header, data = {}, bytearray()
    for name, shape in names.items():
        count = shape[0] * (shape[1] if len(shape) > 1 else 1)
        first = len(data)
        data += struct.pack(f"<{count}f", *(random.gauss(0, 0.3) for _ in range(count)))
        header[name + ".weight"] = {
            "dtype": "F32", "shape": shape, "data_offsets": [first, len(data)]}
    head = json.dumps(header).encode()
    with open(f"{folder}/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + data)


def write_corpus(path, size, huge):
    words = [
        "".join(random.choices("etaoinshrdlucm", k=random.randint(2, 9))) for _ in range(20_000)]
    written = 0
    with open(path, "w") as file:
        if huge:
            file.write(json.dumps({"text": "a word " * (size // 7)}) + "\n")
        while written < size:
            written += file.write(json.dumps({"text": " ".join(random.choices(words, k=650))}) + "\n")


def main():
    size, tokenizer = int(sys.argv[1]) * 1_000_000, sys.argv[2]
    random.seed(1)
    program = os.path.join(os.path.dirname(__file__), "../../.build/release/denju")
    with tempfile.TemporaryDirectory() as folder:
        write_source(f"{folder}/source", tokenizer)
        write_corpus(f"{folder}/corpus.jsonl", size, "huge" in sys.argv)
        began = time.time()
        subprocess.run([
            program, "precompute", "--source", f"{folder}/source", "--corpus", f"{folder}/corpus.jsonl",
            "--cache", f"{folder}/cache.sqlite", "--conditioning", "aligned", "--bad-rows", "skip",
            "--too-long", "skip", *(["--plan"] if "--plan" in sys.argv else []),
        ], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        print(f"{size / 1e6:.0f} MB of text: VmHWM {peak / 1e6:.0f} MB, {time.time() - began:.0f} s")


main()
