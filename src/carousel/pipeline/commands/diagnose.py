"""The command that measures a checkpoint of one's own."""

import argparse

from carousel.study.errors import StudyError

MOST = 10_000_000


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
