"""Compares `llm_modules.py` with a folder of reference vectors: python check_vectors.py FOLDER

Prints the worst difference of logits, loss, gradients and weights after ten steps, and exits 1 where one
is beyond what float32 allows.
"""

import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from llm_modules import AlignedModule, PromptModule, adamw_steps


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def sizes(weights_path):
    found = metadata(weights_path)
    return {
        "source_width": int(found["source_dim"]),
        "width": int(found["dim"]),
        "layers": int(found["layers"]),
        "heads": int(found["heads"]),
        "window": int(found["window"]),
        "vocabulary": int(found["vocab"]),
        "adapter_width": int(found["adapter_dim"]),
        "bridge_heads": int(found["bridge_heads"]),
    }


def prompt_module(folder):
    weights = load_file(folder / "weights.safetensors")
    positions = weights["gpt.wpe.weight"].shape[0]
    module = PromptModule(**sizes(folder / "weights.safetensors"), positions=positions)
    return module, weights


def aligned_module(folder):
    weights = load_file(folder / "weights.safetensors")
    found = metadata(folder / "weights.safetensors")
    transformer = "gptneo.base_model.transformer."
    module = AlignedModule(
        **sizes(folder / "weights.safetensors"),
        mask=found["mask"],
        bridge_layers=int(found["bridge_layers"]),
        positions=weights[transformer + "wpe.weight"].shape[0],
        unused_embeddings=weights[transformer + "wte.weight"].shape[0],
    )
    return module, weights


def relative(found, expected):
    return ((found - expected).norm() / (expected.norm() + 1e-30)).item()


def check(folder):
    expected = load_file(folder / "expected.safetensors")
    if folder.name == "llm-modules-prompt":
        module, weights = prompt_module(folder)
        module.load_state_dict(weights)
        count = sum(1 for name in expected if name.endswith(".states"))
        batch = [
            {k: expected[f"{i}.{k}"] for k in ("states", "prompt_ids", "response_ids")}
            for i in range(count)
        ]
        logits = max(
            (module(torch.cat([d["prompt_ids"], d["response_ids"]]), d["states"])
             - expected[f"{i}.logits"]).abs().max().item()
            for i, d in enumerate(batch)
        )  # fmt: skip
    else:
        module, weights = aligned_module(folder)
        module.load_state_dict(weights)
        batch = expected
        logits = (module(expected["states"]) - expected["logits"]).abs().max().item()
    loss = module.loss(batch)
    loss.backward()
    bridge, generator = module.trained()
    named = {**bridge, **generator}
    gradients = {n[5:]: t for n, t in expected.items() if n.startswith("grad.")}
    missing = set(gradients) ^ set(named)
    worst_gradient = max(
        ((named[n].grad - g).norm().item() - 1e-7) / (g.norm().item() + 1e-30)
        for n, g in gradients.items()
        if n in named and not n.endswith("k_proj.bias")
    )
    after = load_file(folder / "after_10_adamw_steps.safetensors")
    losses, _ = adamw_steps(module, batch)
    state = module.state_dict()
    # A key bias has no gradient in truth, so what Adam makes of its rounding noise is arbitrary.
    worst_weight = max(
        relative(state[n], t) for n, t in after.items() if n in state and not n.endswith("k_proj.bias")
    )
    figures = {
        "logits": (logits, 1e-5),
        "loss": ((loss - expected["loss"]).abs().item(), 1e-5),
        "gradients": (worst_gradient, 1e-4),
        "losses": (relative(losses, after["losses"]), 1e-4),
        "weights": (worst_weight, 1e-4),
        "unmatched names": (len(missing), 0),
    }
    print(folder.name, " ".join(f"{name} {value:.2e}" for name, (value, _) in figures.items()))
    return all(value <= limit for value, limit in figures.values())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = Path(sys.argv[1])
    folders = [root / f"llm-modules-{kind}" for kind in ("prompt", "causal", "published")]
    sys.exit(0 if all([check(folder) for folder in folders]) else 1)
