"""What only shows when all rows are seen together: one address or one person twice, a stray domain,
the seats.

Exact comparisons take one pass over the rows. Names are compared letter by letter only within a
delegation, and only where it has at most `COMPARED` people: no real one has more than 36, and the
cost of a row stays the same for any number of rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from mailer.base.address import domain_of
from mailer.base.delegations import Delegations
from mailer.base.errors import Problem, Severity
from mailer.base.problems import problem
from mailer.base.spelling import fold, loosely, sounds, tokens
from mailer.base.states import Reason
from mailer.contacts.contact import Contact
from mailer.contacts.rows.addresses import free_slip, is_free
from mailer.contacts.sheets.columns import Columns

ColumnsOf = Mapping[tuple[str, str | None], Columns]
"""The columns of each table, by file and tab."""

ALIKE = 92
"""Percent of letters in common, from which on two names are perhaps one person."""

COMPARED = 200

USUAL = 20
"""Domains of a delegation, those most in use, of which another one may be a slip of the pen."""

SHORT = 6
"""Letters of a domain below which every other one is near: fm.dk is a ministry, ft.dk the
parliament.
"""

COMPARABLE = (None, Reason.NO_ADDRESS, Reason.BAD_ADDRESS)
"""Rows that are asked about: those that are used, and those that will be when their address has
been put right.
"""


def check_together(
    contacts: Sequence[Contact], columns: ColumnsOf, delegations: Delegations
) -> tuple[list[Contact], list[Problem]]:
    """Return the contacts, some of them now skipped, and the problems of all rows together."""
    keys = [contact.person_key for contact in contacts]  # each takes as long as all checks of it
    people, problems = _stray_domains(contacts, columns)
    people, found = _same_address(people, columns)
    problems += found
    people, found = _same_person(people, keys, columns)
    problems += found
    problems += _alike(people, keys, columns)
    problems += _seats(people, keys, columns, delegations)
    return people, problems


def about(
    contact: Contact,
    columns: ColumnsOf,
    code: str,
    field: str,
    value: str = "",
    message: str = "",
    suggestion: str | None = None,
) -> Problem:
    """Make a problem at one cell of a contact's row."""
    column = columns[contact.file, contact.sheet].of(contact.row)
    return problem(
        code,
        contact.file,
        sheet=contact.sheet,
        cell=contact.cells.get(field),
        row=contact.row,
        column=column.headings[column.fields[field]] if field in column.fields else None,
        value=value,
        message=message,
        suggestion=suggestion,
    )


def name_field(contact: Contact) -> str:
    """Return the field in whose cell the name, or most of it, stands."""
    return next((field for field in ("name", "surname", "given") if field in contact.cells), "name")


def _place(contact: Contact, columns: ColumnsOf, field: str) -> str:
    return about(contact, columns, "C102", field).place


# ---------------------------------------------------------------------------------------- addresses


def _stray_domains(
    contacts: Sequence[Contact], columns: ColumnsOf
) -> tuple[list[Contact], list[Problem]]:
    """Find the one address that ends otherwise than all others of its delegation."""
    everywhere: Counter[str] = Counter()
    of_delegation: dict[str, Counter[str]] = defaultdict(Counter)
    ends = [(contact.delegation, domain_of(contact.address)) for contact in contacts]
    for (code, domain), times in Counter(ends).items():
        if domain and not is_free(domain):
            everywhere[domain] += times
            of_delegation[code][domain] = times
    commonest = {code: used.most_common(USUAL) for code, used in of_delegation.items()}
    totals = {code: used.total() for code, used in of_delegation.items()}
    kept = list(contacts)
    problems: list[Problem] = []
    for at, (code, domain) in enumerate(ends):
        contact, used = contacts[at], of_delegation[code]
        if used[domain] != 1:
            continue
        if big := free_slip(domain):
            message = f"this address ends in a name that nobody else uses and that looks like {big}"
            hint = f"did you mean {contact.address.rpartition('@')[0]}@{big}?"
            found = about(contact, columns, "C104", "address", contact.address, message, hint)
            problems.append(found)
            if not contact.skip:
                kept[at] = replace(contact, skip=Reason.BAD_ADDRESS, problem=found)
            continue
        if not code:
            continue
        usual, often = commonest[code][0]
        if often == 2 and _slip(domain, usual):  # too few to leave anybody out for it
            message = f"this address ends in a name that nobody else uses; two end in {usual}"
            hint = f"did you mean {contact.address.rpartition('@')[0]}@{usual}?"
            found = about(contact, columns, "C103", "address", contact.address, message, hint)
            problems.append(replace(found, severity=Severity.WARNING))
            continue
        if often < 3 or domain.endswith(f".{usual}") or usual.endswith(f".{domain}"):
            continue
        near = next(
            (other for other, times in commonest[code] if times >= 3 and _slip(domain, other)),
            None,
        )
        if near is None or everywhere[domain] >= 3:
            if often * 2 < totals[code]:  # a delegation of many domains has no usual one
                continue
            message = f"{often} of {totals[code]} addresses of this delegation end in {usual}"
            problems.append(about(contact, columns, "C103", "address", contact.address, message))
            continue
        message = (
            f"this address ends in a name that nobody else uses; {used[near]} of {totals[code]} end"
            f" in {near}"
        )
        hint = f"did you mean {contact.address.rpartition('@')[0]}@{near}?"
        found = about(contact, columns, "C104", "address", contact.address, message, hint)
        problems.append(found)
        if not contact.skip:
            kept[at] = replace(contact, skip=Reason.BAD_ADDRESS, problem=found)
    return kept, problems


