"""A source of random weights with one layer of width 16, for what concerns the pipeline and not the model."""

import json
import os
import random
import struct

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
