"""Makes the models that the benchmark runs beside the demo's, into .build/models/bench.

From SmolLM2-135M-Instruct as the demo fetches it (GGUF Q4_1), the same weights in other forms:

    smollm2-f32.gguf, smollm2-q8_0.gguf, smollm2-q4_0.gguf   for llama.cpp, and as sources
    smollm2-bf16/                                            a Hugging Face folder, for transformers

and two models of the Qwen2 architecture with random BF16 weights, for speed alone:

    qwen2-small/    Qwen2-0.5B's widths, 4 layers
    qwen2-1.5b/     Qwen2-1.5B's shape, whole

Needs numpy and gguf. What is there already is left alone; a file that is cut off is never left under its name.
"""

import json
import pathlib
import shutil
import sys

import gguf
import gguf.quants
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / ".build/models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf"
TOKENIZER = ROOT / "../shared/tokenizers/smollm2/tokenizer.json"
BENCH = ROOT / ".build/models/bench"

Q4_0 = gguf.GGMLQuantizationType.Q4_0
Q8_0 = gguf.GGMLQuantizationType.Q8_0
F32 = gguf.GGMLQuantizationType.F32

QWEN2 = {
    "qwen2-small": dict(
        hidden_size=896, intermediate_size=4864, num_hidden_layers=4, num_attention_heads=14,
        num_key_value_heads=2, vocab_size=151936),
    "qwen2-1.5b": dict(
        hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12,
        num_key_value_heads=2, vocab_size=151936),
}


def make(path, write):
    """Calls write(partial path) and renames, unless the path is there."""
    if path.exists():
        return
    print(f"make_models: {path.relative_to(ROOT)}", file=sys.stderr)
    partial = path.with_name(path.name + ".partial")
    if partial.is_dir():
        shutil.rmtree(partial)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(partial)
    partial.rename(path)


# ---- GGUF -------------------------------------------------------------------------------------------------

def write_gguf(path, reader, weights, matrix_type, file_type):
    """The metadata of `reader` with all matrices as `matrix_type`. The token table is never below 8 bits, as
    llama.cpp's own quantiser keeps a table that is also the output layer."""
    writer = gguf.GGUFWriter(path, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type"):
            continue
        kind, *inner = field.types
        writer.add_key_value(name, field.contents(), kind, inner[0] if inner else None)
    writer.add_file_type(file_type)
    for name, values in weights.items():
        kind = matrix_type if values.ndim == 2 else F32
        if name == "token_embd.weight" and kind == Q4_0:
            kind = Q8_0
        data = values if kind == F32 else gguf.quants.quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# ---- Hugging Face folders ---------------------------------------------------------------------------------

MODULES = {
    "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def hugging_face(name, values, config):
    """A GGUF tensor's name and rows as transformers has them."""
    if name == "token_embd.weight":
        return "model.embed_tokens.weight", values
    if name == "output_norm.weight":
        return "model.norm.weight", values
    _, layer, module, _ = name.split(".")
    # GGUF keeps the two halves that rotary embedding turns together in alternate rows.
    heads = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}.get(module)
    if heads:
        rows, columns = values.shape
        pairs = values.reshape(config[heads], rows // config[heads] // 2, 2, columns)
        values = pairs.swapaxes(1, 2).reshape(rows, columns)
    return f"model.layers.{layer}.{MODULES[module]}.weight", values


def bfloat16(values):
    """float32 as BF16 bits, rounded to nearest, ties to even."""
    bits = numpy.ascontiguousarray(values, numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def write_safetensors(path, shapes, values):
    """All tensors in BF16, one at a time: `values(name)` gives float32."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in shapes:
            file.write(bfloat16(values(name)).tobytes())


def write_folder(path, config, shapes, values, tokenizer=None):
    path.mkdir()
    common = dict(
        hidden_act="silu", initializer_range=0.02, rms_norm_eps=config.pop("rms_norm_eps", 1e-6),
        tie_word_embeddings=True, torch_dtype="bfloat16", use_cache=False)
    (path / "config.json").write_text(json.dumps(common | config, indent=1) + "\n")
    write_safetensors(path / "model.safetensors", shapes, values)
    if tokenizer and tokenizer.exists():
        shutil.copy(tokenizer, path / "tokenizer.json")


def write_smollm2_folder(path, reader, weights):
    def key(name):
        return reader.fields[f"llama.{name}"].contents()

    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=key("embedding_length"),
        intermediate_size=key("feed_forward_length"), num_hidden_layers=key("block_count"),
        num_attention_heads=key("attention.head_count"),
        num_key_value_heads=key("attention.head_count_kv"), vocab_size=key("vocab_size"),
        max_position_embeddings=key("context_length"), rope_theta=key("rope.freq_base"),
        rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2, pad_token_id=2)
    tensors = dict(hugging_face(name, values, config) for name, values in weights.items())
    shapes = {name: values.shape for name, values in tensors.items()}
    write_folder(path, config, shapes, tensors.__getitem__, TOKENIZER)


def write_qwen2_folder(path, sizes):
    width, inner = sizes["hidden_size"], sizes["intermediate_size"]
    keys = width // sizes["num_attention_heads"] * sizes["num_key_value_heads"]
    shapes = {"model.embed_tokens.weight": (sizes["vocab_size"], width), "model.norm.weight": (width,)}
    for layer in range(sizes["num_hidden_layers"]):
        matrices = {
            "self_attn.q_proj": (width, width), "self_attn.k_proj": (keys, width),
            "self_attn.v_proj": (keys, width), "self_attn.o_proj": (width, width),
            "mlp.gate_proj": (inner, width), "mlp.up_proj": (inner, width), "mlp.down_proj": (width, inner)}
        for module, shape in matrices.items():
            shapes[f"model.layers.{layer}.{module}.weight"] = shape
            if module[:11] in ("self_attn.q", "self_attn.k", "self_attn.v"):
                shapes[f"model.layers.{layer}.{module}.bias"] = shape[:1]
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shapes[f"model.layers.{layer}.{norm}.weight"] = (width,)

    generator = numpy.random.default_rng(2)

    def values(name):
        if "norm" in name:
            return numpy.ones(shapes[name], numpy.float32)
        return 0.02 * generator.standard_normal(shapes[name], numpy.float32)

    config = sizes | dict(
        architectures=["Qwen2ForCausalLM"], model_type="qwen2", max_position_embeddings=32768,
        rope_theta=1000000.0, sliding_window=None, use_sliding_window=False, bos_token_id=151643,
        eos_token_id=151643)
    write_folder(path, config, shapes, values)


def main():
    if not SOURCE.exists():
        sys.exit(f"make_models: {SOURCE.relative_to(ROOT)} is not there: run `make model`")
    reader = gguf.GGUFReader(SOURCE)
    weights = {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}
    for name, kind, file_type in (
        ("f32", F32, gguf.LlamaFileType.ALL_F32), ("q8_0", Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
        ("q4_0", Q4_0, gguf.LlamaFileType.MOSTLY_Q4_0),
    ):
        make(BENCH / f"smollm2-{name}.gguf", lambda path: write_gguf(path, reader, weights, kind, file_type))
    make(BENCH / "smollm2-bf16", lambda path: write_smollm2_folder(path, reader, weights))
    for name, sizes in QWEN2.items():
        make(BENCH / name, lambda path: write_qwen2_folder(path, sizes))


if __name__ == "__main__":
    main()
