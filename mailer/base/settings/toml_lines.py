"""TOML files whose mistakes are told with their line: `tomllib` gives values, this module says
where they stand.

`tomllib` has no positions and pydantic names a path (`smtp`, `port`) without a line. A scan of the
text for keys, tables, inline tables and arrays (TOML 1.0) joins the two. The scan trusts that
`tomllib` has read the file before.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict
from pydantic_core import ErrorDetails, PydanticCustomError

from mailer.base.errors import Problem
from mailer.base.problems import problem
from mailer.base.spelling import nearest

Path = tuple[str | int, ...]
"""The way to a value, as pydantic writes it: `("safety", "allow", 1)`."""

PIECE = re.compile(
    r"""(?P<blank>[ \t\r]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<text>\"""(?:\\.|[^\\])*?\"""+|'''.*?'''+|"(?:\\.|[^"\\\n])*"|'[^'\n]*')
    |(?P<mark>[\[\]{}=,.])
    |(?P<word>[^\s\#"'\[\]{}=,.]+)""",
    re.VERBOSE | re.DOTALL,
)
DEEPEST = 20
_DEEP = re.compile(rf"\.(?:[ \t]*[\"'\w-]+[ \t]*\.){{{DEEPEST}}}")

AT = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")

WORDS = {
    "missing": "is missing",
    "bool_parsing": "must be true or false, without quotes",
    "bool_type": "must be true or false, without quotes",
    "date_from_datetime_inexact": "must be a date without a time, like 2027-01-25",
    "date_from_datetime_parsing": "must be a date, like 2027-01-25, without quotes",
    "date_type": "must be a date, like 2027-01-25, without quotes",
    "dict_type": "must be a table, like {{ FR = … }}",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "model_type": "must be a table",
    "string_too_short": "must not be empty",
    "string_type": "must be text in quotes",
    "too_short": "must not be empty",
    "tuple_type": 'must be a list, like ["…", "…"]',
}
"""Pydantic's kinds of error in plain words; a kind that is not here keeps pydantic's own sentence.
"""


class TomlTable(BaseModel):
    """A table of a TOML file; a setting that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class TomlFile:
    name: str  # for messages, relative to the workspace: "config.toml"
    text: str
    values: dict[str, Any]

    @classmethod
    def parse(cls, text: str, name: str) -> TomlFile:
        """Read TOML; `tomllib.TOMLDecodeError` when it is none."""
        if deep := _DEEP.search(text):  # each part costs as much as all before it
            line = text.count("\n", 0, deep.start()) + 1
            message = f"A key has more than {DEEPEST} parts (at line {line}, column 1)"
            raise tomllib.TOMLDecodeError(message)
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            raise
        except (RecursionError, ValueError) as error:
            message = "Lists are nested too deep, or a number is too long (at end of document)"
            raise tomllib.TOMLDecodeError(message) from error
        return cls(name, text, values)

    @cached_property
    def lines(self) -> dict[Path, int]:
        """The line of every key and every item of a list, from 1; where nothing is wrong, nobody
        asks for it.
        """
        return dict(_Scan(self.text).keys())

    def line_of(self, path: Path) -> int | None:
        """Return the line that sets `path`, or that of the nearest table around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)


def syntax_problem(error: tomllib.TOMLDecodeError, text: str, name: str, code: str) -> Problem:
    """Word what `tomllib` says, with the line it names; "end of document" is the last line."""
    said = str(error)
    at = AT.search(said)
    line = int(at[1]) if at and at[1] else text.count("\n") + 1
    message = f"this line cannot be read: {AT.sub('', said)}"
    hint = "text stands in quotes, a list in [ ], and every setting is written  name = value"
    return problem(
        code, name, row=line, column=at[2] if at else None, message=message, suggestion=hint
    )


def wrong(
    code: str, message: str, suggestion: str | None = None, *, show: bool = True
) -> PydanticCustomError:
    """Make the error that a validator raises: its problem code, one sentence, what to do; `show`
    the value or not.
    """
    return PydanticCustomError(
        code, "{message}", {"message": message, "suggestion": suggestion, "show": show}
    )


