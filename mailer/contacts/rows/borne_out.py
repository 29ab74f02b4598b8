"""What the cells of a column say to its heading: a claim that most of them contradict is not
believed, and said once.

"State", "Land" and "État" head a delegation, a part of a country, or how a mandate stands. Codes of
two letters prove little: BE is Belgium and Berlin.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mailer.base.delegations import Delegation, Delegations
from mailer.base.spelling import fold, tokens, trim
from mailer.contacts.rows.addresses import ADDRESS
from mailer.contacts.rows.mandate import goes_on, last_day
from mailer.contacts.rows.names import before_name, unfit
from mailer.contacts.rows.row_reader import meaning_of
from mailer.contacts.rows.whose import PARTS, find_delegation
from mailer.contacts.sheets import vocabulary
from mailer.contacts.sheets.columns import HEARD, OF_NAMES, Columns, Doubt
from mailer.contacts.sheets.table import Row, has_sign

SAMPLE = 500
"""Rows of a block that are looked at, evenly spread over it."""

FEW = 5
"""Different words of a column below which each is asked about at its own cell."""

WORDS = {
    "role": "C130",
    "group": "C131",
    "language": "C132",
    "gender": "C134",
    "chamber": "C136",
}
"""Fields of words, and what is said about one that is not known."""

_ADDRESS = re.compile(ADDRESS)


class _CellSample:
    """The cells of a block by column, a sample of them where there are many."""

    def __init__(self, rows: Sequence[Row]) -> None:
        step = max(1, len(rows) // SAMPLE)
        self.rows = [cells for _, cells in rows[::step]]
        self.people = [cells for cells in self.rows if has_sign(cells)]
        self.width = max(map(len, self.rows), default=0)

    def of(self, column: int, *, people: bool = False) -> list[str]:
        """Return the filled cells of one column, or only those beside an address, if there are
        any: a sum and a remark below the table say nothing about the people.
        """
        rows = self.people if people and self.people else self.rows
        found = (trim(cells[column]) for cells in rows if column < len(cells))
        return [text for text in found if text]


def prove(
    columns: Columns, rows: Sequence[Row], delegations: Delegations, place: Delegation | None
) -> Columns:
    """Return the columns that the cells bear out, with what is to be said about the others.

    `place` is the delegation that title, tab or file name, if they do.
    """
    cells = _CellSample(rows)
    columns = _delegation(columns, cells, delegations, place)
    columns = _address(columns, cells)
    columns = _civility(_gone(_until(columns, cells), cells), cells)
    columns = _letters(_words(_standing(columns, cells), cells), cells)
    columns = _unclaimed(columns, cells, delegations, place)
    columns = _contradictions(columns, cells, delegations)
    return _half_a_name(columns, cells)


def _doubt(columns: Columns, code: str, column: int, message: str, hint: str = "") -> Columns:
    return replace(columns, doubts=(*columns.doubts, Doubt(code, column, message, hint)))


# ------------------------------------------------------------------------------------- delegations


def _delegation(
    columns: Columns, cells: _CellSample, delegations: Delegations, place: Delegation | None
) -> Columns:
    if "delegation" not in columns.fields:
        return columns
    first = columns.fields["delegation"]
    claims = [first, *columns.also.get("delegation", ())]
    said = {column: cells.of(column, people=True) for column in claims}
    names = {column: _named(said[column], delegations) for column in claims}
    only = len(claims) == 1
    good = [
        column
        for column in claims
        if _names_delegations(
            said[column], names[column], place, weak=column in columns.weak, only=only
        )
    ]
    also = {field: more for field, more in columns.also.items() if field != "delegation"}
    columns = replace(columns, also=also)
    for column in claims:
        if column not in good:
            filled, named = len(said[column]), sum(names[column].values())
            if column == columns.fields.get("delegation"):
                columns = columns.without("delegation")
            extra = dict(sorted({**columns.extra, column: columns.headings[column]}.items()))
            columns = replace(columns, extra=extra)
            if filled:
                so_many = f"{named} of {filled}" if named else "none"
                heading = columns.headings[column]
                message = (
                    f'"{heading}" is not taken for the delegation: {so_many} of its cells names one'
                )
                columns = _doubt(columns, "C028", column, message)
    if good:
        columns = columns.taking("delegation", good[0])
        if good[1:]:
            columns = replace(columns, also={**columns.also, "delegation": tuple(good[1:])})
    return columns


def _named(texts: Sequence[str], delegations: Delegations) -> Counter[str]:
    """Count the cells that name a delegation, or nearly, by its code."""
    found: Counter[str] = Counter()
    for text, times in Counter(texts).items():
        one, near = find_delegation(delegations, text)
        if one or near:
            found[one.code if one else near] += times
    return found


def _names_delegations(
    texts: Sequence[str], named: Counter[str], place: Delegation | None, *, weak: bool, only: bool
) -> bool:
    if not texts:
        return not weak
    many = sum(named.values())
    if weak:
        codes = all(len(text) < 3 for text in texts)
        contradicts = codes and place is not None and place.code not in named
        return many * 2 > len(texts) and not contradicts
    if many * 2 >= len(texts):
        return True
    if many == 0:  # whatever the file is called: people of uk.csv may be of another country
        return only
    return only and len({fold(text) for text in texts}) < FEW


# ---------------------------------------------------------------------------------------- addresses


def _address(columns: Columns, cells: _CellSample) -> Columns:
    """Take the column that holds addresses, where the one that is headed so holds none."""
    claimed = columns.fields.get("address")
    if claimed is not None:
        claims = [claimed, *columns.also.get("address", ())]
        best = max(claims, key=lambda column: _addresses(cells.of(column)))
        if best != claimed and not _addresses(cells.of(claimed)):
            rest = tuple(c for c in claims[1:] if c != best)
            columns = columns.taking("address", best)
            columns = replace(columns, also={**columns.also, "address": rest})
        if claimed not in columns.weak or _addresses(cells.of(columns.fields["address"])):
            return columns
    rivals = [
        column
        for column in columns.extra
        if (texts := cells.of(column))
        and _addresses(texts) * 2 > len(texts)
        and not of_somebody_else(columns.headings[column])
    ]
    if len(rivals) == 1:
        heading = columns.headings[rivals[0]]
        message = f'"{heading}" is taken for the address: that is what its cells hold'
        columns = _doubt(columns.taking("address", rivals[0]), "C029", rivals[0], message)
    return columns


def of_somebody_else(heading: str) -> bool:
    """Tell whether a heading speaks of somebody who works for members: Assistant's e-mail."""
    return not vocabulary.beside("staff").isdisjoint(tokens(heading))


