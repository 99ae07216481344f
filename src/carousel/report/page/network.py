"""How to look at a network of one's own, and what that says of PyTorch's default LSTM."""

import json
from types import SimpleNamespace

from carousel.report.page.markup import escape

CODE = """\
import carousel

# lstm: a torch.nn.RNN, LSTM or GRU, or a cell
# of your own; it stays as it was
# batch: a tensor [steps, sequences, inputs],
# longer than the lag that you need
print(carousel.diagnose(lstm, batch))
"""


def network(data: SimpleNamespace) -> str:
    """The code, its output, and what a gradient that arrives does not rule out."""
    text = (
        "The same measurement takes a module of your own and a batch of its data, in the environment that "
        f"`make report` makes in a clone of the repository ([how to run it](#again)):\n\n```python\n{CODE}```\n"
    )
    said = json.loads((data.results / "diagnosed.json").read_text("utf-8"))
    shown = "\n\n".join(f"Of {escape(entry['of'])} it says: *{escape(entry['said'])}*" for entry in said)
    return f"{text}\n{shown}\n\n{NOT_RULED_OUT}\n"


NOT_RULED_OUT = (
    "Is the lag of your task within what it reports? If not, set the forget bias. If it is, look elsewhere: the "
    "learning rate, clipping, a loss that is read at the end alone. Truncation in time (truncated back-propagation) "
    "ends every gradient at its own length, whatever the cell; it is not judged here."
)
