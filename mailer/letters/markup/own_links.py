"""Links that are a person's own: whoever opens one tells its site who reads.

A link may hold what is the same for everybody: the session, a fact, the sender. What comes from a
person's row makes a link of their own, unless the appeal declares it (`personal_links`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailer.base.errors import Problem
from mailer.letters.markup.dialect import parse
from mailer.letters.placeholders import JINJA, SLOT, Source, slot

OF_ALL = {"session", "fact", "sender"}
_ROOT = re.compile(r"\{\{-?\s*(\w+)")


def check(source: Source) -> Iterator[Problem]:
    """Yield a problem (L228) for each link into which a person's own words are put."""
    words: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        lines = "\n" * match[0].count("\n")
        if not match[0].startswith("{{"):
            return lines
        words.append(match[0])
        return slot(len(words) - 1) + lines

    for block in parse(JINJA.sub(numbered, source.text)):
        for token in block.children or ():
            if token.type != "link_open":
                continue
            for found in SLOT.finditer(str(token.attrs["href"])):
                word = words[int(found[1])]
                root = _ROOT.match(word)
                if root and root[1] not in OF_ALL:
                    at = [one.start() for one in JINJA.finditer(source.text) if one[0] == word]
                    yield source.at("L228", _OWN, at[-1], word, _SAME)


_OWN = "this gives each person a link of their own, which tells its site who reads"
_SAME = 'write the same address for everybody, or declare it in appeal.toml: personal_links = "why"'
