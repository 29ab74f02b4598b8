"""A letter in the browser of this computer: as one file with its pictures in it, on the screen, or
as a PDF.

The file fetches nothing, and the browser is told to reach nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import webbrowser
from pathlib import Path

from mailer.base.errors import MailerError, UsageError

PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
SECONDS = 120


def to_screen(html: str, folder: Path) -> Path:
    """Show a letter in the browser that people use; returns the file that it is in."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / "letter.html"
    path.write_text(html, encoding="utf-8")
    if not webbrowser.open(path.absolute().as_uri()):
        raise UsageError(
            f"No browser could be opened. The letter is in {path}.", hint="open that file yourself"
        )
    return path


def to_paper(html: str, to: Path) -> None:
    """Print a letter to a PDF with Chromium, or one of its kind. Raises `UsageError` where none is
    installed.
    """
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise UsageError(
            "A PDF needs Chromium or Chrome, and none was found.",
            hint="--html FILE, then print that from a browser",
        )
    with tempfile.TemporaryDirectory() as folder:
        source, printed = Path(folder) / "letter.html", Path(folder) / "letter.pdf"
        source.write_text(html, encoding="utf-8")
        command = [
            program, "--headless", "--disable-gpu", f"--user-data-dir={folder}/profile",
            "--no-pdf-header-footer", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--disable-extensions", "--no-first-run",
            # it refuses root otherwise
            *(["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []),
            f"--print-to-pdf={printed}", source.as_uri(),
        ]  # fmt: skip
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=SECONDS)  # noqa: S603
            shutil.copyfile(printed, to)
        except (OSError, subprocess.SubprocessError) as fault:
            hint = "--html FILE, then print that from a browser"
            raise MailerError(
                f"{Path(program).name} made no PDF of this letter.", hint=hint
            ) from fault
