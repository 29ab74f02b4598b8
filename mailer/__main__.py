"""`mailer` and `python -m mailer`; where the packages it rests on are missing, one sentence says
what to type.
"""

import gc
import os
import sys
from typing import NoReturn

WRONG_USAGE = 2


def main() -> None:
    os.umask(0o077)  # sheets, letters, the log: whatever is written is for its owner alone
    if sys.version_info < (3, 11):  # noqa: UP036  (whoever starts it by hand may use any)
        version = ".".join(map(str, sys.version_info[:2]))
        _cannot_begin(
            f"the mailer needs Python 3.11 or newer, and this is {version}",
            "make PYTHON=python3.12 demo",
        )
    # Nobody's plugin looks at our settings, and to look for one takes as long as to read them.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    gc.disable()  # until the command is loaded: looking for garbage among modules took a seventh
    try:
        from mailer.cli import cli
    except ModuleNotFoundError as missing:
        if (missing.name or "mailer").partition(".")[0] == "mailer":
            raise
        what = (
            f"this Python ({sys.executable}) lacks the package {missing.name}, which the mailer"
            " needs"
        )
        _cannot_begin(what, "make demo, once, in the project's folder; then .venv/bin/mailer")
    except KeyboardInterrupt:
        _stopped()
    try:
        cli.main()
    except KeyboardInterrupt:  # between two commands of ours; within one they word it themselves
        _stopped()


def _stopped() -> NoReturn:
    sys.stderr.write("\nStopped.\n")
    sys.exit(130)


def _cannot_begin(why: str, hint: str) -> NoReturn:
    sys.stderr.write(f"error: {why}.\n  = {hint}\n")
    sys.exit(WRONG_USAGE)


if __name__ == "__main__":
    main()
