"""Facts about `docs/letters.md`: every placeholder and every setting of `appeal.toml` is explained
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from mailer.letters import appeal_toml
from mailer.letters.wording.usable_words import FILTERS, WORDS
from tests.helpers.letters import ROOT, checked, letter

PAGE = (ROOT / "docs" / "letters.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [word.name for word in WORDS])
def test_placeholder_is_explained(name: str) -> None:
    assert f"`{{{{ {name} }}}}`" in PAGE


def test_filters_are_explained() -> None:
    assert all(f"`{name}`" in PAGE for name in FILTERS if name != "d")


def settings(model: type[BaseModel] = appeal_toml.AppealSettings) -> Iterator[str]:
    """Yield each setting as the page writes it: ``title``, ``[session]` `opens``,
    ``[[organisation]]` `name``.
    """
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *get_args(field.annotation)]
        inner = next(
            (kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None
        )
        if inner is None:
            yield f"| `[{name}]` |" if name == "waived" else f"| `{name}` |"
        else:
            table = (
                f"[[{name}]]"
                if field.annotation is not inner and "tuple" in str(field.annotation)
                else f"[{name}]"
            )
            yield from (f"| `{table}` `{key}` |" for key in inner.model_fields)


@pytest.mark.parametrize("setting", list(settings()))
def test_setting_of_an_appeal_is_explained(setting: str) -> None:
    assert setting in PAGE


def test_no_setting_is_explained_that_is_not_there() -> None:
    table = PAGE.partition("## appeal.toml")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert {"|".join(line.split("|")[:2]) + "|" for line in rows} == set(settings())


def test_letter_of_the_page_is_in_order(tmp_path: Path) -> None:
    found = re.search(r"^    Subject: .*?(?=\n\S)", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    assert checked(tmp_path, en=re.sub(r"^    ", "", found[0], flags=re.MULTILINE)) == []


def test_questions_of_the_page_are_in_order(tmp_path: Path) -> None:
    questions = re.findall(r"^    (\{% .*)$", PAGE, re.MULTILINE)
    assert len(questions) == 6
    assert checked(tmp_path, {"vote 2024"}, en=letter("\n\n".join(questions))) == []