def _addresses(texts: Sequence[str]) -> int:
    return sum("@" in text and _ADDRESS.search(text[:1_000]) is not None for text in texts)


# --------------------------------------------------------------------------------- columns of words


def known_word(kind: str, text: str) -> bool:
    """Tell whether a word of a column is one of ours, whatever stands beside it."""
    if meaning_of(kind, text) is not None:
        return True
    parts = [part for part in PARTS.split(text[:200]) if fold(part)]
    return any(vocabulary.meaning(kind, part) is not None for part in parts)


def _until(columns: Columns, cells: _CellSample) -> Columns:
    """Take a column for the end of mandates where most of its cells say when: "Mandate" and "To"
    head other things, too.
    """
    for column in [columns.fields["until"]] if "until" in columns.fields else ():
        texts = cells.of(column)
        dated = sum(last_day(text) is not None or goes_on(text) for text in texts)
        if fold(columns.headings[column]) in vocabulary.beside("until") and dated * 2 <= len(texts):
            columns = columns.without("until")
    return columns


def _civility(columns: Columns, cells: _CellSample) -> Columns:
    """Take a column for Ms and Mr where each of its cells is one of them, and no other is headed
    so: "Qualité" of a senate, "Individual Prefix".
    """
    if not columns.fields.keys().isdisjoint(("civility", "greeting", "title", "gender")):
        return columns
    role = columns.fields.get("role")
    for column in (*([] if role is None else [role]), *columns.extra):
        texts = cells.of(column)
        if (
            len(texts) > 1
            and all(
                (len(fold(text)) > 1 and vocabulary.meaning("civility", text) is not None)
                or fold(text) == "m"
                for text in texts
            )
            and len({fold(text) for text in texts}) > 1
        ):
            if column == role:
                columns = columns.without("role")
            heading = columns.headings[column]
            message = f'"{heading}" is taken for the civility: that is what its cells hold'
            hint = "if it is right, write the heading over it: Ms/Mr"
            return _doubt(columns.taking("civility", column), "C029", column, message, hint)
    return columns


def _gone(columns: Columns, cells: _CellSample) -> Columns:
    """Take a column for that of who is gone where its cells say yes, no, or when: "Left" and
    "Parti" head what somebody stands for, too.
    """
    claims = (columns.fields.get("opt_out"), *columns.also.get("opt_out", ()))
    for column in claims:
        if column is None or fold(columns.headings[column]) not in vocabulary.beside("gone"):
            continue
        texts = cells.of(column)
        plain = sum(
            vocabulary.meaning("opt_out", text) is not None
            or not fold(text)  # a tick, a dash
            or last_day(text) is not None
            for text in texts
        )
        if plain * 2 > len(texts) or not texts:
            continue
        if column == columns.fields["opt_out"]:
            columns = columns.without("opt_out")
        else:
            left = tuple(one for one in columns.also["opt_out"] if one != column)
            also = {**columns.also, "opt_out": left}
            extra = dict(sorted({**columns.extra, column: columns.headings[column]}.items()))
            columns = replace(columns, also=also, extra=extra)
    return columns


