"""Holds the Llama family's folders against `plain_llama.py`: python check_llama_vectors.py ROOT

Prints the worst differences and exits 1 where one is beyond its bound. Logits, losses, gradients and ten steps
are computed a second time in float64; gradients are held against finite differences of that too.
"""

import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file

import plain_llama

FOLDERS = ("llama-generator", "qwen2-generator", "llama-aligned")
INTERVAL = 1e-5


def metadata(path):
    with safe_open(path, "pt") as file:
        return file.metadata()


def doubled(tensors):
    return {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}


def relative(found, expected):
    return ((found - expected).norm() / (expected.norm() + 1e-30)).item()


def is_without_gradient(name):
    """Softmax does not see cross-attention's key bias: what a step makes of its rounding is arbitrary."""
    return name.endswith("cross_attn.k_proj.bias")


class Folder:
    """One folder's files, and its loss as a function of the tensors."""

    def __init__(self, path):
        self.path = path
        said = metadata(path / "weights.safetensors")
        self.configuration = plain_llama.Configuration(path / "config.json", said)
        self.is_aligned = said["conditioning"] == "aligned"
        self.weights = self.read("weights")
        self.expected = self.read("expected")
        if self.is_aligned:
            self.batch = self.expected
        else:
            count = sum(1 for n in self.expected if n.endswith(".states"))
            kinds = ("states", "prompt_ids", "response_ids")
            self.batch = [{k: self.expected[f"{i}.{k}"] for k in kinds} for i in range(count)]

    def read(self, name):
        return doubled(load_file(self.path / f"{name}.safetensors"))

    def loss(self, tensors):
        function = plain_llama.aligned_loss if self.is_aligned else plain_llama.prompt_loss
        return function(tensors, self.configuration, self.batch)

    def gradients(self, tensors, names):
        leaves = {n: t.detach().requires_grad_(n in names) for n, t in tensors.items()}
        loss = self.loss(leaves)
        found = torch.autograd.grad(loss, [leaves[n] for n in names])
        return loss.detach(), dict(zip(names, found))

    def logits_error(self, tensors, expected):
        c = self.configuration
        if self.is_aligned:
            found = plain_llama.aligned_logits(tensors, c, self.batch["states"])
            return (found - expected["logits"]).abs().max().item()
        worst = 0.0
        for index, d in enumerate(self.batch):
            ids = torch.cat([d["prompt_ids"], d["response_ids"]])
            for name, states in (("logits", d["states"]), ("plain_logits", None)):
                found = plain_llama.prompt_logits(tensors, c, ids, states)
                worst = max(worst, (found - expected[f"{index}.{name}"]).abs().max().item())
        return worst


def finite_difference_error(folder, tensors, gradients, draw):
    """The worst difference of a directional derivative from the gradient, as a part of the gradient's norm.

    Along the gradient itself and three random directions, for each tensor alone.
    """
    worst = 0.0
    for name, gradient in gradients.items():
        directions = [torch.randn(gradient.shape, generator=draw, dtype=torch.float64) for _ in range(3)]
        for direction in [gradient, *directions]:
            direction = direction / (direction.norm() + 1e-300)
            sides = [
                folder.loss({**tensors, name: tensors[name] + sign * INTERVAL * direction}).item()
                for sign in (1, -1)
            ]
            derivative = (sides[0] - sides[1]) / (2 * INTERVAL)
            error = abs(derivative - (gradient * direction).sum().item())
            # Losses near 3 are rounded at 4e-16, so a derivative is not known better than 1e-10.
            worst = max(worst, error / (gradient.norm().item() + 1e-3))
    return worst


def check_expected(folder, tensors, expected, names):
    """Logits, loss and gradients of the trained `names`."""
    loss, gradients = folder.gradients(tensors, names)
    stored = {n[5:]: t for n, t in expected.items() if n.startswith("grad.")}
    draw = torch.Generator().manual_seed(1)
    return {
        "logits": (folder.logits_error(tensors, expected), 1e-5),
        "loss": ((loss - expected["loss"]).abs().item(), 1e-6),
        "gradients": (
            max(
                ((stored[n] - g).norm().item() - 1e-7) / (g.norm().item() + 1e-30)
                for n, g in gradients.items()
                if n in stored and not is_without_gradient(n)
            ),
            1e-5,
        ),
        "finite differences": (finite_difference_error(folder, tensors, gradients, draw), 1e-6),
        "unmatched names": (len(set(stored) ^ set(names)), 0),
    }


def check_steps(folder, tensors, name, names):
    """Ten steps by hand of the trained `names`, the rest as it was."""
    after = folder.read(name)
    tensors, moments, losses, norms = dict(tensors), {}, [], []
    for step in range(1, 11):
        loss, gradients = folder.gradients(tensors, names)
        losses.append(loss)
        rate = lambda n: 1e-3 if n.startswith(("bridge.", "qwen.")) else 5e-4  # noqa: E731
        norms.append(plain_llama.adamw_step(tensors, names, moments, gradients, step, rate))
    return {
        "losses": (relative(torch.stack(losses), after.pop("losses")), 1e-5),
        # Adam hardly sees by how much a gradient was scaled, so its norm is compared itself.
        "norms": (relative(torch.tensor(norms).double(), after.pop("gradient_norms")), 1e-5),
        "weights": (
            max(relative(tensors[n], t) for n, t in after.items() if n in names and not is_without_gradient(n)),
            1e-4,
        ),
        "unmatched names": (len(set(after) ^ set(names)), 0),
    }  # fmt: skip


def check(path):
    """Raises where a folder's files disagree with the second computation, and prints by how much they differ."""
    folder = Folder(path)
    every = sorted(folder.weights)
    results = {
        "expected": check_expected(folder, folder.weights, folder.expected, every),
        "after_10_adamw_steps": check_steps(folder, folder.weights, "after_10_adamw_steps", every),
    }
    if not folder.is_aligned:
        bridge = [n for n in every if n.startswith("bridge.")]
        lora = folder.read("lora")
        trained = sorted([*bridge, *lora])
        adapted = {**folder.weights, **lora}
        results |= {
            "after_10_bridge_steps": check_steps(folder, folder.weights, "after_10_bridge_steps", bridge),
            "expected_lora": check_expected(folder, adapted, folder.read("expected_lora"), trained),
            "after_10_lora_steps": check_steps(folder, adapted, "after_10_lora_steps", trained),
            "merged": {"logits": (folder.logits_error(merged(adapted), folder.read("expected_lora")), 1e-5)},
        }
    wrong = []
    for name, figures in results.items():
        print(path.name, name, " ".join(f"{k} {value:.1e}" for k, (value, _) in figures.items()))
        wrong += [f"{name}: {k} {value} > {limit}" for k, (value, limit) in figures.items() if not value <= limit]
    if wrong:
        raise SystemExit(f"{path}: " + "; ".join(wrong))


def merged(tensors):
    """W + B A in place of W, A and B."""
    found = {n: t for n, t in tensors.items() if ".lora_" not in n}
    for name in [n for n in tensors if n.endswith(".lora_A.weight")]:
        base = name.removesuffix(".lora_A.weight")
        found[f"{base}.weight"] = tensors[f"{base}.weight"] + tensors[f"{base}.lora_B.weight"] @ tensors[name]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    for name in FOLDERS:
        check(Path(sys.argv[1]) / name)
