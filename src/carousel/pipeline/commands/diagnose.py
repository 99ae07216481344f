"""The commands that diagnose: a checkpoint of one's own, and PyTorch's default LSTM for the page."""

import argparse
import json

from carousel.study.errors import StudyError

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
        report = measured(module, noise.to(next(module.parameters()).dtype), seed=args.seed)
        print(report)
        if args.figure:
            report.figure().savefig(args.figure)
    except (ModuleError, OSError, ValueError) as error:  # of savefig, the last two
        raise StudyError(" ".join(str(error).split())) from None


def diagnosed(args: argparse.Namespace) -> None:
    """Write what is said of PyTorch's default LSTM, and of the same with the recommended forget bias added."""
    import torch

    from carousel.analysis.stats.tables import select
    from carousel.analysis.text import as_number
    from carousel.claims.rules import LAG
    from carousel.diagnosis.diagnose import diagnose as measured
    from carousel.pipeline.validation import table
    from carousel.report.recommendations import SMALLEST
    from carousel.tables.files import write_text

    rows = select(table(args.advice, "advice"), cell="lstm", lag=LAG, choice=SMALLEST)
    biases = [bias for bias in map(as_number, rows["forget_bias"]) if bias == bias]
    torch.manual_seed(1)
    lstm = torch.nn.LSTM(**SHOWN)
    noise = torch.randn(STEPS, SEQUENCES, lstm.input_size)
    said = [{"of": "PyTorch's default LSTM", "said": str(measured(lstm, noise))}]
    for bias in biases:
        with torch.no_grad():
            dict(lstm.named_parameters())["bias_ih_l0"][lstm.hidden_size : 2 * lstm.hidden_size] += bias
        said.append(
            {"of": f"the same with {bias:g} added to its forget bias", "said": str(measured(lstm, noise))}
        )
    write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", args.out)
