"""Holds an exported folder against logits: python peft_check.py FOLDER LOGITS.safetensors [--tolerance T]

FOLDER is a Hugging Face folder, as `denju export` writes it with LoRA merged; transformers loads it in float32.
LOGITS has `input_ids` [B, T] and `logits` [B, T, V]; or, for documents of their own lengths, `{i}.input_ids` [T]
and `{i}.logits` [T, V]. `{i}.plain_logits` is taken before `{i}.logits`, and `{i}.prompt_ids` with
`{i}.response_ids` in place of `{i}.input_ids`, so that a folder of vectors fits: its ids are in `expected`, the
adapted decoder's logits in `expected_lora`, and both files can be named. Prints the worst absolute error, and
exits 1 where it is beyond the tolerance.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def documents(tensors):
    """(ids [T], logits [T, V]) of every document."""
    if "input_ids" in tensors:
        yield from zip(tensors["input_ids"], tensors["logits"])
    index = 0
    while f"{index}.logits" in tensors or f"{index}.plain_logits" in tensors:
        ids = tensors.get(f"{index}.input_ids")
        if ids is None:
            ids = torch.cat([tensors[f"{index}.prompt_ids"], tensors[f"{index}.response_ids"]])
        plain = tensors.get(f"{index}.plain_logits")
        yield ids, tensors[f"{index}.logits"] if plain is None else plain
        index += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("logits", type=Path, nargs="+", help="of two files with one name, the later's tensor counts")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, info = AutoModelForCausalLM.from_pretrained(
        arguments.folder, dtype=torch.float32, output_loading_info=True
    )
    left = {kind: sorted(info[kind]) for kind in ("missing_keys", "unexpected_keys") if info[kind]}
    if left:
        parser.exit(1, f"{arguments.folder}: its tensors are not the model's: {left}\n")
    worst, count = 0.0, 0
    tensors = {}
    for path in arguments.logits:
        tensors |= load_file(path)
    for ids, logits in documents(tensors):
        with torch.no_grad():
            found = model.eval()(ids.long()[None]).logits[0]
        if found.shape != logits.shape:
            parser.exit(1, f"document {count}: logits {list(found.shape)}, expected {list(logits.shape)}\n")
        error = (found - logits.float()).abs().max().item()
        # NaN must not pass as small.
        worst, count = (max(worst, error) if error == error else float("inf")), count + 1
    if count == 0:
        parser.exit(1, "no document in the logits\n")
    print(f"worst absolute error {worst:.2e} over {count} documents")
    parser.exit(0 if worst <= arguments.tolerance else 1)


if __name__ == "__main__":
    main()
