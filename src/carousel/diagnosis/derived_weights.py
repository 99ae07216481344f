"""Weights that a module computes from other numbers, as weight norm does, from what its state_dict has of them."""

import torch
from torch import Tensor

from carousel.diagnosis.layer import ModuleError
from carousel.study.errors import short

Parts = dict[str, Tensor]
"""What a state_dict has of one weight, by what stands behind its name: "" is the weight itself."""
PARTS = r"_(?:g|v|u|orig|mask|raw)|\.original\d*|\.\d+\.\w+"


def weight(name: str, parts: Parts) -> Tensor:
    """The weight called `name` in evaluation mode. Raises ModuleError where its parts do not tell it.

    Weight norm, spectral norm and pruning of torch, and the dropped weights of AWD-LSTM (Merity et al. 2018), whose
    `_raw` are the weights themselves, and what stands beside them is a sample.
    """
    match parts:
        case {"_raw": raw}:
            return raw
        case {"": plain}:
            return plain
        case {".original0": g, ".original1": v} | {"_g": g, "_v": v} if len(parts) == 2:
            return normalised(v, g)
        case {"_orig": original, "_mask": mask} if mask.shape == original.shape:
            return original * mask
        case {"_orig": original, "_u": u, "_v": v} | {".original": original, ".0._u": u, ".0._v": v} if len(
            parts
        ) == 3 and original.shape == (*u.shape, *v.shape):
            return original / torch.dot(u, torch.mv(original, v))
    raise ModuleError(
        f"{name}: found {short(sorted(parts))} of it, which do not tell the weight; allowed: the weight itself "
        "(torch.nn.utils.parametrize.remove_parametrizations), or its parts by weight_norm, spectral_norm or pruning"
    )


def normalised(v: Tensor, g: Tensor) -> Tensor:
    """g v / |v| over the axes that g has once (Salimans and Kingma 2016). Raises ModuleError."""
    if g.ndim and (
        g.ndim != v.ndim or any(own not in (1, n) for own, n in zip(g.shape, v.shape, strict=True))
    ):
        raise ModuleError(
            f"weight norm: found lengths {tuple(g.shape)} of directions {tuple(v.shape)}; allowed: one each"
        )
    axes = [axis for axis in range(v.ndim) if not g.ndim or g.shape[axis] == 1]
    return g * v / torch.linalg.vector_norm(v, dim=axes, keepdim=True)
