"""Values that a letter compares with: each must exist, or nobody, or everybody, would read the
sentence.

    {% if role == "substitut" %} … {% if delegation == "Swizerland" %} … {% if group == "EPP" %}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

from jinja2 import nodes

from mailer.base.delegations import Delegations
from mailer.base.errors import Problem
from mailer.base.spelling import nearest
from mailer.contacts.sheets import vocabulary
from mailer.letters.appeal_toml import ROLES, Credentials
from mailer.letters.placeholders import Source, parsed
from mailer.letters.wording.words import delegation_name


def check(source: Source, delegations: Delegations) -> Iterator[Problem]:
    """Yield a problem (L240) for each compared value that nothing has; the source's questions must
    be written rightly.
    """
    for word, value, line in _compared(parsed(source)):
        there_are = _values(word, source.language, delegations)
        if not there_are or value in there_are:
            continue
        meant = _meant(word, value, source.language, delegations) or nearest(value, there_are)
        if word == "group" and not meant:
            continue  # the sheets may have groups of their own
        hint = f'did you mean "{meant}"?' if meant else f"there are: {', '.join(there_are[:8])}"
        hint += " …" if not meant and len(there_are) > 8 else ""
        yield source.problem("L240", f"no {word} is called so", line, find=value, hint=hint)


def _values(word: str, language: str, delegations: Delegations) -> Sequence[str]:
    if word == "role":
        return ROLES
    if word == "session.credentials":
        return get_args(Credentials)
    if word == "group":
        return list(dict.fromkeys(vocabulary.table("group").values()))
    if word == "delegation":
        return [delegation_name(one.code, language, delegations) for one in delegations.members]
    return ()


def _meant(word: str, value: str, language: str, delegations: Delegations) -> str:
    """Return the value that is meant by another word for it: EPP, CH, Suisse."""
    if word in ("role", "group"):
        return vocabulary.meaning(word, value) or ""
    if word == "delegation" and (row := delegations.find(value)):
        return delegation_name(row.code, language, delegations)
    return ""


def _compared(tree: nodes.Template) -> Iterator[tuple[str, str, int]]:
    """Yield (word, value, line) for each text that a question compares a word with."""
    for one in tree.find_all(nodes.Compare):
        sides: list[nodes.Node] = [one.expr, *(operand.expr for operand in one.ops)]
        for word in filter(None, map(_word, sides)):
            yield from ((word, value, one.lineno) for side in sides for value in _texts(side))
    for test in tree.find_all(nodes.Test):
        if (word := _word(test.node)) and test.name in ("eq", "ne", "equalto", "in"):
            yield from ((word, value, test.lineno) for arg in test.args for value in _texts(arg))


def _word(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return ""


def _texts(node: nodes.Node) -> Iterator[str]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.List | nodes.Tuple):
        for item in node.items:
            yield from _texts(item)
