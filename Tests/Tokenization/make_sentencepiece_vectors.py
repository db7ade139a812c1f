"""Makes the SentencePiece part of Vectors/: small models, and what `sentencepiece` and `tokenizers` make of texts.

    python make_sentencepiece_vectors.py  # needs sentencepiece 0.2, tokenizers 0.23, transformers 5, gguf 0.19,
                                          # protobuf, and what make_vectors.py needs

Each model is trained by `sentencepiece` on a few sentences, and written as `tokenizer.json` as transformers' converters
do it and as GGUF metadata as llama.cpp's does, without tensors:

`spm-llama`     byte-pair encoding with bytes to fall back to and a space before the text. As JSON in both forms there
                are: `spm-llama.json` rewrites the text as Llama 2's, Mistral's and Phi-3's first files do, with Phi-3's
                tokens; `spm-metaspace.json` has a Metaspace pre-tokenizer as newer ones do
`spm-gemma`     the same without that space, with tokens that a user defined
`spm-unknown`   the same without bytes: JSON alone
`spm-t5`        unigram, normalised by nmt_nfkc, extra white space removed, `</s>` after the text. The map of characters
                is large, and stands in the GGUF file alone; in the JSON file a word stands in its place
`spm-roberta`   unigram with bytes to fall back to and a small map of characters of its own; white space as XLM-RoBERTa's
`spm-plain`     unigram with bytes to fall back to that changes nothing
`sentencepiece.json`  texts; the ids that `sentencepiece` gives, those that `tokenizers` gives where they differ, and
                      the text that `tokenizers` makes of its ids, with and without special tokens

`chats` in there are conversations rendered by Jinja with Phi-3.5's template, and the ids of that by `tokenizers`.
"""

import base64
import io
import json
import pathlib
import random
import tempfile

import gguf
import jinja2.sandbox
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
from tokenizers import pre_tokenizers as pre
from transformers.convert_slow_tokenizer import generate_merges

from make_vectors import CORPUS, FRAGMENTS, HERE, text

BYTES = {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity",
         "remove_extra_whitespaces": False, "vocab_size": 520}
MODELS = {
    "llama": BYTES,
    "gemma": BYTES | {"add_dummy_prefix": False, "user_defined_symbols": ["<table>", "[@X]", "ab\u00e9"], "bos_id": 2,
                      "eos_id": 1, "pad_id": 0, "unk_id": 3, "vocab_size": 530},
    "unknown": BYTES | {"byte_fallback": False, "vocab_size": 300},
    "t5": {"model_type": "unigram", "normalization_rule_name": "nmt_nfkc", "vocab_size": 240, "pad_id": 0, "eos_id": 1,
           "unk_id": 2, "bos_id": -1},
    "roberta": {"model_type": "unigram", "byte_fallback": True, "vocab_size": 480},
    "plain": {"model_type": "unigram", "byte_fallback": True, "normalization_rule_name": "identity",
              "remove_extra_whitespaces": False, "vocab_size": 480},
}
# What a map of characters becomes, keys of several characters and empty replacements among them.
RULES = [("\u00e9", "e"), ("e\u0301", "e"), ("e\u0301\u0316", "E"), ("\u00c5", "\u00e5"), ("\uff21", "A"), ("\u3000", " "),
         ("\t", " "), ("\n", " "), ("\r", " "), ("\u200b", ""), ("\ufb01", "fi"), ("\u2026", "..."), ("ab", "ba"),
         ("abc", "c"), ("\U0001f44d", ":)"), ("\u00a0", " ")]
