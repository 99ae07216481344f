"""Where the frame of the page lies: text, style, template and scripts."""

from pathlib import Path

from carousel import project_folder

PACKAGE = Path(__file__).parents[2]
PROJECT = project_folder()
FOLDER = PROJECT / "report"