def _standing(columns: Columns, cells: _CellSample) -> Columns:
    """Take a column for that of who is still on a list, where its cells say so: subscribed,
    bounced, deceased. "Status" heads a role, too.
    """
    role = columns.fields.get("role")
    for column in (*columns.extra, *([] if role is None else [role])):
        texts = cells.of(column)
        said = [vocabulary.standing(text) for text in texts]
        roles = column == role and any(known_word("role", text) for text in texts)
        if "out" not in said or (said.count(None) * 2 >= len(said) and (roles or column != role)):
            continue
        if column == role:
            columns = columns.without("role")
        if "standing" in columns.fields:
            more = (*columns.also.get("standing", ()), column)
            extra = {at: heading for at, heading in columns.extra.items() if at != column}
            columns = replace(columns, also={**columns.also, "standing": more}, extra=extra)
        else:
            columns = columns.taking("standing", column)
    return columns


def _words(columns: Columns, cells: _CellSample) -> Columns:
    """Say once that most words of a column are not ours. Such a column says who works for members,
    and nothing about their seats.
    """
    for field, code in WORDS.items():
        while (column := columns.fields.get(field)) is not None:
            texts = cells.of(column)
            strange = [text for text in texts if not known_word(field, text)]
            if field == "gender":  # some write Ms and Mr there
                strange = [text for text in strange if not known_word("civility", text)]
            if len(strange) < 2 or len(strange) * 2 <= len(texts):
                break
            kinds = len({fold(text) for text in strange})
            many = f"{kinds} different words" if kinds > 1 else f'"{strange[0]}"'
            message = f"{many} that are no {field} that the Assembly has; kept as written"
            if field in ("language", "gender"):
                message = f"{many} that are no {field} that is known here; kept as written"
            columns = _doubt(columns, code, column, message, "nothing, if that is right")
            if field not in columns.also:
                columns = replace(columns, foreign=columns.foreign | {field})
                break
            columns = columns.without(field)
    return columns


def _letters(columns: Columns, cells: _CellSample) -> Columns:
    """Ask about a column of genders in which M may be mujer, or F férfi: nobody's is guessed."""
    column = columns.fields.get("gender")
    if column is None or fold(columns.headings[column]) == "geslacht":  # Dutch: m and v
        return columns
    letters = {word for text in cells.of(column) if len(word := fold(text)) == 1}
    known = vocabulary.pairs()
    if any(pair <= letters for pair in known["usual"]):
        return columns
    if pair := next((pair for pair in known["other"] if pair <= letters), None):
        one, two = sorted(letter.upper() for letter in pair)
        message = (
            f"{one} and {two} say woman and man in one language, the other way round in another;"
            " nobody's gender is taken from them"
        )
        columns = replace(columns, foreign=columns.foreign | {"gender"})
        columns = _doubt(columns, "C134", column, message, "write f and m")
    return columns


def _unclaimed(
    columns: Columns, cells: _CellSample, delegations: Delegations, place: Delegation | None
) -> Columns:
    """Ask about columns whose headings say nothing that is known, and whose cells say who is a
    substitute, or whose people these are.
    """
    whose: list[Doubt] = []
    for column, heading in columns.extra.items():
        texts = cells.of(column, people=True)
        if not texts or any(doubt.column == column for doubt in columns.doubts):
            continue
        roles = [vocabulary.meaning("role", text) for text in texts if len(fold(text)) > 2]
        roles = roles or [vocabulary.meaning("role", text) for text in texts]  # R and S
        ticks = vocabulary.meaning("role", heading) == "substitute" and all(
            vocabulary.meaning("opt_out", text) in ("none", "out") for text in texts
        )
        if "role" not in columns.fields and (
            ticks or ("substitute" in roles and roles.count(None) * 2 < len(roles))
        ):
            message = f'"{heading}" says who is a substitute, and is not read: nobody has a role'
            hint = "write Role over it, and representative or substitute into its cells"
            columns = _doubt(columns, "C023", column, message, hint)
        elif "delegation" not in columns.fields and place is None:
            texts = [text for text in texts if len(fold(text)) > 2]
            if sum(_named(texts, delegations).values()) * 2 > len(texts):
                message = f'the cells of "{heading}" name delegations, and the heading is not known'
                hint = "if these are the delegations of the people, write Delegation over it"
                whose.append(Doubt("C023", column, message, hint))
    return replace(columns, doubts=(*columns.doubts, *whose)) if len(whose) == 1 else columns


# ------------------------------------------------------------------------ two columns of one field