SPECIAL = ["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
MORE = [
    "", " ", "  ", "   a", "a   ", " a", "a b  c   d    e", "\n", "\n\n a", "a\n", "\t\ta", "\u2581", "a\u2581b", "\u2581a",
    "The city of Lima is in the country of Peru.", "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002", "\U0001f44d\U0001f3fd\U0001f468\u200d\U0001f469",
    "caf\u00e9 e\u0301 e\u0301\u0316 \u00c5 \uff21\uff22 \ufb01 \u2026 abc ab abab", "<s>a</s> <unk>", "<0x41><0x0A>", "<table> x<table>y [@X]ab\u00e9",
    "the " * 40, "x" * 300, "\u00e9" * 60, "a" * 17 + "\u6771" * 9, "\u1112\u1161\u11ab \ud55c", "1234567890 12.5", "\0a\0",
    "\ufffd", "\u00bd \u2167 \u00b2", "<|user|>\n  Hi <|end|> there\n<|assistant|>", "<s> a<s>b </s>",
]


def train(name: str) -> bytes:
    options = dict(MODELS[name])
    model = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        if name == "roberta":
            rules = pathlib.Path(folder) / "rules.tsv"
            rules.write_text("".join(
                " ".join(f"{ord(c):X}" for c in key) + "\t" + " ".join(f"{ord(c):X}" for c in value) + "\n"
                for key, value in RULES))
            options["normalization_rule_tsv"] = str(rules)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([line for text in CORPUS for line in text.split("\n")] * 3), model_writer=model,
            hard_vocab_limit=False, character_coverage=1.0, num_threads=1, minloglevel=2, **options)
    return model.getvalue()


def convert(name: str, form: str, proto) -> Tokenizer:
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    unknown = proto.trainer_spec.unk_piece
    charsmap = proto.normalizer_spec.precompiled_charsmap
    if proto.trainer_spec.model_type == 1:
        tokenizer = Tokenizer(
            models.Unigram(pieces, unk_id=proto.trainer_spec.unk_id, byte_fallback=proto.trainer_spec.byte_fallback))
    else:
        vocabulary = {piece: id for id, (piece, _) in enumerate(pieces)}
        normal = {p.piece for p in proto.pieces if p.type == 1}
        merges = [
            merge for merge in generate_merges(vocabulary, dict(pieces))
            if {merge[0], merge[1], merge[0] + merge[1]} <= normal
        ]
        tokenizer = Tokenizer(models.BPE(
            vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=proto.trainer_spec.byte_fallback))
    tokenizer.add_tokens([AddedToken(p.piece, normalized=False) for p in proto.pieces if p.type == 4])
    # Phi-3's end token takes white space, too.
    tokenizer.add_special_tokens([
        AddedToken(p.piece, normalized=False, rstrip=form == "llama" and p.piece == "</s>")
        for p in proto.pieces if p.type in (2, 3)
    ])
    back = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    strip = [decoders.Strip(content=" ", left=1)]
    if form == "llama":
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
        tokenizer.decoder = decoders.Sequence(back + strip)
        tokenizer.add_special_tokens([AddedToken(token, normalized=False, rstrip=True) for token in SPECIAL])
        tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False)])
    elif form in ("metaspace", "unknown", "plain"):
        tokenizer.pre_tokenizer = pre.Metaspace(replacement="\u2581", prepend_scheme="first", split=False)
        tokenizer.decoder = decoders.Sequence(back + strip)
        if form == "metaspace":
            tokenizer.post_processor = processors.TemplateProcessing(
                single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])
    elif form == "gemma":
        tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
        tokenizer.pre_tokenizer = pre.Split(" ", "merged_with_previous")
        tokenizer.decoder = decoders.Sequence(back)
    elif form == "t5":
        tokenizer.normalizer = normalizers.Precompiled(charsmap)
        tokenizer.pre_tokenizer = pre.Sequence([
            pre.WhitespaceSplit(), pre.Metaspace(replacement="\u2581", prepend_scheme="always", split=True)])
        tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always", split=True)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", tokenizer.token_to_id("</s>"))])
    else:
        tokenizer.normalizer = normalizers.Sequence([
            normalizers.Precompiled(charsmap), normalizers.Strip(left=False, right=True),
            normalizers.Replace(Regex(" {2,}"), "\u2581")])
        tokenizer.pre_tokenizer = pre.Metaspace(replacement="\u2581", prepend_scheme="always", split=True)
        tokenizer.decoder = decoders.Sequence(back + strip)
    return tokenizer