def problem_of(
    error: ErrorDetails, model: type[BaseModel], *, unknown: str, missing: str, value: str
) -> Problem:
    """Word one pydantic error, without its place. The three codes are for unknown keys, missing
    keys, wrong values.

    The value of an unknown key is not repeated: it may be a password under a misspelt name.
    """
    path = tuple(step for step in error["loc"] if step != "[key]")
    name, kind, context = (
        ".".join(step for step in path if isinstance(step, str)),
        error["type"],
        error.get("ctx", {}),
    )
    if kind == "extra_forbidden":
        close = nearest(str(path[-1]), keys_of(model, path[:-1]))
        hint = f'did you mean "{close}"?' if close else ""
        return problem(unknown, message=f"{name}: this is not a setting", suggestion=hint)
    if kind == "missing":
        return problem(missing, message=f"{name}: {WORDS[kind]}", suggestion="")
    given = error["input"]
    seen = str(given) if isinstance(given, str | int | float) and context.get("show", True) else ""
    if "message" in context:
        return problem(
            kind,
            value=seen,
            message=f"{name}: {context['message']}",
            suggestion=context["suggestion"] or "",
        )
    words = WORDS[kind].format(**context) if kind in WORDS else error["msg"]
    hint = ""
    if kind == "literal_error":
        close = nearest(seen, re.findall(r"'([^']*)'", context["expected"]))
        hint = f'did you mean "{close}"?' if close else ""
    return problem(value, value=seen, message=f"{name}: {words}", suggestion=hint)


def keys_of(model: type[BaseModel], path: Path = ()) -> list[str]:
    """Return the keys that a table of the model knows, as they are written in the file; none where
    anything goes.
    """
    for step in path:
        fields = {
            field.alias or name: field.annotation for name, field in model.model_fields.items()
        }
        inner = fields.get(str(step))
        kinds = [
            kind
            for kind in (inner, *get_args(inner))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not kinds:
            return []
        model = kinds[0]
    return [field.alias or name for name, field in model.model_fields.items()]


class _Scan:
    """One walk over the pieces of a TOML text."""

    def __init__(self, text: str) -> None:
        self.pieces: list[
            tuple[str, int]
        ] = []  # without blanks and comments; "\n" stays, it ends a value
        line = 1
        for match in PIECE.finditer(text):
            if match.lastgroup != "blank":
                self.pieces.append((match[0], line))
            line += match[0].count("\n")
        self.at = 0
        self.items: dict[Path, int] = {}  # how many [[…]] of this name so far

    def keys(self) -> Iterator[tuple[Path, int]]:
        table: Path = ()
        while self.at < len(self.pieces):
            piece, line = self.pieces[self.at]
            if piece == "\n":
                self.at += 1
            elif piece == "[":
                table = self._header()
                yield table, line
            else:
                yield from self._pair(table)

    def _header(self) -> Path:
        brackets = 0
        while self._take("["):
            brackets += 1
        path: Path = ()
        for key in self._key():
            path += (key,)
            if path in self.items:  # [a.b] below [[a]] belongs to the last a
                path += (self.items[path] - 1,)
        if brackets == 2:
            path = path[:-1] if isinstance(path[-1], int) else path
            self.items[path] = self.items.get(path, 0) + 1
            path += (self.items[path] - 1,)
        while self._take("]"):
            pass
        return path

    def _pair(self, table: Path) -> Iterator[tuple[Path, int]]:
        line = self.pieces[self.at][1]
        path = table
        for key in self._key():
            path += (key,)
            yield path, line
        self._take("=")
        yield from self._value(path)

    def _value(self, path: Path) -> Iterator[tuple[Path, int]]:
        if self._take("{"):
            while not self._take("}"):
                if not (self._take("\n") or self._take(",")):
                    yield from self._pair(path)
        elif self._take("["):
            item = 0
            while not self._take("]"):
                if not (self._take("\n") or self._take(",")):
                    yield (*path, item), self.pieces[self.at][1]
                    yield from self._value((*path, item))
                    item += 1
        else:
            while self.at < len(self.pieces) and self.pieces[self.at][0] not in (
                "\n",
                ",",
                "]",
                "}",
            ):
                self.at += 1

    def _key(self) -> Iterator[str]:
        while self.at < len(self.pieces) and self.pieces[self.at][0] not in ("=", "]", "\n"):
            piece = self.pieces[self.at][0]
            self.at += 1
            if piece != ".":
                yield piece[1:-1] if piece[0] in "\"'" else piece

    def _take(self, mark: str) -> bool:
        found = self.at < len(self.pieces) and self.pieces[self.at][0] == mark
        self.at += found
        return found
