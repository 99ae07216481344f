"""The command that looks at a run from another terminal. It reads files alone: stopping it does the run no harm."""

import argparse
import sys
import time
from pathlib import Path

from carousel.pipeline.run import progress
from carousel.pipeline.run.screen import Screen, summary


def watch(args: argparse.Namespace) -> None:
    """Show what a run is doing, until it ends."""
    try:
        follow(args.results, args.once)
    except KeyboardInterrupt:
        print()


def follow(results: Path, once: bool) -> None:
    """Show the run in `results` again and again; its last state alone where there is no terminal."""
    screen = Screen(sys.stdout)
    while run := progress.read(results, time.time()):
        if run.over:
            screen.print(summary(run))
            return
        screen.draw(run)
        if once or not screen.live:
            return
        time.sleep(1.0)
    print(f"{results}: no run has been here")