def said_twice(field: str, texts: Sequence[str], delegations: Delegations) -> tuple[str, ...]:
    """Return the different answers that the columns of one field give in one row."""

    def meant(text: str) -> str:
        if field == "delegation" and (found := find_delegation(delegations, text)[0]):
            return found.code
        if field == "address":
            return text.casefold()
        return " ".join(sorted(tokens(text))) if field in OF_NAMES else fold(text)

    return tuple({meant(text): text for text in texts if text}.values())


def _contradictions(columns: Columns, cells: _CellSample, delegations: Delegations) -> Columns:
    for field, more in columns.also.items():
        if field in HEARD:
            continue
        claims = (columns.fields[field], *more)
        both = against = 0
        for row in cells.rows:
            texts = [trim(row[column]) for column in claims if column < len(row)]
            if len([text for text in texts if text]) > 1:
                both += 1
                against += len(said_twice(field, texts, delegations)) > 1
        if against * 2 > both and (against > 2 or field != "delegation"):
            first = columns.headings[claims[0]]
            message = (
                f'the column "{first}" claims to be the {field}, too, and says something else in'
                f" {against} of {both} rows"
            )
            hint = "rename or remove one of them"
            if columns.headings[claims[0]] == columns.headings[claims[1]]:
                hint = "two tables stand side by side? then put the second one below the first"
            columns = _doubt(columns, "C012", claims[1], message, hint)
    return columns


# --------------------------------------------------------------------------------- half of the name


def _half_a_name(columns: Columns, cells: _CellSample) -> Columns:
    """Refuse a table in which only one half of the name has a heading: the letter would say "Dear
    María,".
    """
    filled = {name: cells.of(columns.fields[name]) for name in OF_NAMES if name in columns.fields}
    halves = [name for name in ("given", "surname") if filled.get(name)]
    if halves == ["given"] and not filled.get("name"):
        texts = filled["given"]  # "Jméno" and "Ime" head the whole name, too
        if sum(len(before_name(text)[2].split()) > 1 for text in texts) * 2 > len(texts):
            first, *more = columns.fields["given"], *columns.also.get("given", ())
            also = {field: at for field, at in columns.also.items() if field != "given"}
            columns = replace(columns, also=also).without("given").taking("name", first)
            return replace(columns, also={**also, "name": tuple(more)} if more else also)
    if len(halves) == 2 or not filled:
        return columns
    whole = filled.get("name", [])
    words = [before_name(text)[2] for text in whole]
    if whole:
        single = sum(len(word.split()) < 2 for word in words)
        wrong = len(whole) > 1 and single * 2 > len(whole)
    else:
        wrong = len(halves) == 1
    if not wrong:
        return columns
    column = columns.fields["name" if whole else halves[0]]
    near = [at for at in range(cells.width) if _like_names(at, columns, cells)]
    near.sort(key=lambda at: abs(at - column))
    hint = "add the other half of the name, under First name or Surname"
    if whole and not near:  # each is asked about at its own row
        return columns
    if near:
        there = columns.heading(near[0]) or f"column {near[0] + 1}, which has no heading"
        hint = f'is "{there}" part of the name? then write Surname or First name over it'
    message = f'only half of the name has a heading: "{columns.headings[column]}"'
    return _doubt(columns, "C017", column, message, hint)


def where_addresses_are(columns: Columns, people: Sequence[Row]) -> str:
    """Ask about the one column that holds addresses, alone or beside something else; empty if there
    is none, or several.
    """
    cells = _CellSample(people)
    near = [
        (heading, texts)
        for column, heading in enumerate(columns.headings)
        if heading
        and (texts := cells.of(column))
        and _addresses(texts) * 2 > len(texts)
        and not of_somebody_else(heading)
    ]
    if len(near) != 1:
        return ""
    ((heading, texts),) = near
    if any(_ADDRESS.fullmatch(text) for text in texts):
        return f'is "{heading}" the address? then write E-mail over it'
    return f'"{heading}" holds other things and addresses: put these into a column E-mail'


def names_without_heading(columns: Columns, people: Sequence[Row]) -> str:
    """Return the heading of the one column that holds names of two words and more, where none is
    headed so; empty if there is none, or several.
    """
    cells = _CellSample(people)
    near = [
        columns.heading(at) or f"column {at + 1}, which has no heading"
        for at in range(cells.width)
        if _like_names(at, columns, cells)
        and sum(1 if " " in text else -1 for text in cells.of(at, people=True)) > 0
    ]
    return near[0] if len(near) == 1 else ""


def _like_names(column: int, columns: Columns, cells: _CellSample) -> bool:
    if column in columns.fields.values() or any(d.column == column for d in columns.doubts):
        return False
    texts = cells.of(column)
    fit = [
        text
        for text in texts
        if text[:1].isupper() and len(text.split()) < 4 and not unfit(text[:100])
    ]
    return bool(texts) and len(fit) * 10 >= len(texts) * 9 and len(set(fit)) * 2 > len(fit)
