"""Makes Tests/ModelFiles/Vectors: small GGUF files, and what the Python package `gguf` reads in them.

    pip install gguf safetensors numpy && python Tests/ModelFiles/make_vectors.py

quantised.gguf      one tensor of random blocks for each type, tensor `{TYPE}` of [3, 256]; block
                    scales include subnormal halves, zero and negative ones
llama.gguf          a llama-architecture model as llama.cpp's converter stores it: query and key
                    rows permuted, GGUF names, tied embedding
qwen2.gguf          the same of qwen2: no permutation, biases, an output head
*.expected.safetensors   the values that must come out, float32, under the catalogue's names
"""

import pathlib

import gguf
import numpy
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import save_file

FOLDER = pathlib.Path(__file__).parent / "Vectors"
TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0",
         "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
# Where the half-precision scales stand in a block.
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
ROWS, COLUMNS = 3, 256


def random_blocks(generator, name):
    elements, size = gguf.GGML_QUANT_SIZES[Type[name]]
    count = ROWS * COLUMNS // elements
    blocks = generator.integers(0, 256, (count, size), dtype=numpy.uint8)
    if name == "F32":
        return generator.standard_normal((ROWS, COLUMNS), dtype=numpy.float32).view(numpy.uint8)
    if name == "BF16":
        values = generator.standard_normal(count, dtype=numpy.float32)
        values[:4] = [numpy.inf, -numpy.inf, 1e-40, -0.0]
        return (values.view(numpy.uint32) >> 16).astype(numpy.uint16).view(numpy.uint8).reshape(ROWS, -1)
    if name == "F16":
        halves = generator.standard_normal(count).astype(numpy.float16)
        halves[:6] = [numpy.inf, -numpy.inf, 6e-8, -6e-5, 65504, -0.0]
        return halves.view(numpy.uint8).reshape(ROWS, -1)
    for place in SCALES[name]:
        scales = (generator.standard_normal(count) * 0.01).astype(numpy.float16)
        scales[0] = numpy.float16(3e-6)
        scales[-1] = numpy.float16(-0.0)
        blocks[:, place : place + 2] = scales.view(numpy.uint8).reshape(count, 2)
    return blocks.reshape(ROWS, -1)


def quantised(generator):
    writer = gguf.GGUFWriter(FOLDER / "quantised.gguf", "none")
    expected = {}
    for name in TYPES:
        raw = random_blocks(generator, name)
        expected[name] = gguf.dequantize(raw, Type[name]).reshape(ROWS, COLUMNS).astype(numpy.float32)
        if name == "F32":
            writer.add_tensor(name, raw.view(numpy.float32).reshape(ROWS, COLUMNS))
        elif name == "F16":
            writer.add_tensor(name, raw.view(numpy.float16).reshape(ROWS, COLUMNS))
        else:
            writer.add_tensor(name, raw, raw_dtype=Type[name])
    finish(writer)
    save_file(expected, FOLDER / "quantised.expected.safetensors")


def permuted(weights, heads):
    """Rows as llama.cpp's converter stores them: the halves of a head interleaved."""
    return (weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
            .swapaxes(1, 2).reshape(weights.shape))


def model(generator, architecture):
    width, inner, layers, heads, shared, size, vocabulary = 16, 32, 2, 4, 2, 4, 20
    writer = gguf.GGUFWriter(FOLDER / f"{architecture}.gguf", architecture)
    writer.add_block_count(layers)
    writer.add_context_length(128)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(shared)
    writer.add_rope_freq_base(50000.0)
    writer.add_rope_dimension_count(size)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(vocabulary)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{i}" for i in range(vocabulary - 1)] + ["\u00e9"])
    writer.add_token_types([1] * vocabulary)
    writer.add_token_scores([0.5] * vocabulary)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    expected = {}

    def add(stored, name, *shape, heads_of_rows=None):
        values = generator.standard_normal(shape, dtype=numpy.float32)
        expected[name] = values
        permute = architecture == "llama" and heads_of_rows
        writer.add_tensor(stored, permuted(values, heads_of_rows) if permute else values)

    add("token_embd.weight", "model.embed_tokens.weight", vocabulary, width)
    add("output_norm.weight", "model.norm.weight", width)
    if architecture == "qwen2":
        add("output.weight", "lm_head.weight", vocabulary, width)
    for layer in range(layers):
        here, there = f"blk.{layer}.", f"model.layers.{layer}."
        add(here + "attn_norm.weight", there + "input_layernorm.weight", width)
        add(here + "ffn_norm.weight", there + "post_attention_layernorm.weight", width)
        for letter, count in [("q", heads), ("k", shared), ("v", shared)]:
            turned = count if letter in "qk" else None
            stored, name = f"{here}attn_{letter}.", f"{there}self_attn.{letter}_proj."
            add(stored + "weight", name + "weight", count * size, width, heads_of_rows=turned)
            if architecture == "qwen2":
                add(stored + "bias", name + "bias", count * size)
        add(here + "attn_output.weight", there + "self_attn.o_proj.weight", width, heads * size)
        add(here + "ffn_gate.weight", there + "mlp.gate_proj.weight", inner, width)
        add(here + "ffn_up.weight", there + "mlp.up_proj.weight", inner, width)
        add(here + "ffn_down.weight", there + "mlp.down_proj.weight", width, inner)
    finish(writer)
    save_file(expected, FOLDER / f"{architecture}.expected.safetensors")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    generator = numpy.random.default_rng(20)
    quantised(generator)
    model(generator, "llama")
    model(generator, "qwen2")
