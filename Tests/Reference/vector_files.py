"""How a folder of vectors is written: safetensors with sorted metadata, random weights, one module's files."""

import json

import torch
from safetensors.torch import save_file as save_unordered

from llm_modules import OPTIMIZER, adamw_steps


def save_file(tensors, path, metadata):
    """Writes safetensors with the metadata in order, so that the same tensors give the same bytes."""
    save_unordered(tensors, path, metadata)
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(data[:8] + text.ljust(length) + data[8 + length :])


def randomise(module, generator, deviation=0.1):
    """Draws every parameter, norms around one: no path may hide behind a zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_norm = parameter.ndim == 1 and name.endswith("weight")
            parameter.copy_(1 + 0.05 * noise if is_norm else deviation * noise)


def write_module(folder, module, batch, tensors, metadata):
    """weights, expected (with the loss and gradients) and after_10_adamw_steps of one variant."""
    folder.mkdir(parents=True)
    state = {n: t.detach().clone() for n, t in module.state_dict().items()}
    save_file(state, folder / "weights.safetensors", {"format": "pt", **metadata})
    expected = {**tensors, **loss_and_gradients(module, batch)}
    save_file(expected, folder / "expected.safetensors", {"format": "pt"})
    write_steps(folder / "after_10_adamw_steps.safetensors", module, batch)


def loss_and_gradients(module, batch):
    """`loss`, and `grad.NAME` of every trained parameter."""
    module.zero_grad(set_to_none=True)
    loss = module.loss(batch)
    loss.backward()
    bridge, generator = module.trained()
    gradients = {f"grad.{n}": p.grad.clone() for n, p in {**bridge, **generator}.items()}
    return {"loss": loss.detach(), **gradients}


def write_steps(path, module, batch, metadata=None):
    """Trains ten steps and writes what is not frozen, with each step's loss and unclipped gradient norm."""
    losses, norms = adamw_steps(module, batch)
    frozen = {n for n, p in module.named_parameters() if not p.requires_grad}
    after = {n: t.detach() for n, t in module.state_dict().items() if n not in frozen}
    described = {"format": "pt", "optimizer": OPTIMIZER, **(metadata or {})}
    save_file({**after, "losses": losses, "gradient_norms": norms}, path, described)


def describe(sizes, **more):
    """The metadata that a reader takes its sizes from."""
    names = {
        "source_width": "source_dim",
        "width": "dim",
        "vocabulary": "vocab",
        "adapter_width": "adapter_dim",
    }
    found = {names.get(k, k): str(v) for k, v in sizes.items() if k != "positions"}
    return {**found, **{k: str(v) for k, v in more.items()}}
