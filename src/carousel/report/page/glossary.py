"""The words that a reader new to the subject meets: a literal table, a list of them, and links to it."""

from collections.abc import Mapping

from carousel.axes import STANDARD_DRIVE
from carousel.claims.rules import LAG
from carousel.report.page.markup import attribute, definitions, fold

WORDS: Mapping[str, tuple[str, str]] = {  # how an id ends: the word, what it means
    "gradient": ("gradient", "how much the loss changes with a small change of something, here of the state so many "
                 "steps back; where next to nothing of it arrives, those steps cannot be learned from"),
    "lag": ("lag", "how many steps back from the last one"),
    "carousel": ("carousel", "the loop from a memory cell to itself (constant error carousel, CEC); an error on it is "
                 "multiplied by the forget gate alone"),
    "candidate": ("candidate", "what an LSTM offers to its memory cell at each step, a tanh of input and last output"),
    "forget-bias": ("forget bias", "a number added to the net input of every forget gate; the higher, the more open "
                    "the gate, and an open gate keeps what is in the cell"),
    "chrono": ("chrono", "forget biases drawn at random, so that the units forget at rates spread from one step to a "
               "given number of steps"),
    "init": ("init", "how the weights are drawn before training"),
    "gain": ("gain", "the factor by which an init’s recurrent weights are multiplied"),
    "drive": ("drive", "the variance that the input gives to the net input of a unit; *unit* stands for input of "
              f"variance one instead, and {STANDARD_DRIVE} is the drive at which inits are compared"),
    "decade": ("decade", "a power of ten: −2 decades is a hundredth, 10^−2^"),
    "octave": ("octave", "a power of two: one octave longer is twice as long"),
    "rate": ("rate", "by how many decades a step back changes the gradient, on the mean"),
    "half-life": ("half-life", "the steps back in which a gradient halves"),
    "vanished": ("vanished", f"less than a tenth is left at lag {LAG}, of the gradient by the last state where nothing "
                 "else is said"),
    "saturated": ("saturated", "where a sigmoid or tanh is flat, so that its slope is near zero"),
    "setting": ("setting", "one choice of everything that is varied: cell, init, gain, forget bias, drive, width, "
                "length, training"),
    "repetition": ("repetition", "one seed: other weights and other inputs in the same setting"),
    "slice": ("slice", "a part of the study that varies a few factors and holds the others"),
    "censored": ("censored", "known on one side only: a run that solves the longest sequence tried might solve longer "
                 "ones"),
}  # fmt: skip
SUMMARY = "The words used here"


def term(name: str, shown: str = "") -> str:
    """A word with what it means as its title, and a link to the list; ``shown`` where it stands in another form."""
    word, meaning = WORDS[name]
    title = attribute(meaning.replace("*", "").replace("10^−2^", "10⁻²"))
    return f'[{shown or word}](#word-{name}){{.term title="{title}"}}'


def glossary() -> str:
    """All words with what they mean, behind a line that opens them."""
    return fold(
        SUMMARY, definitions((f"[{word}]{{#word-{name}}}", text) for name, (word, text) in WORDS.items())
    )
