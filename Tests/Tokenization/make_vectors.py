"""Makes Vectors/: small tokenizers and what independent code makes of texts with them.

    python make_vectors.py            # needs tokenizers 0.23, gguf 0.19, jinja2

`tiny-*.json`   tokenizers of a few hundred tokens, trained by Hugging Face's `tokenizers`, one for
                each pre-tokenizer; `tiny-flags.json` has added tokens with every flag
`tiny-*.gguf`   the same as GGUF metadata, written by the `gguf` package; no tensors
`vectors.json`  texts, whether special tokens are read in them, and their ids by `tokenizers`
`nfc.json`      texts and their form C by `unicodedata`
`chats.json`    conversations rendered by Jinja from `templates/`, set up as transformers does

`wordpiece*`    the same for WordPiece, written by `make_wordpiece_vectors.py`

`templates/` are the chat templates of published models, as they stand in the models' files.
Texts are UTF-8 in hexadecimal: what breaks tokenizers also breaks editors.
"""

import json
import pathlib
import random
import unicodedata

import gguf
import jinja2.sandbox
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as pre
from tokenizers import trainers

HERE = pathlib.Path(__file__).parent / "Vectors"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CORPUS = [
    "The city of Lima is in the country of Peru. They're sure we'll say it's so, isn't it?",
    "A farmer has 17 sheep and buys 5 more. How many sheep are there? 17 + 5 = 22, he'd say.",
    "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))  # three\r\n",
    "東京は日本の首都です。 Привет, мир! Ça va très bien, señor Ångström?",
    "the the the there then other another together   with    spaces\t\tand tabs",
]

BYTE_LEVEL = {
    "gpt2": pre.ByteLevel(add_prefix_space=False),
    "qwen2": pre.Sequence(
        [pre.Split(Regex(QWEN2), "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)]
    ),
    "smollm": pre.Sequence([pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)]),
}


def train(kind: str) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = BYTE_LEVEL[kind]
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=pre.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 4, trainer)
    tokenizer.add_tokens([AddedToken("<tool_call>", normalized=False)])
    return tokenizer


def flags() -> Tokenizer:
    tokenizer = train("qwen2")
    for token in [
        AddedToken("[left]", lstrip=True, normalized=False),
        AddedToken("[right]", rstrip=True, normalized=False),
        AddedToken("[both]", lstrip=True, rstrip=True, normalized=False),
        AddedToken("word", single_word=True, normalized=False),
        AddedToken("caf\u00e9", normalized=True),
        AddedToken("caf\u00e9 noir", normalized=True),
    ]:
        tokenizer.add_tokens([token])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True, normalized=False)])
    return tokenizer


def write_gguf(path: pathlib.Path, kind: str, tokenizer: Tokenizer) -> None:
    state = json.loads(tokenizer.to_str())
    added = {token["id"]: token for token in state["added_tokens"]}
    spelled = {id: token for token, id in state["model"]["vocab"].items()}
    spelled.update({id: token["content"] for id, token in added.items()})
    types = [
        1 if id not in added else 3 if added[id]["special"] else 4 for id in range(len(spelled))
    ]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2" if kind == "gpt2" else kind)
    # Two unused tokens at the end, as converters pad a vocabulary to the width of the model.
    writer.add_token_list([spelled[id] for id in range(len(spelled))] + ["[PAD0]", "[PAD1]"])
    writer.add_token_types(types + [5, 5])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    writer.add_chat_template((HERE / "templates" / "smollm2.jinja").read_text())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


FRAGMENTS = [
    "'s", "'S", "'re", "'Re", "'LL", "'ve", "'m", "'T", "'\u017f", "\u2019s", "'", " ", "  ", "   ", "\n",
    "\n\n", "\r", "\r\n", "\t", "\u00a0", "\u3000", "\0", "\u0085", "\u200b", "\ufeff", "the", " the",
    "The city", " of", "1", "12", "2026", " 1", "\u0663", "\u2167", "\u00b2", "!", "...", "!!\n", " !",
    "--", "\u00e9", "e\u0301", "\u00f1", "n\u0303", "\u6771\u4eac", "\U0001f44d",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "_", "$", "<", "|", ">", *SPECIAL, "<tool_call>", "<mask>",
    "[left]", "[right]", "[both]", "word", " word", "words", "caf\u00e9", "cafe\u0301", "cafe\u0301 noir",
    "\u0439", "\u0438\u0306", "\ud55c", "\u1112\u1161\u11ab",
]


