"""One setting: an LSTM of 32 units, 100 steps, 4 sequences; the gradient's norm at every lag, to a csv file."""

import sys
from pathlib import Path

import torch

setting, out = int(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(setting)
cell = torch.nn.LSTMCell(4, 32)
with torch.no_grad():
    cell.bias_ih[32:64] += setting % 4
    cell.weight_hh *= 0.2 * (1 + setting % 10)
state = [torch.zeros(4, 32, requires_grad=True) for _ in "hc"]
kept = [state]
for x in torch.randn(100, 4, 4):
    kept.append(list(cell(x, tuple(kept[-1]))))
v = torch.nn.functional.normalize(torch.randn(4, 32), dim=1)
found = torch.autograd.grad((kept[-1][0] * v).sum(), [s for pair in kept for s in pair], allow_unused=True)
norms = (
    torch.stack([torch.zeros(4, 32) if g is None else g for g in found]).square().sum(2).reshape(101, 2, 4)
)
lines = (
    f"{setting},{100 - t},{norm}\n" for t, norm in enumerate(norms.sum(1).sqrt().log10().mean(1).tolist())
)
out.write_text("".join(lines))
