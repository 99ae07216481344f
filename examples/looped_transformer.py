"""A looped transformer: the same block again and again, as a recurrent network whose time is the number of loops.

    python examples/looped_transformer.py

One block reads the embedded prompt x in every loop, beside its state h, as the layers of universal transformers do
(Dehghani et al. 2019). So the block is a step (x, h) -> h, and `carousel.diagnose` says how far back over the loops the
gradient of the last state reaches: that is, whether a loss after the last loop trains the first ones.
"""

import torch
from torch import Tensor, nn

import carousel

LOOPS, BATCH, TOKENS, WIDTH, HEADS = 64, 2, 4, 8, 2


class Block(nn.Module):
    """Attention and a perceptron around a residual, normalised before them (Xiong et al. 2020) or after."""

    def __init__(self, first: bool) -> None:
        super().__init__()
        self.first = first
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.perceptron = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        """The state [B, tokens, width] after a loop, from the prompt and the state before it."""
        one, two = self.norms
        if self.first:
            h = h + self.attend(one(h + x))
            return h + self.perceptron(two(h))
        h = one(h + self.attend(h + x))
        return two(h + self.perceptron(h))

    def attend(self, u: Tensor) -> Tensor:
        return self.attention(u, u, u, need_weights=False)[0]


def looped(first: bool, seed: int = 0) -> tuple[Block, Tensor, Tensor]:
    """A block with its default weights, the prompt of every loop [loops, B, tokens, width], and a first state."""
    torch.manual_seed(seed)
    prompt, start = torch.randn(2, BATCH, TOKENS, WIDTH)
    return Block(first), prompt.expand(LOOPS, -1, -1, -1), start


def main() -> None:
    for first, words in ((True, "normalised before"), (False, "normalised after")):
        block, prompts, start = looped(first)
        report = carousel.diagnose(block, prompts, start)
        decay = report.decay.query("quantity == 'jacobian_fro'").set_index("lag")["log10_norm"]
        left = ", ".join(f"{lag}: {10 ** (decay[lag] - decay[0]):.2g}" for lag in (1, 8, 32, LOOPS))
        print(f"{words}: {report.sentence}")
        print(
            f"  left after loops {left}; largest exponent {report.exponents['value'][0]:+.4f} decades a loop"
        )


if __name__ == "__main__":
    main()