def meant_domains(
    contacts: Sequence[Contact], problems: Sequence[Problem]
) -> tuple[list[Contact], list[Problem]]:
    """Return contacts and problems, those of an impossible address with what was perhaps meant: a
    domain that the same sheet uses, of which the end or the sign before it is missing.
    """
    impossible = [
        one
        for one in problems
        if one.code == "C101" and not (one.suggestion or "").startswith("did you mean")
    ]
    used: dict[str, Counter[str]] = defaultdict(Counter)
    for contact in contacts if impossible else ():
        if contact.address:
            used[contact.file][domain_of(contact.address)] += 1
    commonest = {file: domains.most_common(COMPARED) for file, domains in used.items()}
    asked = {
        one: replace(one, suggestion=f"did you mean {hint}?")
        for one in impossible
        if (hint := _meant(one.value, commonest.get(one.file, [])))
    }
    if not asked:
        return list(contacts), list(problems)
    people = [
        replace(contact, problem=asked[contact.problem]) if contact.problem in asked else contact
        for contact in contacts
    ]
    return people, [asked.get(one, one) for one in problems]


def _meant(written: str, used: Sequence[tuple[str, int]]) -> str:
    """Return an address of the domain in use that fits; empty where none does, or two as often.
    `used` are those most in use, with their number.
    """
    local, sign, end = written.strip().rpartition("@")
    end = end.casefold().rstrip(".")
    fits = [
        (domain, times)
        for domain, times in used
        if (domain.startswith(f"{end}.") if sign else end.endswith(domain)) and end
    ]
    if not fits or (len(fits) > 1 and fits[0][1] == fits[1][1]):
        return ""
    domain = fits[0][0]
    local = local if sign else written.strip()[: -len(domain)].rstrip(" .")
    return f"{local}@{domain}" if local and " " not in local else ""


@lru_cache(maxsize=4096)
def _slip(domain: str, usual: str) -> bool:
    """Tell whether one domain is the other with a slip of the pen.

    That is a letter or two, an accent, another ending, or one label too many or too few.
    """
    from rapidfuzz.distance import OSA

    domain, usual = _plain(domain), _plain(usual)
    name, ending = domain.rpartition(".")[::2]
    if name == usual.rpartition(".")[0] and OSA.distance(ending, usual.rpartition(".")[2]) > 1:
        return False  # parliament.scot is another one than parliament.uk
    if min(len(name), len(usual.rpartition(".")[0])) < SHORT:
        return False
    distance = OSA.distance(domain, usual)
    if distance <= (2 if len(usual) > 13 else 1):
        return True
    longer, shorter = sorted((domain.split("."), usual.split(".")), key=len, reverse=True)
    return len(longer) == len(shorter) + 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(1, len(longer))
    )


def _plain(domain: str) -> str:
    """Return a domain in letters without accents: `xn--assemble-…` is `assemblee`."""
    if "xn--" not in domain:
        return domain
    try:
        return ".".join(
            "-".join(tokens(label)) for label in domain.encode("ascii").decode("idna").split(".")
        )
    except UnicodeError:
        return domain


def _same_address(
    contacts: list[Contact], columns: ColumnsOf
) -> tuple[list[Contact], list[Problem]]:
    """Leave the first usable row with an address; each later one is skipped and names the first."""
    first: dict[str, Contact] = {}
    kept: list[Contact] = []
    problems: list[Problem] = []
    for contact in contacts:
        other = (
            first.setdefault(contact.address_key, contact)
            if contact.address and not contact.skip
            else contact
        )
        if other is contact:
            kept.append(contact)
            continue
        place, hint = _place(other, columns, "address"), None
        message = (
            f"{other.name} has the same address ({place}); one letter can greet them both, where it"
            " says nothing else of either"
        )
        if contact.person_key == other.person_key:
            message = (
                f"this person has the same address in another row ({place}); one letter is enough"
            )
            hint = "take one of the two rows out"
        found = about(contact, columns, "C102", "address", contact.address, message, hint)
        problems.append(found)
        kept.append(replace(contact, skip=Reason.SAME_ADDRESS, problem=found))
    return kept, problems


# ------------------------------------------------------------------------------------------- people


def _namesake(contact: Contact, columns: ColumnsOf) -> bool:
    """Tell whether the row says that this is another person of the same name."""
    column = columns[contact.file, contact.sheet].of(contact.row)
    if "namesake" not in column.fields:
        return False
    return fold(contact.extra.get(column.headings[column.fields["namesake"]], "")) not in (
        "",
        "no",
        "non",
        "nein",
        "0",
    )


