"""Makes the WordPiece part of Vectors/: small tokenizers, and what `tokenizers` makes of texts with them.

    python make_wordpiece_vectors.py  # needs tokenizers 0.23, gguf 0.19, and what make_vectors.py needs

`wordpiece-*.json`  tokenizers of a few hundred tokens: `uncased` as BERT's are; `cased`, with BertProcessing and
                    a short longest word; `odd`, which strips accents alone, with added tokens of every flag
`wordpiece-*.gguf`  the first as GGUF metadata, as llama.cpp's converter spells them; no tensors
`wordpiece.json`    texts, whether special tokens are read in them, their ids, and the ids as text again, with and
                    without special tokens
`wordpiece-scalars.json`  SHA-256, its first 16 digits, of the words of every Unicode scalar between `a` and `b`,
                    by 4,096 scalars, for each of the three
"""

import hashlib
import json
import pathlib
import random

import gguf
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors
from tokenizers import pre_tokenizers as pre

from make_vectors import CORPUS, FRAGMENTS, HERE, text

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NORMALIZERS = {
    "uncased": normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True),
    "cased": normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=False),
    "odd": normalizers.BertNormalizer(
        clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False),
}
MORE = [
    "R\u00e9sum\u00e9", "na\u00efve", "\u00c5NGSTR\u00d6M", "\u0130stanbul", "\u03a3\u03a3", "\u1e9e", "\u212a", "don't do not",
    "[CLS]", "[MASK]", "[unused1]", "##ing", "x" * 13, "together" * 13, "\u4e2d" * 3, "a" * 100, "a" * 101, "\u00e9" * 100,
    "\u0301\u0316\u302e", "\U0001d15e", "\uf900", "\u2ceaf", "\ufffd", "\u00ad", "\u180e", "Ki\u1ec7t", "\u0915\u093c", "...", "\u2014",
]
TOKENS = {
    "odd": [
        AddedToken("[left]", lstrip=True, normalized=False),
        AddedToken("[right]", rstrip=True, normalized=False),
        AddedToken("word", single_word=True, normalized=False),
        AddedToken("cafe", normalized=True),
    ],
}


def vocabulary(kind: str) -> dict[str, int]:
    """Special tokens, characters, and words with their parts. (The library's trainer draws lots.)"""
    known = [word for word in MORE if len(word) < 9]
    normalized = NORMALIZERS[kind].normalize_str(" ".join(CORPUS + known + ["together other the"]))
    words = [word for word, _ in pre.BertPreTokenizer().pre_tokenize_str(normalized)]
    letters = {letter for word in words for letter in word if letter not in "zq"}
    parts = {word[:3] for word in words} | {word for word in words[::2]}
    within = {word[3:6] for word in words} | {word[-3:] for word in words[::3]}
    spelled = sorted(letters | parts) + [f"##{part}" for part in sorted((letters | within) - {""})]
    return {token: id for id, token in enumerate(dict.fromkeys(SPECIAL + ["[unused1]"] + spelled))}


def make(kind: str) -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece(
            vocabulary(kind), unk_token="[UNK]", max_input_chars_per_word=12 if kind == "cased" else 100))
    tokenizer.normalizer = NORMALIZERS[kind]
    tokenizer.pre_tokenizer = pre.BertPreTokenizer()
    tokenizer.add_special_tokens(SPECIAL)
    around = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = (
        processors.BertProcessing(around[1], around[0])
        if kind == "cased"
        else processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=around)
    )
    tokenizer.decoder = decoders.WordPiece(prefix="##", cleanup=kind != "odd")
    tokenizer.add_tokens(TOKENS.get(kind, []))
    return tokenizer


def write_gguf(path: pathlib.Path, tokenizer: Tokenizer) -> None:
    def phantom(token: str) -> str:
        if token.startswith("[") and token.endswith("]"):
            return token
        return token[2:] if token.startswith("##") else "\u2581" + token

    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer = gguf.GGUFWriter(str(path), "bert")
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([phantom(token) for token, _ in vocabulary])
    writer.add_token_types([3 if token in SPECIAL else 1 for token, _ in vocabulary])
    writer.add_unk_token_id(1)
    writer.add_sep_token_id(3)
    writer.add_bos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def rows(tokenizer: Tokenizer, draw: random.Random) -> list[dict]:
    made = []
    for index in range(160):
        sample = text(draw) if index % 2 else ""
        for _ in range(draw.randrange(6)):
            sample += draw.choice(["", " "]) + draw.choice(MORE + FRAGMENTS)
        special = draw.random() < 0.5
        tokenizer.encode_special_tokens = not special
        ids = tokenizer.encode(sample).ids
        made.append({
            "text": sample.encode().hex(), "special": special, "ids": ids,
            "decoded": tokenizer.decode(ids, skip_special_tokens=False).encode().hex(),
            "plain": tokenizer.decode(ids, skip_special_tokens=True).encode().hex(),
        })
    return made


def scalars(tokenizer: Tokenizer) -> list[str]:
    digests = []
    # Planes 4 to 13 hold nothing; of the private ones a part is enough.
    for start in [*range(0, 0x40000, 4096), *range(0xE0000, 0xE2000, 4096), 0xF0000, 0x10F000]:
        line = "".join(
            f"a{chr(value)}b " for value in range(start, start + 4096) if not 0xD800 <= value < 0xE000)
        words = tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(line))
        joined = "\n".join(word for word, _ in words)
        digests.append(hashlib.sha256(joined.encode()).hexdigest()[:16])
    return digests


def main() -> None:
    draw = random.Random(2027)
    vectors, digests = {}, {}
    for kind in NORMALIZERS:
        tokenizer = make(kind)
        # A file's own truncation and padding are not applied.
        tokenizer.enable_truncation(4)
        tokenizer.enable_padding(length=64)
        tokenizer.save(str(HERE / f"wordpiece-{kind}.json"), pretty=False)
        tokenizer.no_truncation()
        tokenizer.no_padding()
        if kind == "uncased":
            write_gguf(HERE / f"wordpiece-{kind}.gguf", tokenizer)
        vectors[kind] = rows(tokenizer, draw)
        digests[kind] = scalars(tokenizer)
    (HERE / "wordpiece.json").write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
    (HERE / "wordpiece-scalars.json").write_text(json.dumps(digests, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
