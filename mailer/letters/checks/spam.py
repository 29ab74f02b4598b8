"""What a spam filter of this computer thinks of a letter: SpamAssassin, without the network.

It is asked where it is installed; nothing leaves this computer. Its rules say what an untrained
filter sees in the words and in the build of a letter. How a parliament's filter knows the sender,
no program here can tell.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem

SECONDS = 120
"""It reads a thousand rules at each start; on a busy computer that takes a while."""

_SCORE = re.compile(r"^X-Spam-Status: \w+, score=(-?[\d.]+) required=(-?[\d.]+)", re.MULTILINE)
_RULE = re.compile(r"^ *(-?\d+(?:\.\d)?) ([A-Z][A-Z0-9_]+) +(.*(?:\n {27,}.*)*)", re.MULTILINE)
_KNOWS_US = {
    "NO_RECEIVED",
    "NO_RELAYS",
}  # said of everything that has not come over the network yet


@dataclass(frozen=True, slots=True)
class Opinion:
    """The score of one letter, and the rules that made it, the dearest first."""

    score: float
    limit: float  # from here on it is called spam
    rules: tuple[tuple[float, str, str], ...]  # points, name of the rule, what it says


def program() -> str | None:
    """Return where SpamAssassin is, None where it is not installed."""
    return shutil.which("spamassassin")


def opinion(raw: bytes) -> Opinion | None:
    """Ask SpamAssassin about a finished letter; None where it is not installed or says nothing."""
    found = program()
    if found is None:
        return None
    command = [found, "--local", "--test-mode", "--nocreate-prefs"]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            input=raw.replace(b"\r\n", b"\n"),
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    said = done.stdout.decode("utf-8", "replace")
    score = _SCORE.search(said)
    if score is None:
        return None
    rules = [
        (float(points), name, " ".join(words.split()))
        for points, name, words in _RULE.findall(said.rpartition("Content analysis details:")[2])
        if name not in _KNOWS_US and float(points)
    ]
    return Opinion(float(score[1]) + 0.0, float(score[2]), tuple(sorted(rules, reverse=True)))


def problems(opinion: Opinion, file: str) -> list[Problem]:
    """Return what is to be said of a letter that got points (L237): a warning where it would be
    called spam.
    """
    if opinion.score <= 0:
        return []
    score, limit = f"{opinion.score:.1f}", f"{opinion.limit:g}"
    return [
        problem(
            "L237",
            file,
            value="; ".join(
                f"{points:g} {name}: {words}" for points, name, words in opinion.rules[:3]
            ),
            message=(
                f"a spam filter gives this letter {score} points, and calls it spam from {limit} on"
            ),
            suggestion="write it otherwise: a parliament's filter may see the same",
            severity=Severity.WARNING if opinion.score >= opinion.limit else Severity.NOTE,
        )
    ]
