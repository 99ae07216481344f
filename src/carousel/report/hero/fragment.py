"""The hero as a piece of HTML: the control, the drawing at two sizes, and the sentence of the chosen forget bias."""

from carousel.analysis.text import as_number, counted
from carousel.report import names
from carousel.report.hero.lines import Lines
from carousel.report.hero.picture import NARROW, WIDE, svg
from carousel.report.hero.words import entered, sentence

FIRST = "1"  # the forget bias that is shown first, if it is there
UNIT = "unit"  # the drive of input of variance one, whatever the input weights
TITLE = "What is left of an LSTM’s gradient, by steps back from the loss"


def fragment(lines: Lines) -> str:
    """Return the figure. Which forget bias it shows is decided by radio buttons and style alone."""
    first = lines.biases.index(FIRST) if FIRST in lines.biases else 0
    numbers = [bias for bias in lines.biases if as_number(bias) == as_number(bias)]
    why = {bias: entered(lines) for bias in numbers[-1:]}
    said = [
        f'<p class="b b{k}">{sentence(lines, bias)}{why.get(bias, "")}</p>'
        for k, bias in enumerate(lines.biases)
    ]
    return "\n".join([
        f'<figure class="hero" id="hero"><style>{rules(len(lines.biases), first)}</style>',
        control(lines.biases, first),
        *(svg(lines, frame, TITLE) for frame in (WIDE, NARROW)),
        f'<div class="said">{"".join(said)}</div>',
        f"<figcaption>{caption(lines)}</figcaption></figure>",
    ])  # fmt: skip


def control(biases: list[str], first: int) -> str:
    """Return a radio button per forget bias."""
    buttons = [
        f'<label><input type="radio" name="hero-bias" id="hero-{k}"{" checked" * (k == first)}>'
        f"{names.forget_bias(bias)}</label>"
        for k, bias in enumerate(biases)
    ]
    return f"<fieldset><legend>Forget bias of the LSTM</legend>{''.join(buttons)}</fieldset>"


def rules(n: int, first: int) -> str:
    """Return the style that shows the chosen group alone; the first where a browser cannot select by it."""
    shown = [f"figure.hero:has(#hero-{k}:checked) .b{k}{{display:inline}}" for k in range(n)]
    chosen = f"@supports selector(:has(a)){{figure.hero .b{{display:none}}{''.join(shown)}}}"
    return f"figure.hero .b:not(.b{first}){{display:none}}{chosen}"


def caption(lines: Lines) -> str:
    """Return how to read the drawing, and where it was measured."""
    networks = f"{counted(lines.repetitions, 'network')} of {lines.hidden} units [least to most; shaded]"
    return (
        "Norm of the gradient with respect to the state (h and c), over that with respect to the last state: "
        f"geometric mean of {networks}, before training, "
        f"{names.init(lines.init)} init, {lines.length:,} steps of white noise as input, "
        f"{strength(lines.drive)}. "
        f"<em>Forget bias</em>: a number added to what opens the forget gates{drawn(lines)}. "
        "<em>Gates frozen</em>: no error passes a "
        f"gate’s slope. <em>Carousel alone</em>: none passes the recurrent weights."
    )


def strength(drive: str) -> str:
    """Return how strong the input is, in words."""
    if drive == UNIT:
        return "of standard deviation one"
    return f"strong enough to give the net input of a unit a variance of {drive} (its <em>drive</em>)"


def drawn(lines: Lines) -> str:
    """Return what chrono biases are, where the control offers them."""
    said = "; <em>chrono</em> draws it so that the units forget at rates spread over the sequence’s length"
    return said if "chrono" in lines.biases else ""
