"""Makes the part of Vectors/ for byte-level families that came later: Llama 3, Mistral Nemo (Tekken) and GPT-NeoX.

    python make_family_vectors.py  # needs what make_vectors.py needs

`family-*.json`  tokenizers of a few hundred tokens. `llama3` and `tekken` take a word that is a token as a whole,
                 whatever the merges say, and have such tokens; `neox` has tokens of several spaces, which are not
                 special and are matched in the normalised text
`family-*.gguf`  the same as GGUF metadata, as llama.cpp's converter writes it; no tensors
`families.json`  texts, whether special tokens are read in them, and their ids by `tokenizers`
"""

import json
import random
import unicodedata

import gguf
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
from tokenizers import pre_tokenizers as pre
from tokenizers import trainers

from make_vectors import CORPUS, FRAGMENTS, HERE, text

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
# Tokens that no merges lead to.
WHOLE = ["together", " togetherness", "12345", "123", "HTTPServer", "Server"]
PARTS = [
    "12", "123", "1234", "12345", "\u0663\u0664\u0665\u0666", "together", " togetherness", "HTTPServer", "camelCase", "ABC", "aBC",
    "\u01c5a", "A\u01c5", "\u02b0", "\u0301", "A\u0301b", "a\u0301B", "\u0301A", "\u0301\u0301", " \u0301A", "\u6771A", "A\u6771a", "a\u6771A",
    "\u00aa", "//", "/\n", "!/\r\n/", "\n/", "a/b", "\u2160", "\u0e33", "    ", "        ", "                ", "\t\t", "<|eot_id|>",
    "'S", "'\u017f", "\u1e9e", "\u212b", "e\u0301",
]
FAMILIES = {"llama3": (LLAMA3, "llama-bpe"), "tekken": (TEKKEN, "tekken"), "neox": (None, "olmo")}


def make(name: str) -> Tokenizer:
    expression, _ = FAMILIES[name]
    tokenizer = Tokenizer(models.BPE())
    byte_level = pre.ByteLevel(add_prefix_space=False, use_regex=expression is None)
    tokenizer.pre_tokenizer = (
        byte_level if expression is None else pre.Sequence([pre.Split(Regex(expression), "isolated"), byte_level]))
    if name == "neox":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=380, initial_alphabet=pre.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    state = json.loads(tokenizer.to_str())
    if name != "neox":
        alphabet = pre.ByteLevel(add_prefix_space=False, use_regex=False)
        for word in WHOLE:
            spelled = alphabet.pre_tokenize_str(word)[0][0]
            state["model"]["vocab"].setdefault(spelled, len(state["model"]["vocab"]))
        state["model"]["ignore_merges"] = True
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.decoder = decoders.ByteLevel()
    if name == "neox":
        tokenizer.add_tokens([AddedToken(" " * count, normalized=True) for count in range(24, 1, -1)])
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in SPECIAL])
    if name != "neox":
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=True),
            processors.TemplateProcessing(
                single=f"{SPECIAL[0]} $A", pair=f"{SPECIAL[0]} $A {SPECIAL[0]} $B",
                special_tokens=[(SPECIAL[0], tokenizer.token_to_id(SPECIAL[0]))]),
        ])
    return tokenizer


def write_gguf(name: str, tokenizer: Tokenizer) -> None:
    state = json.loads(tokenizer.to_str())
    added = {token["id"]: token for token in state["added_tokens"]}
    spelled = {id: token for token, id in state["model"]["vocab"].items()}
    spelled.update({id: token["content"] for id, token in added.items()})
    writer = gguf.GGUFWriter(str(HERE / f"family-{name}.gguf"), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(FAMILIES[name][1])
    writer.add_token_list([spelled[id] for id in range(len(spelled))])
    writer.add_token_types([
        1 if id not in added else 3 if added[id]["special"] else 4 for id in range(len(spelled))])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.token_to_id(SPECIAL[0]))
    writer.add_eos_token_id(tokenizer.token_to_id(SPECIAL[2]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    draw = random.Random(2029)
    vectors = {}
    for name in FAMILIES:
        tokenizer = make(name)
        tokenizer.save(str(HERE / f"family-{name}.json"), pretty=False)
        write_gguf(name, tokenizer)
        rows = []
        while len(rows) < 250:
            sample = text(draw)[:30] if len(rows) % 2 else ""
            for _ in range(draw.randrange(1, 8)):
                sample += draw.choice(["", "", " "]) + draw.choice(PARTS + FRAGMENTS)
            # `tokenizers` knows an older Unicode's combining classes; form C is unicodedata's.
            if tokenizer.normalizer and tokenizer.normalizer.normalize_str(sample) != (
                unicodedata.normalize("NFC", sample)
            ):
                continue
            special = draw.random() < 0.5
            tokenizer.encode_special_tokens = not special
            ids = tokenizer.encode(sample, add_special_tokens=False).ids
            rows.append({"text": sample.encode().hex(), "special": special, "ids": ids})
        vectors[name] = rows
    (HERE / "families.json").write_text(json.dumps(vectors, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
