"""The explorer: the box that explorer.js fills, with the curves, the drawing's specification and Vega in the page."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from carousel.analysis.names import PATHS as ROUTES
from carousel.report import names
from carousel.report.explorer import PATHS as DRAWN
from carousel.report.page.source import FOLDER

PATHS = {path: ROUTES[path] for path in DRAWN}

LISTS = {"cell": "Cell", "init": "Init", "forget_bias": "Forget bias", "length": "Length, steps",
         "training": "Training", "path": "Path"}  # fmt: skip
BOX = """\
<noscript><p>The explorer is the only part of this page that needs JavaScript, which is off. \
<a href="#decay">Decay, setting by setting</a> has the rates as tables.</p></noscript>
<div id="explorer-box" class="explorer" hidden>
<div class="choices" role="group" aria-label="What to show">{lists}</div>
<div id="explorer-chart"></div>
<p class="legend"><span class="key curve">mean over repetitions, with its 95 % interval</span>
<span class="key law" id="explorer-law">slope by theory</span></p>
<p id="explorer-summary" role="status"></p>
<p><a id="explorer-link" href="#explorer">Link to this view</a></p>
<details><summary>The curve as a table</summary>
<div class="scroll" role="region" tabindex="0" aria-label="The curve as a table">
<table><thead><tr><th scope="col">Lag</th><th scope="col">Gradient, decades</th><th scope="col">Low</th>\
<th scope="col">High</th></tr></thead><tbody id="explorer-rows"></tbody></table></div></details>
</div>"""
LIST = '<p><label for="explorer-{name}">{label}</label><select id="explorer-{name}"></select></p>'


def explorer(data: SimpleNamespace) -> str:
    """The box and its scripts as one raw block; a sentence where the study has no curve to show."""
    if not data.explorer["settings"]:
        return "This study has no curve to explore."
    text = (data.results / "explorer.json").read_text("utf-8")
    lists = "".join(LIST.format(name=name, label=label) for name, label in LISTS.items())
    parts = [
        BOX.format(lists=lists),
        packed(text, "explorer-data"),
        script(json.dumps(said(data.explorer["factors"])), "explorer-names"),
        script(file("explorer.vg.json"), "explorer-spec"),
        f"<script>\n/*! Vega\n{file('vega.license.txt')}*/\n{file('vega.min.js')}\n</script>",
        f"<script>\n{file('explorer.js')}</script>",
    ]
    return "```{=html}\n" + "\n".join(parts) + "\n```\n"


def packed(text: str, name: str) -> str:
    """JSON compressed by gzip, in base64, as an element that scripts read: the curves take a quarter of their size."""
    data = base64.b64encode(gzip.compress(text.strip().encode(), mtime=0)).decode()
    return f'<script type="application/gzip" id="{name}">{data}</script>'


def said(factors: Mapping[str, Sequence[object]]) -> dict[str, dict[str, str]]:
    """What the lists call each value of a factor, and the paths."""
    words = {
        name: {str(value): names.value(name, str(value)) for value in found}
        for name, found in factors.items()
    }
    return words | {
        "training": {stage: stage_in_words(stage) for stage in words.get("training", {})},
        "path": PATHS,
    }


def stage_in_words(stage: str) -> str:
    """A stage of training: "no", or a task and a step as in "adding:300"."""
    task, _, step = stage.partition(":")
    return "before training" if task == "no" else f"{names.task(task)}, after {int(step):,} steps"


def file(name: str) -> str:
    """The text of a file of report/."""
    return (FOLDER / name).read_text("utf-8")


def script(text: str, name: str) -> str:
    """JSON as an element that scripts read; nothing in it can end the element."""
    safe = text.strip().replace("<", "\\u003c")
    return f'<script type="application/json" id="{name}">{safe}</script>'
