"""What the files that go with letters tell besides what they show: who made them and where, what
was commented and crossed out, what runs when they are opened.

`told` names it, `stripped` takes it out with kept libraries (pypdf, Pillow, lxml), and what it
cannot take out, or look into, it says. What readers see stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path, PurePosixPath

from mailer.base.errors import MailerError, Problem, Severity
from mailer.base.files import read_inside
from mailer.base.problems import problem
from mailer.contacts import limited_process
from mailer.letters.appeal import Appeal

AUTHOR = "author: "
NOT_READ = "something that cannot be read"


@dataclass(frozen=True, slots=True)
class FileTells:
    """One file that goes with letters, and what it tells besides what it shows."""

    file: str  # in the workspace
    size: int  # bytes
    tells: tuple[str, ...]  # "author: Jana Novák", "tracked changes", "place (GPS)"
    waived: str = ""  # why that is right

    @property
    def made_by(self) -> tuple[str, ...]:
        return tuple(one.removeprefix(AUTHOR) for one in self.tells if one.startswith(AUTHOR))


def files(appeal: Appeal) -> Iterator[FileTells]:
    """Yield the files of an appeal, each with what it tells."""
    for file in sorted(appeal.files):
        if "/files/" in file:
            size, tells = _read(appeal.root, file, appeal.files[file])
            own = file.partition(f"templates/{appeal.name}/")[2]
            yield FileTells(file, size, tells, appeal.waived.get(own, ""))


@lru_cache(maxsize=256)
def _read(root: Path, file: str, _digest: str) -> tuple[int, tuple[str, ...]]:
    """Return the size of a file and what it tells; a big PDF takes a second, and is asked often."""
    raw, _ = read_inside(root, root / file)
    return len(raw), what_it_tells(file, raw)


def told(appeal: Appeal) -> Iterator[Problem]:
    """Yield a warning (L174) for each file of an appeal that tells more than it shows, a note where
    `[waived]` says why that is right.
    """
    for one in files(appeal):
        if one.tells:
            yield problem(
                "L174",
                one.file,
                value="; ".join(one.tells)[:200],
                suggestion=one.waived or f"take it out: mailer letters strip {appeal.name}",
                severity=Severity.NOTE if one.waived else None,
            )


SECONDS, MEMORY = 20, 1_000_000_000
"""What one file may cost: a few kilobytes of PDF or DOCX can unpack to gigabytes."""


def what_it_tells(file: str, raw: bytes) -> tuple[str, ...]:
    """Return what a file tells besides what it shows, in words; it is looked into in a child."""
    if PurePosixPath(file).suffix.lower() not in _MODULES:
        return ()
    function = f"{__name__}:{telling.__name__}"
    try:
        found = limited_process.ask(function, raw, (file,), seconds=SECONDS, memory=MEMORY)
    except limited_process.GivenUp:
        found = [NOT_READ]
    return tuple(dict.fromkeys(found))


def telling(raw: bytes, file: str) -> Iterator[str]:
    kind = _kind(file)
    yield from kind[0](raw) if kind else ()


def stripped(file: str, raw: bytes) -> bytes:
    """Return a file without what it tells besides what it shows; unchanged if it tells nothing.

    Raises `MailerError` where that cannot be done: a password, a signature that would break.
    """
    kind = _kind(file)
    if kind is None or not what_it_tells(file, raw):
        return raw
    try:
        return kind[1](raw)
    except MailerError:
        raise
    except Exception as error:  # what any of the libraries makes of a broken file
        raise MailerError(f"{file} cannot be read: {error}", hint="save it anew") from error


Tells = Callable[[bytes], Iterator[str]]
Strips = Callable[[bytes], bytes]


_MODULES = {
    ".pdf": "pdf",
    **dict.fromkeys((".docx", ".xlsx", ".odt", ".ods"), "office"),
    **dict.fromkeys((".jpg", ".jpeg", ".png"), "photographs"),
}
"""Which module knows files of this kind; each loads its library, so it is loaded when asked."""


def _kind(file: str) -> tuple[Tells, Strips] | None:
    name = _MODULES.get(PurePosixPath(file).suffix.lower())
    if name is None:
        return None
    module = import_module(f"{__name__}.{name}")
    return module.tells, module.stripped