def text(random: random.Random) -> str:
    def scalar() -> str:
        plane = random.choice([0x80, 0x800, 0x10000, 0x110000])
        value = random.randrange(plane)
        return "" if 0xD800 <= value < 0xE000 else chr(value)

    return "".join(
        random.choice(FRAGMENTS) if random.random() < 0.8 else scalar()
        for _ in range(random.randrange(1, 24))
    )


def nfc_texts(random: random.Random) -> list[str]:
    scalars = [chr(v) for v in range(0x110000) if not 0xD800 <= v < 0xE000]
    marks = [c for c in scalars if unicodedata.combining(c)]
    composed = [
        c for c in scalars
        if unicodedata.decomposition(c) and not unicodedata.decomposition(c).startswith("<")
    ]
    parts = sorted({p for c in composed for p in unicodedata.normalize("NFD", c)})
    hangul = [chr(v) for v in [*range(0x1100, 0x1200), *range(0xAC00, 0xD7A4)]]
    letters = [c for c in scalars if unicodedata.category(c)[0] == "L"]
    pools = [marks, marks, composed, parts, parts, hangul, letters, ["\u0f73", "\u0f75", "\u0f81", "\u0344"]]
    texts = ["".join(random.choice(random.choice(pools)) for _ in range(random.randrange(1, 10)))
             for _ in range(1500)]
    # Every scalar that composes, decomposes or is excluded, some to a text, a letter between.
    changed = [c for c in composed if random.random() < 0.5]
    return texts + ["x".join(changed[i:i + 24]) for i in range(0, len(changed), 24)]


CHATS = [
    [{"role": "user", "content": "What is the capital of Peru?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi <|im_end|> there"}],
    [{"role": "user", "content": "One"}, {"role": "assistant", "content": "Two\n"},
     {"role": "user", "content": "  Three"}],
    [{"role": "user", "content": ""}, {"role": "system", "content": "Late."},
     {"role": "user", "content": "caf\u00e9 {{ x }}"}],
]


def chats() -> list[dict]:
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    rendered = []
    for path in sorted((HERE / "templates").glob("*.jinja")):
        template = environment.from_string(path.read_text())
        for messages in CHATS:
            for prompt in [True, False]:
                rendered.append({
                    "template": path.name, "messages": messages, "addGenerationPrompt": prompt,
                    "rendered": template.render(
                        messages=messages, add_generation_prompt=prompt, bos_token="<s>"),
                })
    return rendered


def main() -> None:
    draw = random.Random(2026)
    vectors = {}
    for kind in [*BYTE_LEVEL, "flags"]:
        tokenizer = flags() if kind == "flags" else train(kind)
        tokenizer.save(str(HERE / f"tiny-{kind}.json"), pretty=False)
        if kind != "flags":
            write_gguf(HERE / f"tiny-{kind}.gguf", kind, tokenizer)
        rows = []
        while len(rows) < 250:
            sample = text(draw)
            # `tokenizers` knows an older Unicode's combining classes; form C is unicodedata's.
            if tokenizer.normalizer and tokenizer.normalizer.normalize_str(sample) != (
                unicodedata.normalize("NFC", sample)
            ):
                continue
            special = draw.random() < 0.5
            tokenizer.encode_special_tokens = not special
            ids = tokenizer.encode(sample, add_special_tokens=False).ids
            rows.append({"text": sample.encode().hex(), "special": special, "ids": ids})
        vectors[kind] = rows
    (HERE / "vectors.json").write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
    forms = [[t.encode().hex(), unicodedata.normalize("NFC", t).encode().hex()] for t in nfc_texts(draw)]
    (HERE / "nfc.json").write_text(json.dumps(forms, separators=(",", ":")) + "\n")
    (HERE / "chats.json").write_text(json.dumps(chats(), indent=1) + "\n")


if __name__ == "__main__":
    main()