def _same_person(
    contacts: Sequence[Contact], keys: Sequence[str], columns: ColumnsOf
) -> tuple[list[Contact], list[Problem]]:
    """Leave the first usable row of a person; each later one is skipped and names the first."""
    first: dict[str, Contact] = {}
    kept: list[Contact] = []
    problems: list[Problem] = []
    for contact, key in zip(contacts, keys, strict=True):
        half = " " not in key  # half a name is no proof of one person
        if contact.skip or half or not contact.delegation or _namesake(contact, columns):
            kept.append(contact)
            continue
        other = first.setdefault(key, contact)
        if other is contact:
            kept.append(contact)
            continue
        field = name_field(contact)
        message = (
            "this person stands in the sheets twice:"
            f" {_place(other, columns, name_field(other))}, too"
        )
        found = about(contact, columns, "C141", field, contact.name, message)
        problems.append(found)
        kept.append(replace(contact, skip=Reason.ROW, problem=found))
    return kept, problems


def _alike(
    contacts: Iterable[Contact], keys: Iterable[str], columns: ColumnsOf
) -> Iterator[Problem]:
    """Ask whether two people of one delegation are one: other letters, an initial, a surname more
    or less.
    """
    groups: dict[str, list[tuple[str, Contact]]] = defaultdict(list)
    for contact, key in zip(contacts, keys, strict=True):
        known = contact.delegation and contact.name and contact.skip in COMPARABLE
        if known and not _namesake(contact, columns):
            groups[contact.delegation].append((key.partition(":")[2], contact))
    for people in groups.values():
        seen: dict[str, Contact] = {}
        for words, contact in people:
            other = seen.setdefault(sounds(words), contact)
            if other is not contact:
                yield _question(contact, other, 100, columns)
        if len(people) <= COMPARED:
            yield from _compare([contact for _, contact in people], columns)


def _compare(people: list[Contact], columns: ColumnsOf) -> Iterator[Problem]:
    for at, contact in enumerate(people):
        for other in people[:at]:
            if (
                loosely(contact.name) != loosely(other.name)
                and (alike := likeness(contact.name, other.name)) >= ALIKE
            ):
                if (
                    _own_address(contact)
                    and _own_address(other)
                    and not contact.address_key.startswith(
                        f"{other.address_key.partition('@')[0]}@"
                    )
                ):
                    continue
                yield _question(contact, other, alike, columns)
                break


def _own_address(contact: Contact) -> bool:
    """Tell whether the address spells the whole name as the row does: maria.sample@ is not
    marina.sample@.
    """
    local = fold(contact.address.partition("@")[0])
    return local in ("".join(tokens(contact.name)), "".join(reversed(tokens(contact.name))))


def likeness(one: str, two: str) -> int:
    """Return how alike two names are, in percent; 95 where one leaves out a word or shortens one to
    its initial.
    """
    from rapidfuzz import fuzz

    first, second = set(loosely(one).split()), set(loosely(two).split())
    shared = first & second
    if len(shared) > 1 and (first <= second or second <= first):
        return 95
    rest, other = first - shared, second - shared
    initials = [sorted(word[0] for word in words) for words in (rest, other)]
    if (
        shared
        and initials[0] == initials[1]
        and (all(len(w) == 1 for w in rest) or all(len(w) == 1 for w in other))
    ):
        return 95
    return round(fuzz.ratio(loosely(one), loosely(two)))


def _question(contact: Contact, other: Contact, alike: int, columns: ColumnsOf) -> Problem:
    message = (
        f"this looks like {other.name} ({_place(other, columns, name_field(other))}; {alike} %"
        " alike)"
    )
    return about(contact, columns, "C142", name_field(contact), contact.name, message)


def _seats(
    contacts: Iterable[Contact],
    keys: Iterable[str],
    columns: ColumnsOf,
    delegations: Delegations,
) -> Iterator[Problem]:
    """Compare the people of each delegation with its seats; less than half of them is no list of
    members.
    """
    one: dict[str, Contact] = {}
    for contact, key in zip(contacts, keys, strict=True):
        if contact.name:
            own_row = f" {contact.file} {contact.sheet} {contact.row}"
            one.setdefault(key + own_row if _namesake(contact, columns) else key, contact)
    for code, people in delegations.group(one.values()).items():
        delegation = delegations.get(code)
        if delegation is None or delegation.status != "member":
            continue
        name, few = delegation.name_en, 0
        seats = {
            "representatives": delegation.representatives,
            "substitutes": delegation.substitutes,
        }
        for role, number in seats.items():
            seated = [
                c for c in people if c.role and (c.role == "substitute") == (role == "substitutes")
            ]
            if len(seated) > number:
                message = f"{name} has {number} {role}, the sheets have {len(seated)}"
                yield about(seated[number], columns, "C122", "role", seated[number].name, message)
            few += max(0, number - len(seated))
        if few and sum(seats.values()) / 2 <= len(people) < sum(seats.values()):
            has = f"{delegation.representatives} + {delegation.substitutes} seats"
            message = f"{name} has {has}, the sheets have {len(people)} people"
            yield problem(
                "C123", people[0].file, sheet=people[0].sheet, value=name, message=message
            )
