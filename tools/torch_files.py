#!/usr/bin/env python3
"""Write tests/data/torch: small files of PyTorch's own, each of one kind that is met in the wild.

Element i of every tensor, in row-major order, is i / 4 - 1, which every element type holds exactly.
"""

import argparse
from pathlib import Path

import torch
from torch import nn


def ramp(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    count = torch.Size(shape).numel()
    return (torch.arange(count) / 4 - 1).reshape(shape).to(dtype)


def linear() -> nn.Linear:
    """A module of two tensors; parameters that a module gives are detached by state_dict()."""
    module = nn.Linear(3, 2)
    module.load_state_dict({"weight": ramp(2, 3), "bias": ramp(2)})
    return module


def state_dict() -> dict:
    """Every way in which a tensor that can be read may lie in its storage, and some that cannot."""
    shared = torch.cat([torch.zeros(5), ramp(4, 3).flatten(), torch.zeros(1)])
    return {
        "f32": ramp(2, 3),
        "f16": ramp(2, 3, dtype=torch.float16),
        "bf16": ramp(2, 3, dtype=torch.bfloat16),
        "scalar": torch.tensor(-1.0),
        "empty": ramp(0, 3),
        "parameter": nn.Parameter(ramp(2, 3)),
        "transposed": ramp(3, 2).T.contiguous().T,
        "part": shared[5:17].view(4, 3),
        "expanded": torch.tensor([-1.0]).expand(2, 3),
        "i64": torch.arange(3),
        "float8": ramp(2).to(torch.float8_e4m3fn),
        "quantised": torch.quantize_per_tensor(ramp(2), 0.25, 0, torch.qint8),
        "number": 7,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="tests/data/torch")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    module = linear()
    torch.save(state_dict(), folder / "kinds.bin")
    torch.save(module.state_dict(), folder / "module.bin")
    torch.save(module.state_dict(), folder / "protocol_5.bin", pickle_protocol=5)

    optimizer = torch.optim.AdamW(module.parameters(), lr=0.0)
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    training = {
        "epoch": 32, "name": "a run",
        "state_dict": nn.DataParallel(module).state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": torch.amp.GradScaler("cpu").state_dict(),
    }
    torch.save(training, folder / "training.pt")

    torch.save(module.state_dict(), folder / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save(module, folder / "whole_module.pt")
    torch.jit.save(torch.jit.script(module), folder / "scripted.pt")


if __name__ == "__main__":
    main()
