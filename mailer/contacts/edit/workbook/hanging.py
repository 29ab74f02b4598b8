"""What hangs on the rows of an XLSX, and moves with them: merged cells, links, drop-downs, formats,
filters, sparklines, comments and their boxes, pictures, tables, named areas.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator
from html import escape
from xml.parsers.expat import ParserCreate

from mailer.base.errors import Refused
from mailer.contacts.contact import reference
from mailer.contacts.edit.alignment import TabHome, moved_range
from mailer.contacts.sheets.xlsx import number_of, tabs

AREA = re.compile(r"(\$?)([A-Z]{1,3})(\$?)(\d+)(?::(\$?)([A-Z]{1,3})(\$?)(\d+))?")
_RULE = re.compile(r"(<(?:\w+:)?(?:formula[12]?|f)>)([^<]*)(</)")
_OF_THIS_ROW = re.compile(
    r"&quot;.*?&quot;|\"[^\"]*\"|(?:'[^']*'|[\w.]+)!\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?"
    r"|(?<![\w.$])(\$?[A-Z]{1,3})(\d+)(?![\w.(!])"
)
"""What a formula quotes, or names of another tab, and cells that it names by their distance."""
_ANCHOR = re.compile(r"<((?:\w+:)?)(?:two|one)CellAnchor\b.*?</\1(?:two|one)CellAnchor>", re.DOTALL)
_ANCHORED = re.compile(r"(<(?:\w+:)?row>)(\d+)(</)")

_HANGING = {
    "mergeCell": "ref",
    "hyperlink": "ref",
    "dataValidation": "sqref",
    "conditionalFormatting": "sqref",
    "autoFilter": "ref",
    "ignoredError": "sqref",
    "protectedRange": "sqref",
    "sortState": "ref",
    "sortCondition": "ref",
    "dimension": "ref",
    "sqref": "",
}
"""Elements that name cells, and the attribute that does."""


def _moved(ref: str, home: TabHome) -> str:
    """Return a list of cells and areas after the move; empty if all their rows are gone."""
    found: list[str] = []
    for area in ref.split():
        match = AREA.fullmatch(area)
        if match is None:
            found.append(area)
            continue
        first, last = int(match[4]), int(match[8] or match[4])
        right = match[6] or match[2]
        for top, bottom in moved_range(first, last, home):
            whole = f"{match[1]}{match[2]}{match[3]}{top}"
            if match[8]:
                whole += f":{match[5]}{right}{match[7]}{bottom}"
            elif bottom != top:
                whole += f":{match[1]}{right}{match[3]}{bottom}"
            found.append(whole)
    return " ".join(found)


def hang_anew(text: str, home: TabHome) -> str:
    """Move every element that names cells; one whose rows are all gone goes, too."""
    names = "|".join(name for name, attribute in _HANGING.items() if attribute)
    pattern = re.compile(
        rf'<((?:\w+:)?)({names})\b([^>]*?\s)(ref|sqref)="([^"]*)"([^>]*?)(/>|>(?:.*?)</\1\2>)',
        re.DOTALL,
    )

    def rewrite(found: re.Match[str]) -> str:
        ref = _moved(found[5], home)
        if found[2] == "mergeCell" and (" " in ref or ":" not in ref or _one_cell(ref)):
            ref = ""
        if not ref:
            return ""
        inside = found[7]
        if found[2] in ("conditionalFormatting", "dataValidation"):
            inside = _from_another_row(inside, _top(ref) - _top(found[5]))
        return f'<{found[1]}{found[2]}{found[3]}{found[4]}="{ref}"{found[6]}{inside}'

    text = pattern.sub(rewrite, text)
    text = _merged_as_in_the_copy(text, home)
    for group in ("mergeCells", "hyperlinks", "dataValidations"):
        text = re.sub(rf"<(?:\w+:)?{group}\b[^>]*>\s*</(?:\w+:)?{group}>", "", text)
    text = re.sub(r'(<(?:\w+:)?(?:mergeCells|dataValidations)\b[^>]*?)\s+count="\d+"', r"\1", text)
    if "sqref>" in text:
        text = _EXTENDED.sub(lambda found: _extended(found, home), text)
        text = re.sub(
            r"<((?:\w+:)?)sparklineGroup\b[^>]*>(?:(?!<\1sparkline>).)*?</\1sparklineGroup>",
            "",
            text,
            flags=re.DOTALL,
        )
    return text


_EXTENDED = re.compile(
    r"<((?:\w+:)?)(sparkline|dataValidation|conditionalFormatting)\b[^>]*>(?:(?!</?\1\2\b).)*?"
    r"<((?:\w+:)?)sqref>([^<]*)</\3sqref>.*?</\1\2>",
    re.DOTALL,
)
"""What newer programs write at the end of a tab, its cells as text (MS-XLSX 2.6)."""


def _extended(found: re.Match[str], home: TabHome) -> str:
    """Move a sparkline with the cells that it draws, a rule with what it looks at; one whose rows
    are all gone goes, too.
    """
    ref = _moved(found[4], home)
    if not ref:
        return ""
    text = found[0].replace(f"sqref>{found[4]}<", f"sqref>{ref}<")
    if found[2] != "sparkline":
        return _from_another_row(text, _top(ref) - _top(found[4]))

    def drawn(area: re.Match[str]) -> str:
        now = _moved(area[2], home).split()
        if len(now) != 1:
            advice = "move the rows in the sheet itself, or only correct cells in the copy"
            raise Refused(f"rows moved, and a sparkline draws {area[2]}", hint=advice)
        return f"{area[1]}{now[0]}{area[3]}"

    return re.sub(
        r"(<(?:\w+:)?f>(?:[^<]*!)?)(\$?[A-Z]+\$?\d+(?::\$?[A-Z]+\$?\d+)?)(</)", drawn, text
    )


def _top(ref: str) -> int:
    """Return the first row of a list of areas; what looks at "this row" is written for it."""
    return min((int(area[4]) for area in AREA.finditer(ref)), default=0)


def _from_another_row(text: str, down: int) -> str:
    """Let the formulas of a format or a drop-down, which are written for the first row of its
    areas, look at the cells of a row that stands `down` rows below.
    """

    def cell(found: re.Match[str]) -> str:
        return f"{found[1]}{int(found[2]) + down}" if found[1] else found[0]

    def formula(found: re.Match[str]) -> str:
        return f"{found[1]}{_OF_THIS_ROW.sub(cell, found[2])}{found[3]}"

    return _RULE.sub(formula, text) if down else text


def _one_cell(ref: str) -> bool:
    first, _, last = ref.partition(":")
    return first == last


def _merged_as_in_the_copy(text: str, home: TabHome) -> str:
    """Let the areas that reach down be those of the copy, as the spreadsheet program moved them."""
    want = {(column, first, last) for column, first, last in home.merged}

    def keep(found: re.Match[str]) -> str:
        area = AREA.fullmatch(found[2])
        if area is None or not area[8] or area[4] == area[8]:
            return found[0]
        column, first, last = number_of(area[2].encode()), int(area[4]), int(area[8])
        if (column, first, last) in want:
            want.discard((column, first, last))
            return found[0]
        return ""

    text = re.sub(r'<((?:\w+:)?)mergeCell\b[^>]*?\sref="([^"]*)"[^>]*?/>', keep, text)
    if want and (group := re.search(r"<((?:\w+:)?)mergeCells\b[^>]*>", text)):
        new = "".join(
            f'<{group[1]}mergeCell ref="{reference(column, first, grid=True)}:'
            f'{reference(column, last, grid=True)}"/>'
            for column, first, last in sorted(want)
        )
        text = text[: group.end()] + new + text[group.end() :]
    return text


def without_links(text: str, home: TabHome) -> str:
    """Take the link off a cell that was corrected and whose link leads elsewhere."""
    changed = {
        reference(column, row.number, grid=True) for row in home.rows for column in row.changes
    }
    if not changed or "hyperlink" not in text:
        return text

    def keep(found: re.Match[str]) -> str:
        return "" if found[1] in changed else found[0]

    text = re.sub(r'<(?:\w+:)?hyperlink\b[^>]*?\sref="([A-Z]+\d+)"[^>]*?/>', keep, text)
    return re.sub(r"<(?:\w+:)?hyperlinks>\s*</(?:\w+:)?hyperlinks>", "", text)


def move_beside(parts: dict[str, bytes], part: str, tab: str, home: TabHome) -> None:
    """Move what hangs on the rows in other parts: comments, their boxes, tables, named areas."""
    folder, name = posixpath.split(part)
    rels = parts.get(f"{folder}/_rels/{name}.rels", b"").decode("utf-8")
    for target in re.findall(r'\bTarget="([^"]+)"', rels):
        path = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        if not path.endswith((".xml", ".vml")) or path not in parts:
            continue
        text = parts[path].decode("utf-8")
        if "omment" in path and path.endswith(".xml"):
            parts[path] = _comments(text, home).encode()
        elif path.endswith(".vml"):
            parts[path] = _boxes(text, home).encode()
        elif "/drawings/" in path:
            parts[path] = _pictures(text, home).encode()
        elif "/tables/" in path:
            parts[path] = _attribute(text, "ref", home).encode()
    book = parts["xl/workbook.xml"].decode("utf-8")
    quoted = re.escape(escape(tab.replace("'", "''"), quote=False))

    def area(found: re.Match[str]) -> str:
        return found[1] + (_moved(found[2], home).split() or ["#REF!"])[0]

    cells = r"(\$?[A-Z]{1,3}\$?\d+(?::\$?[A-Z]{1,3}\$?\d+)?)"
    book = re.sub(rf"((?:'{quoted}'|(?<![\w']){quoted})!){cells}", area, book)
    parts["xl/workbook.xml"] = book.encode()


def _attribute(text: str, name: str, home: TabHome) -> str:
    return re.sub(
        rf'(\s{name}=")([^"]+)(")',
        lambda found: found[1] + (_moved(found[2], home) or found[2]).split()[0] + found[3],
        text,
    )


def _comments(text: str, home: TabHome) -> str:
    def rewrite(found: re.Match[str]) -> str:
        ref = _moved(found[4], home)
        return found[0].replace(f'ref="{found[4]}"', f'ref="{ref}"', 1) if ref else ""

    return re.sub(
        r'<((?:\w+:)?)(comment|threadedComment)\b([^>]*?)\sref="([A-Z]+\d+)"[^>]*?(?:/>|>.*?</\1\2>)',
        rewrite,
        text,
        flags=re.DOTALL,
    )


def _pictures(text: str, home: TabHome) -> str:
    """Move each picture with the row that it begins in, or take it away with it."""

    def rewrite(found: re.Match[str]) -> str:
        first = _ANCHORED.search(found[0])
        old = int(first[2]) + 1 if first else 0
        if old in home.gone:
            return ""
        down = home.places.get(old, old) - old
        return _ANCHORED.sub(lambda row: f"{row[1]}{int(row[2]) + down}{row[3]}", found[0])

    return _ANCHOR.sub(rewrite, text)


def _boxes(text: str, home: TabHome) -> str:
    places = home.places

    def rewrite(found: re.Match[str]) -> str:
        row = re.search(r"(<x:Row>\s*)(\d+)(\s*</x:Row>)", found[0])
        if row is None:
            return found[0]
        old = int(row[2]) + 1
        if old in home.gone:
            return ""
        new = places.get(old, old) - 1
        return found[0].replace(row[0], f"{row[1]}{new}{row[3]}", 1)

    return re.sub(r"<v:shape\b.*?</v:shape>", rewrite, text, flags=re.DOTALL)


def hanging(content: bytes) -> dict[str, dict[str, list[str]]]:
    """Return what hangs on the rows of each tab: kind → cells and areas, for the proof."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [name for name in book.namelist() if name.endswith((".xml", ".rels"))]
        parts = {name: book.read(name) for name in names}
    found: dict[str, dict[str, list[str]]] = {}
    for tab, _, part in tabs(parts):
        kinds = found.setdefault(tab, {})
        for name, attributes in _elements(parts[part]):
            key = _HANGING.get(name)
            if key and key in attributes and name != "dimension":
                kinds.setdefault(name, []).append(attributes[key])
    return found


def _elements(part: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    parser = ParserCreate()
    handler: Callable[[str, dict[str, str]], None] = lambda name, attributes: found.append(  # noqa: E731
        (name.rpartition(":")[2], attributes)
    )
    parser.StartElementHandler = handler
    parser.Parse(part, True)
    yield from found
