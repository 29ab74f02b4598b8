"""Whose words are these: what the writer wrote, apart from quoted letters, signatures and
disclaimers.

A text may answer above the quote, below it, or between its lines; quotes are marked by `>`, `|`, a
colon, initials, or by a head of From, Sent, To and Subject in any language. Nothing here knows a
language: what is recognised is the shape. The phrases that begin a disclaimer or a telephone's
signature are in `rules.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_MARK = re.compile(r"^\s{0,3}(?:[A-Z][A-Za-z]{0,3})?[>|»]")
_COLON = re.compile(r"^:(?:\s|$)")
_LABEL = re.compile(r"^[\s>*_]*\*?[^\W\d_][^:\n]{0,24}\s?\*?\s?:\*?\s*\S")
_RULE = re.compile(r"^\s*[-_=~*─—]{5,}\s*$")
_TITLE = re.compile(r"^\s*[-_─]{2,}\s*[^\W\d_][^\n]{2,60}?[-_─]{2,}\s*:?\s*$")
_ADDRESS = re.compile(r"(?<![^\s<>\"'()\[\]:;,])[^\s<>\"'()\[\]:;,]+@[^\s<>\"'()\[\]:;,]+")
_DATED = re.compile(r"\d{1,2}[:.h]\d{2}|\b\d{4}\b|\d{1,2}[./-]\s?\d{1,2}[./-]")
_HEADER = re.compile(r"^([A-Za-z][A-Za-z0-9-]{1,40}):(?:\s|$)")
_COPY = re.compile(
    r"^[-=_*\s>]*(?:(?:your|the) original message|original message|copy of (?:your|the) message"
    r"|this is a copy|below this line|message headers? follows?|returned message|unsent message"
    r"|message text follows|headers of|copie du message|originalnachricht)\b.{0,60}$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class OwnWords:
    """A text divided."""

    own: str  # what the writer wrote
    quoted: str  # what the writer quotes
    below: str  # signature and disclaimer
    attributed: bool  # a line says whose the quoted words are, as mail programs write it


def divide(
    text: str, ours: frozenset[str] = frozenset(), ends: Callable[[str], bool] = lambda _: False
) -> OwnWords:
    """Divide a text into own words, quotes, and what stands below.

    `ours` are addresses under which we write, in small letters: a line that names one of them and
    ends in a colon begins a quote. `ends` tells of a line whether it begins a disclaimer or a
    telephone's signature.
    """
    lines = text.splitlines()[:4_000]
    colons = sum(1 for line in lines if _COLON.match(line)) > 3
    quoted = [bool(_MARK.match(line)) or (colons and bool(_COLON.match(line))) for line in lines]
    attributed = _attributions(lines, quoted, ours)
    cut = _cut(lines, quoted, ours)
    attributed = attributed or cut < len(lines)
    own: list[str] = []
    away: list[str] = []
    below: list[str] = []
    into = own
    for at, line in enumerate(lines):
        if quoted[at] or at >= cut:
            away.append(_bare(line))
            if into is below and at < cut:
                into = own  # somebody writes on below the quote
            continue
        if (
            into is own
            and line.rstrip(" ") in ("--", "—")
            and (any(o.strip() for o in own) or line == "-- ")
        ) or (into is own and ends(line)):
            into = below
        into.append(line)
    return OwnWords(_joined(own), _joined(away), _joined(below), attributed)


def returned_copy(text: str) -> tuple[str, list[str]]:
    """Divide the text of a report from the copy of our letter below it: its lines begin with
    headers.
    """
    lines = text.splitlines()
    for at, line in enumerate(lines):
        if _COPY.match(line) and any(
            _HEADER.match(below.lstrip()) for below in lines[at + 1 : at + 6]
        ):
            return "\n".join(lines[:at]), lines[at + 1 :]
        found = _HEADER.match(line.lstrip())
        if not found:
            continue
        names = {found[1].casefold()}
        margin = len(line) - len(line.lstrip())
        for below in lines[at + 1 : at + 80]:
            if again := _HEADER.match(below[margin:]):
                names.add(again[1].casefold())
            elif not below.strip() or not below[:1].isspace():
                break
        sure = names & {"received", "return-path", "dkim-signature"} or (
            not margin and names >= {"message-id", "mime-version"}
        )
        if len(names) >= 3 and sure:
            return "\n".join(lines[:at]), [one[margin:] for one in lines[at:]]
    return text, []


def _attributions(lines: list[str], quoted: list[bool], ours: frozenset[str]) -> bool:
    """Mark the lines that say whose the quoted words below them are."""
    found = False
    for at in range(1, len(lines)):
        if not quoted[at] or quoted[at - 1]:
            continue
        above = at - 1
        while above >= 0 and not lines[above].strip() and at - above < 3:
            above -= 1
        said = lines[above].rstrip() if above >= 0 else ""
        if not said or quoted[above] or not said.endswith((":", "：", "writes", "wrote", ":*")):
            continue
        first = above
        while (
            first > max(0, above - 2)
            and lines[first - 1].strip()
            and not _says(" ".join(lines[first : above + 1]))
        ):
            first -= 1
        if _says(" ".join(lines[first : above + 1])) or _names(
            " ".join(lines[first : above + 1]), ours
        ):
            found = True
            for line in range(first, above + 1):
                quoted[line] = True
    return found


def _says(line: str) -> bool:
    return bool(_ADDRESS.search(line) or _DATED.search(line)) and len(line) < 300


def _names(line: str, ours: frozenset[str]) -> bool:
    return any(one.casefold() in ours for one in _ADDRESS.findall(line))


def _cut(lines: list[str], quoted: list[bool], ours: frozenset[str]) -> int:
    """Return the line from which all is quoted: a head of From, Sent, To, Subject, or a rule with a
    title.
    """
    for at, line in enumerate(lines):
        if quoted[at] or not line.strip():
            continue
        if _TITLE.match(line) and _head(lines, at + 1) >= 2:
            return at
        if _RULE.match(line) and _head(lines, at + 1) >= 3:
            return at
        if _LABEL.match(line) and _head(lines, at) >= 3 and _sender_in(lines, at):
            return at
        # "On … Somebody <we@ours> wrote:" with nothing marked below it
        if line.rstrip().endswith(":") and ours and at + 2 < len(lines):
            joined = f"{lines[at - 1]} {line}" if at and lines[at - 1].strip() else line
            if (
                _names(joined, ours)
                and len(joined) < 300
                and (_DATED.search(joined) or "<" in joined)
            ):
                return at - 1 if not _names(line, ours) else at
    return len(lines)


def _head(lines: list[str], at: int) -> int:
    """Count the lines of a head that begins here, blank lines above it left out."""
    while at < len(lines) and not lines[at].strip():
        at += 1
    count = 0
    for line in lines[at : at + 9]:
        if not line.strip():
            if count:
                break
            continue
        if _LABEL.match(line):
            count += 1
        elif not count or (not line[:1].isspace() and len(line) > 90):
            break
    return count


def _sender_in(lines: list[str], at: int) -> bool:
    """Tell a quoted head from a signature that lists telephones: it begins with who wrote, or says
    when.
    """
    return any("@" in line for line in lines[at : at + 2]) or (
        _head(lines, at) >= 4 and any(_DATED.search(line) for line in lines[at + 1 : at + 3])
    )


def _bare(line: str) -> str:
    return re.sub(r"^(?:\s{0,3}(?:[A-Z][A-Za-z]{0,3})?[>|»:]\s?)+", "", line)


def _joined(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip()
