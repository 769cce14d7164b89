"""Muon, batched and shared out among workers, for the hidden matrices of a small transformer.

torch.optim.Muon orthogonalises one matrix at a time in bfloat16, which on two CPU cores
costs more than the training step itself. Here all matrices of one shape go through one
batched product in single precision, each worker takes its share, and q, k and v count as
the three matrices they are.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import nn

# The quintic iteration of Jordan et al.: drives all singular values near one.
_NS = (3.4445, -4.7750, 2.0315)


def orthogonalise(stack: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """Nearest semi-orthogonal matrices (roughly) to a stack of wide matrices."""
    a, b, c = _NS
    x = stack / (stack.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x


def is_hidden(name: str, param: nn.Parameter) -> bool:
    """Whether Muon should take a parameter: matrices between hidden states, no embeddings,
    no output matrices, no queries."""
    kinds = ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight",
             "c_fc.weight", "c_proj.weight")
    return param.ndim == 2 and name.endswith(kinds)


class Muon:
    """Momentum, orthogonalised. `rank` of `world` workers, which hold equal gradients."""

    def __init__(self, params: list[nn.Parameter], rank: int, world: int, momentum: float = 0.95) -> None:
        self.params = params
        self.rank, self.world, self.momentum = rank, world, momentum
        self.buffers = [torch.zeros_like(p) for p in params]
        self.flat = torch.zeros(sum(p.numel() for p in params))
        self.update = []
        offset = 0
        for p in params:
            self.update.append(self.flat[offset : offset + p.numel()].view(p.shape))
            offset += p.numel()

    @staticmethod
    def _pieces(tensors: list[torch.Tensor]) -> dict[tuple[int, int], list[torch.Tensor]]:
        """Views as wide matrices, by shape, stacked q, k, v rows apart."""
        groups: dict[tuple[int, int], list[torch.Tensor]] = {}
        for t in tensors:
            rows, cols = t.shape
            for part in t.chunk(3) if rows == 3 * cols else (t,):
                wide = part if part.shape[0] <= part.shape[1] else part.mT
                groups.setdefault(tuple(wide.shape), []).append(wide)
        return groups

    @torch.no_grad()
    def step(self, lr: float, weight_decay: float) -> None:
        """One update from the parameters' gradients."""
        grads = [p.grad for p in self.params]
        torch._foreach_mul_(self.buffers, self.momentum)
        torch._foreach_add_(self.buffers, grads)
        ahead = torch._foreach_add(grads, self.buffers, alpha=self.momentum)
        self.flat.zero_()
        sources, targets = self._pieces(ahead), self._pieces(self.update)
        for shape, pieces in sources.items():
            mine = pieces[self.rank :: self.world]
            done = orthogonalise(torch.stack(mine))
            for out, value in zip(targets[shape][self.rank :: self.world], done):
                out.copy_(value)
        if self.world > 1:
            dist.all_reduce(self.flat)
        torch._foreach_mul_(self.params, 1 - lr * weight_decay)
        for p, u in zip(self.params, self.update):
            # A tall matrix needs larger entries for the same effect on its outputs.
            stretch = 1.0 if p.shape[0] == 3 * p.shape[1] else max(1.0, p.shape[0] / p.shape[1]) ** 0.5
            p.add_(u, alpha=-lr * stretch)

    def state_dict(self) -> dict[str, list[torch.Tensor]]:
        """The momentum buffers."""
        return {"buffers": self.buffers}

    def load_state_dict(self, state: dict[str, list[torch.Tensor]]) -> None:
        """Takes the momentum buffers back."""
        for own, saved in zip(self.buffers, state["buffers"], strict=True):
            own.copy_(saved)
