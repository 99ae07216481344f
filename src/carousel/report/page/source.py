"""Where the frame of the page lies: text, style, template and scripts."""

from pathlib import Path

PACKAGE = Path(__file__).parents[2]
FOLDER = PACKAGE.parents[1] / "report"
"""report/ of the checkout."""
