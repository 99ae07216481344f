"""Why a gradient can survive although the gates are sigmoids, and when it does not: from the cell's equations."""

from math import exp, log10

from carousel.analysis.text import share
from carousel.claims.rules import LAG
from carousel.report.page.glossary import term
from carousel.report.page.markup import per_cent

HIGH = 5.0  # a forget bias that holds the gates open


def mechanism() -> str:
    """The three ways back, what each multiplies by, and what follows."""
    return (
        f"An error at $c_t$ can reach $c_{{t-1}}$ in three ways. Along the {term('carousel')} it is multiplied by "
        f"$f_t$ itself, a number between 0 and 1. Through the {term('candidate')} $z_t$ it is multiplied by $i_t$, a "
        "slope of tanh and the recurrent weights, and comes back by $h_{t-1}$. Through a *gate* it is multiplied by "
        "the slope of a sigmoid, a quarter at most, by what the gate acts on and by the recurrent weights, and comes "
        "back by $h_{t-1}$, too. The question fears the third. All three were measured, by two implementations that "
        "share no derivative code.\n\n"
        "**Why it need not vanish although gates are sigmoids:** in the line of $c_t$ the old state is multiplied by "
        "the *value* of a sigmoid, which can be near one. Its slope comes in only where an error goes back through a "
        "gate’s net input. **When it does vanish:** when the gate is not held open; and behind an open one, when "
        "little of the error enters the cell (through the output gate and the slope of tanh), or the other two ways "
        f"cancel what the carousel keeps. With a {term('forget-bias')} "
        f"$b$ and little input $f_t$ is near $\\sigma(b)$. Of what entered the cell, over {LAG} steps, {_held(0.0)}, "
        f"{_held(HIGH)}. "
        "What the other two ways add, the next questions say."
    )


def _held(bias: float) -> str:
    """What a gate that its bias alone opens keeps at each step, and over LAG steps."""
    gate = 1 / (1 + exp(-bias))
    return f"{per_cent(gate, 1 if gate > 0.9 else 0)} a step (a bias of {bias:g}) leave {share(LAG * log10(gate))}"