def write_gguf(path: pathlib.Path, name: str, proto) -> None:
    spec, normalizer = proto.trainer_spec, proto.normalizer_spec
    types = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6}
    tokens, scores, kinds = [], [], []
    for piece in proto.pieces:
        tokens.append(piece.piece.encode())
        scores.append(piece.score)
        kinds.append(types[piece.type])
    if name == "llama":
        for token in [*SPECIAL, "<|endoftext|>"]:
            tokens.append(token.encode())
            scores.append(-1000.0)
            kinds.append(3)
    writer = gguf.GGUFWriter(str(path), "llama")
    # llama.cpp knows by its name which model's tokens take the white space after them.
    writer.add_name("Phi-3 small" if name == "llama" else name)
    writer.add_tokenizer_model("t5" if spec.model_type == 1 else "llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_add_space_prefix(normalizer.add_dummy_prefix)
    if spec.model_type == 1:
        writer.add_remove_extra_whitespaces(normalizer.remove_extra_whitespaces)
        if normalizer.precompiled_charsmap:
            writer.add_precompiled_charsmap(normalizer.precompiled_charsmap)
    writer.add_unk_token_id(spec.unk_id)
    writer.add_eos_token_id(spec.eos_id)
    if spec.bos_id >= 0:
        writer.add_bos_token_id(spec.bos_id)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(name == "t5")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def samples(draw: random.Random) -> list[str]:
    made = list(MORE)
    while len(made) < 100:
        sample = text(draw)[:40] if len(made) % 2 else ""
        for _ in range(draw.randrange(6)):
            sample += draw.choice(["", " "]) + draw.choice(MORE[:20] + FRAGMENTS)
        made.append(sample)
    return made


def row(sample: str, special: bool, processor, tokenizer: Tokenizer) -> dict:
    tokenizer.encode_special_tokens = not special
    theirs = tokenizer.encode(sample, add_special_tokens=False).ids
    ours = processor.encode(sample)
    made = {
        "text": sample.encode().hex(), "special": special, "ids": ours,
        "decoded": tokenizer.decode(theirs, skip_special_tokens=False).encode().hex(),
        "plain": tokenizer.decode(theirs, skip_special_tokens=True).encode().hex(),
    }
    if theirs != ours:
        made["tokenizers"] = theirs
    return made


def chats(tokenizer: Tokenizer) -> list[dict]:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((HERE / "conversations" / "phi3.5.jinja").read_text())
    tokenizer.encode_special_tokens = False
    made = []
    for contents in [["Hi"], ["Be brief.", "  The city\n"], ["Be brief.", "One", " Two ", "\n\nThree \n"], ["", "", ""]]:
        roles = ["user"] if len(contents) == 1 else ["system", "user", "assistant", "user"]
        messages = [{"role": role, "content": content} for role, content in zip(roles, contents)]
        rendered = template.render(messages=messages, add_generation_prompt=True)
        made.append({"messages": messages, "ids": tokenizer.encode(rendered, add_special_tokens=False).ids})
    return made


def main() -> None:
    draw = random.Random(2028)
    vectors, conversations = {}, []
    for name in MODELS:
        model = train(name)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(model)
        for form in ["llama", "metaspace"] if name == "llama" else [name]:
            tokenizer = convert(name, form, proto)
            written = tokenizer.to_str()
            if name == "t5":
                charsmap = base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()
                assert charsmap in written
                written = written.replace(charsmap, "CHARSMAP")
            (HERE / f"spm-{form}.json").write_text(written)
            if form == "llama":
                conversations = chats(tokenizer)
            rows = []
            for sample in samples(draw):
                rows.append(row(sample, draw.random() < 0.4, processor, tokenizer))
            vectors[form] = rows
        if name != "unknown":
            write_gguf(HERE / f"spm-{name}.gguf", name, proto)
    contents = {"rows": vectors, "chats": conversations}
    (HERE / "sentencepiece.json").write_text(json.dumps(contents, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
