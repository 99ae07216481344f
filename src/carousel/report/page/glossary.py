"""The words that a reader new to the subject meets: a literal table, a list of them, and links to it."""

from collections.abc import Mapping

from carousel.axes import STANDARD_DRIVE
from carousel.claims.rules import LAG
from carousel.report.page.markup import attribute, definitions, fold

WORDS: Mapping[str, tuple[str, str]] = {  # how an id ends: the word, what it means
    "gradient": ("gradient", "how much the loss changes with a small change of something, here of the state so many "
                 "steps back; where next to nothing of it arrives, those steps teach nothing at that moment; a "
                 "gradient *by the state* or *by the input* is the one with respect to it"),
    "state": ("state", "what a network carries from step to step: h, and in an LSTM h and c together"),
    "norm": ("norm", "the length of a vector, here of a gradient: the root of the sum of its squares"),
    "lag": ("lag", "how many steps back from the last one"),
    "carousel": ("carousel", "the loop from a memory cell to itself (constant error carousel, CEC); an error on it is "
                 "multiplied by the forget gate alone"),
    "candidate": ("candidate", "what an LSTM offers to its memory cell at each step, a tanh of input and last output"),
    "forget-bias": ("forget bias", "a number added to the net input of every forget gate; the higher, the more open "
                    "the gate, and an open gate keeps what is in the cell"),
    "chrono": ("chrono", "forget biases drawn at random, so that the units forget at rates spread from one step to a "
               "given number of steps"),
    "init": ("init", "how the weights are drawn before training; a library’s *default* is the one that a user gets "
             "who sets nothing, its forget bias included"),
    "orthogonal": ("orthogonal init", "recurrent weights that, at gain 1, keep the norm of every vector"),
    "white-noise": ("white noise", "inputs that are drawn at random, each step independent of all others"),
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
    "margin": ("margin", "the least that counts as a difference"),
    "holm": ("Holm’s p", "a p value corrected for how many parts of a claim are tested together"),
    "backend": ("backend", "one of the two implementations: NumPy with adjoints derived by hand, PyTorch "
                "with autograd"),
    "sealed": ("sealed", "kept as a hash, with commit and date, so that a later change of the rule is seen"),
    "adding": ("adding", "a task: add the two numbers that are marked in a sequence"),
    "copy-two": ("copy two", "a task: copying two symbols, read at the start, at the end of a sequence"),
    "temporal-order": ("temporal order", "a task: tell at the end in which order two symbols came that "
                       "stand far apart"),
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
