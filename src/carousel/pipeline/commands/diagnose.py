"""The commands that diagnose: a checkpoint of one's own, and PyTorch's default LSTM for the page."""

import argparse
import json
from io import BytesIO
from typing import TYPE_CHECKING

from carousel.study.errors import StudyError
from carousel.tables import files

if TYPE_CHECKING:
    from carousel.diagnosis.result import Diagnosis

STDOUT = "-"

MOST = 10_000_000
SHOWN = {"input_size": 4, "hidden_size": 32}  # the LSTM whose diagnosis the page shows
STEPS, SEQUENCES = 300, 4


def diagnose(args: argparse.Namespace) -> None:
    """Say how far back the gradient of a checkpoint's recurrent layers reaches, on white noise."""
    for name in ("length", "batch", "seed"):
        if not 1 <= getattr(args, name) <= MOST:
            raise StudyError(f"--{name}: found {getattr(args, name)}; allowed: 1 to {MOST}")
    if args.length * args.batch > MOST:
        raise StudyError(f"--length times --batch: found {args.length * args.batch}; allowed: up to {MOST}")
    import torch

    from carousel.diagnosis.checkpoint import load_checkpoint
    from carousel.diagnosis.diagnose import diagnose as measured
    from carousel.diagnosis.layer import ModuleError

    try:
        module = load_checkpoint(args.checkpoint, args.prefix, args.nonlinearity)
        generator = torch.Generator().manual_seed(args.seed)
        noise = torch.randn(args.length, args.batch, module.input_size, generator=generator)
        weight = next(module.parameters())
        report = measured(module, noise.to(weight.dtype), seed=args.seed, advice=args.advice)
        written(report, args)
    except (ModuleError, OSError, ValueError) as error:  # of savefig, the last two
        raise StudyError(" ".join(str(error).split())) from None


def written(report: "Diagnosis", args: argparse.Namespace) -> None:
    """Print the answer, or as JSON where that goes to standard output, and write the files that are wanted."""
    print(report.to_json(indent=1) if str(args.json) == STDOUT else report)
    if args.figure:
        with BytesIO() as file:
            report.figure().savefig(file, format=args.figure.suffix.removeprefix(".") or None)
            drawn = file.getvalue()
        with files.whole(args.figure) as out:
            out.write(drawn)
    if args.html:
        files.write_text(report.to_html() + "\n", args.html)
    if args.json and str(args.json) != STDOUT:
        files.write_text(report.to_json(indent=1) + "\n", args.json)


def diagnosed(args: argparse.Namespace) -> None:
    """Write what is said of PyTorch's default LSTM, and of the same with the recommended forget bias added.

    That is how far back the gradient reaches, and what arrives at which lag.
    """
    import torch

    from carousel.analysis.stats.tables import select
    from carousel.analysis.text import as_number
    from carousel.claims.rules import LAG
    from carousel.diagnosis.diagnose import diagnose as measured
    from carousel.pipeline.validation import table
    from carousel.report.recommendations import SMALLEST

    rows = select(table(args.advice, "advice"), cell="lstm", lag=LAG, choice=SMALLEST)
    biases = [bias for bias in map(as_number, rows["forget_bias"]) if bias == bias]
    torch.manual_seed(1)
    lstm = torch.nn.LSTM(**SHOWN)
    noise = torch.randn(STEPS, SEQUENCES, lstm.input_size)
    network = f"PyTorch's default LSTM (one seed, {SEQUENCES} sequences of {STEPS} steps of white noise)"
    said = [{"of": network, "said": what_it_says(measured(lstm, noise, higher=()))}]
    for bias in biases:
        with torch.no_grad():
            dict(lstm.named_parameters())["bias_ih_l0"][lstm.hidden_size : 2 * lstm.hidden_size] += bias
        with_bias = what_it_says(measured(lstm, noise, higher=()))
        said.append({"of": f"the same with {bias:g} added to its forget bias", "said": with_bias})
    files.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", args.out)


def what_it_says(report: "Diagnosis") -> str:
    """What a diagnosis says of how far back the gradient reaches, and of what arrives there."""
    from carousel.diagnosis.answer import arriving

    return f"{report.sentence} {arriving(report.shares)}"
