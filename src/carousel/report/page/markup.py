"""Values as pandoc Markdown that Quarto reads too: escaped text, numbers, tables."""

import math
import re
from collections.abc import Iterable, Sequence
from html import escape as escape_html

from carousel.analysis.text import MINUS

SYMBOLS = {"supported": "●", "depends": "◐", "refuted": "✕", "inconclusive": "○"}
VERDICTS = tuple(SYMBOLS)


def escape(text: object) -> str:
    """Text as Markdown that shows it unchanged on one line: every ASCII punctuation mark is escaped."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(str(text).split()))


MATHEMATICS = (  # in escaped text: how plain text writes it, and how it is set
    (r"(\d)e(−?)(?:\\-)?(\d+)", lambda found: f"{found[1]} × 10^{found[2] or MINUS * ('-' in found[0])}{found[3]}^"),
    (r"(?<!\d)1 × 10\^", lambda found: "10^"),
    (r"\\\^(−?(?:\d+(?:\\\.\d+)?|[a-z]\b))", lambda found: f"^{found[1]}^"),
    (r"\\\^\\\((\w)\\-(\w)\\\)", lambda found: f"^{found[1]}{MINUS}{found[2]}^"),
    (r"(?<=\d)\\%", lambda found: f"\N{NO-BREAK SPACE}{found[0]}"),
    (r"\b(d?[a-zA-Z])\\_(?:\\\{(\w+)\\-(\w+)\\\}|([a-zA-Z]+)\b)",
     lambda found: f"*{found[1]}*~{found[4] or f'{found[2]}{MINUS}{found[3]}'}~"),
    (r"\bsigma(\\')?", lambda found: "σ′" if found[1] else "σ"),
    (r"\bphi(\\')?", lambda found: "φ′" if found[1] else "φ"),
    (r"(?<=[a-zA-Z])\\'(?=s\b)|(?<=s)\\'(?= )", lambda found: "’"),
)  # fmt: skip


def prose(text: object) -> str:
    """Text as Markdown, with mathematics and apostrophes as such."""
    shown = escape(text)
    for pattern, setting in MATHEMATICS:
        shown = re.sub(pattern, setting, shown)
    return shown


def number(value: float) -> str:
    """Three significant digits with a true minus; as many more near one as tell it from one."""
    if not math.isfinite(value):
        return "not measured" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    gap = abs(1 - abs(value))
    digits = min(9, math.ceil(-math.log10(gap))) if 0 < gap < 0.01 else 0
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.3g}"
    mantissa, _, exponent = text.replace("-", MINUS).partition("e")
    return f"{mantissa} × 10^{exponent[0].strip('+')}{exponent[1:].lstrip('0')}^" if exponent else mantissa


def interval(low: float, high: float) -> str:
    """`[low, high]`, or nothing where there is none or both ends read the same."""
    if math.isnan(low) or math.isnan(high) or number(low) == number(high):
        return ""
    return f"\\[{number(low)}, {number(high)}\\]"


def verdict(word: str) -> str:
    """The verdict as a word with a class for its colour. Raises ValueError for an unknown one."""
    if word not in VERDICTS:
        raise ValueError(f"unknown verdict {word!r}; allowed: {', '.join(VERDICTS)}")
    return f"[{word}]{{.verdict .{word}}}"


def table(name: str, head: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> str:
    """A pipe table in a box that scrolls; cells are Markdown already, `widths` are relative."""
    lines = [head, ["-" * width for width in widths], *rows]
    body = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    label = escape_html(name, quote=True)
    return f'::: {{.scroll role="region" tabindex="0" aria-label="{label}"}}\n{body}\n:::\n'


def div(name: str, body: str, colons: int = 3) -> str:
    """A block of class `name`; more colons where the body holds a block itself."""
    return f"{':' * colons} {name}\n{body.rstrip()}\n{':' * colons}\n"


def html(text: str) -> str:
    """A piece of HTML, which both renderers leave as it is."""
    return f"```{{=html}}\n{text}\n```\n"


def attribute(text: object) -> str:
    """Text for HTML, inside an attribute too."""
    return escape_html(str(text), quote=True)


def link(claim: str) -> str:
    """A claim's id as a link to its section."""
    return f"[{claim}](#{claim})"


def fold(summary: str, body: str) -> str:
    """Markdown without headings behind a line that opens it."""
    return f"{html(f'<details><summary>{summary}</summary>')}\n{body}\n{html('</details>')}"


def definitions(pairs: Iterable[tuple[str, str]]) -> str:
    """A definition list; pairs with an empty text are left out."""
    shown = ((term, text.replace("\n", "\n    ")) for term, text in pairs if text)
    return "\n".join(f"{term}\n:   {text}\n" for term, text in shown)


def per_cent(value: float, digits: int = 0) -> str:
    """Return a share between 0 and 1 in per cent, whole or with so many digits after the point."""
    return f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"
