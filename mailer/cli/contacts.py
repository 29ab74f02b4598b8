"""`mailer contacts …`: look after the contact sheets: check, repair, compare, begin, import, and
the hold list.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.base.address import key_of
from mailer.base.errors import MailerError, Problem, Severity, UsageError
from mailer.base.states import MailOutState
from mailer.cli.context import CommandGroup, Desk, printable
from mailer.cli.screen.problems import show_problems
from mailer.cli.screen.tables import show_steps

if TYPE_CHECKING:
    from mailer.base.delegations import Delegations
    from mailer.contacts import Contact, ContactBook
    from mailer.contacts.edit.take_home import SheetChange
    from mailer.contacts.holds import Hold, Holds

SHEETS = click.argument("sheets", nargs=-1, metavar="[SHEET]…")


@click.group(cls=CommandGroup)
def contacts() -> None:
    """Look after the contact sheets: check, fix, accept, diff, new, import, show, hold."""


def _read(desk: Desk) -> tuple[Delegations, ContactBook, Holds]:
    from mailer.plan.draft import read_contacts

    return read_contacts(desk.workspace)


def _chosen(desk: Desk, book: ContactBook, sheets: Sequence[str]) -> list[str]:
    """Return the files that are meant by `uk.xlsx`, `contacts/uk.xlsx` or a path; all of them if
    none is named.
    """
    if not sheets:
        return list(book.files)
    by_name = {
        name: file
        for file in book.files
        for name in (file, Path(file).name, str(desk.workspace.root / file))
    }
    unknown = [
        sheet
        for sheet in sheets
        if sheet not in by_name and str(Path(sheet).absolute()) not in by_name
    ]
    if unknown:
        known = ", ".join(Path(file).name for file in book.files)
        raise UsageError(
            f"There is no contact sheet {', '.join(unknown)}.", hint=f"there are: {known}"
        )
    return [by_name.get(sheet) or by_name[str(Path(sheet).absolute())] for sheet in sheets]


# -------------------------------------------------------------------------- check, and the way back


@contacts.command()
@SHEETS
@click.option(
    "--marked", is_flag=True, help="Write a copy of each sheet with every bad cell marked."
)
@click.option("--online", is_flag=True, help="Ask the name servers whether each domain takes mail.")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--all", "everything", is_flag=True, help="Show every problem, not five of a kind.")
@click.pass_obj
def check(
    desk: Desk, sheets: tuple[str, ...], marked: bool, online: bool, strict: bool, everything: bool
) -> int:
    """Look through the contact sheets for everything that could go wrong."""
    from mailer.contacts.edit.marked_copy import mark

    _, book, holds = _read(desk)
    files = _chosen(desk, book, sheets)
    book = replace(book, problems=(*book.problems, *holds.doubts(book)))
    if online:
        from mailer.actions.doctor import domains

        asked = domains.of_the_sheets(book, domains.name_servers())
        book = replace(book, problems=(*book.problems, *asked))
    problems = [p for p in book.problems if p.file in files or not sheets]
    people = [contact for contact in book.contacts if contact.file in files]
    made = (
        [mark(desk.workspace.root, file, book) for file in files if file not in book.broken]
        if marked
        else []
    )
    bad = any(
        p.severity is Severity.ERROR or (strict and p.severity is Severity.WARNING)
        for p in problems
    )
    usable = sum(contact.skip is None for contact in people)
    if desk.json:
        names = [path.relative_to(desk.workspace.root).as_posix() for path in made]
        desk.data(
            {"problems": problems, "contacts": len(people), "usable": usable, "marked": names}
        )
        return int(bad)
    show_problems(desk.out, problems, desk.workspace.root, everything=everything, more="--all")
    for path in made:
        desk.out.print(f"marked copy: {path.relative_to(desk.workspace.root)}", soft_wrap=True)
    errors = sum(p.severity is Severity.ERROR for p in problems)
    found = (
        f"{_many(errors, 'error')}, {len(problems) - errors} to look at"
        if problems
        else "Nothing to put right"
    )
    desk.out.print(
        f"{_many(len(people), 'row')}: {usable} can be written to, {len(people) - usable} cannot."
        f" {found}."
    )
    _next_steps(desk, book, problems, made)
    return int(bad)


def _next_steps(
    desk: Desk, book: ContactBook, problems: Sequence[Problem], made: Sequence[Path]
) -> None:
    """Say what to do with the problems: a copy with marks, repairs, or the way back of the copy
    that was made.
    """
    from mailer.contacts.edit import fix as fixing

    if made:
        copies = " ".join(path.relative_to(desk.workspace.root).as_posix() for path in made[:1])
        desk.say("")
        show_steps(
            desk, [("correct the coloured cells, save, then", f"mailer contacts accept {copies}")]
        )
        return
    marked = sorted({p.file for p in problems if p.cell and p.file not in book.broken})
    if not book.contacts and not problems:
        desk.say("Nobody is in the sheets yet: fill in those in the folder, or put yours there.")
    steps = (
        [("see them in the sheet", f"mailer contacts check {Path(marked[0]).name} --marked")]
        if marked
        else []
    )
    chosen = {problem.file for problem in problems}
    if repairs := fixing.repairs(book, chosen) if problems else []:
        steps.append(
            (f"repair {_many(len(repairs), 'cell')} without a guess", "mailer contacts fix")
        )
    asked = sorted(
        {problem.code for problem in problems if problem.cell and fixing.meant(problem)}
        - set(fixing.SAFE)
    )
    if asked:
        only = " ".join(f"--only {code}" for code in asked)
        steps.append(('answer "did you mean" with yes', f"mailer contacts fix {only}"))
    if steps:
        desk.say("")
        show_steps(desk, steps)


def _many(number: int, one: str) -> str:
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


@contacts.command()
@SHEETS
@click.option(
    "--only",
    "codes",
    multiple=True,
    metavar="CODE",
    help="Repair only these, also where it is a guess: C104.",
)
@click.option("--apply", "really", is_flag=True, help="Write the repairs; a backup is kept.")
@click.pass_obj
def fix(desk: Desk, sheets: tuple[str, ...], codes: tuple[str, ...], really: bool) -> int:
    """Show the safe repairs of the sheets, and apply them with --apply."""
    from mailer.contacts.edit import fix as fixing

    _, book, _ = _read(desk)
    found = fixing.repairs(book, _chosen(desk, book, sheets), [code.upper() for code in codes])
    backups = fixing.apply(desk.workspace.root, found) if really else {}
    if desk.json:
        desk.data(
            {
                "repairs": found,
                "applied": really,
                "backups": {file: str(path) for file, path in backups.items()},
            }
        )
        return 0 if really or not found else 1
    file = ""
    for repair in found:
        if repair.file != file:
            file = repair.file
            desk.out.print(file, style="bold")
        desk.out.print(f"  {repair.sheet or ''} {repair.cell}  {repair.code}".replace("   ", "  "))
        desk.out.print(
            f"    - {printable(repair.before)}\n    + {printable(repair.after)}", soft_wrap=True
        )
    for path in backups.values():
        desk.say(f"backup: {path.relative_to(desk.workspace.root)}")
    many = f"{len(found)} {'cell' if len(found) == 1 else 'cells'}"
    if not found:
        desk.say("There is nothing that can be repaired without a guess.")
    elif really:
        desk.say(f"{many} repaired. Next: mailer contacts check")
    else:
        again = " ".join([*sheets, *(f"--only {code.upper()}" for code in codes), "--apply"])
        desk.say(
            f"\n{many} would change; nothing was written. To write them: mailer contacts fix"
            f" {again}"
        )
    return 0 if really or not found else 1


@contacts.command()
@click.argument("copy", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def accept(desk: Desk, copy: Path) -> None:
    """Take a corrected marked copy back into its sheet, and say what changed."""
    from mailer.contacts.edit.take_home import accept as take

    file, changes, backup = take(desk.workspace.root, copy)
    if desk.json:
        desk.data({"sheet": file, "changes": changes, "backup": backup})
        return
    for change in changes:
        desk.out.print(
            f"{change.sheet or ''} {change.cell}  {_said(change)}".strip(), soft_wrap=True
        )
    if backup is None:
        desk.say(f"Nothing in it differs from {file}.")
        return
    desk.say(
        f"{_many(len(changes), 'change')} in {file}; the sheet as it was:"
        f" {backup.relative_to(desk.workspace.root)}\nNext: mailer contacts check"
    )


def _said(change: SheetChange) -> str:
    if change.whole and not (change.before and change.after):
        return (
            f"put in: {printable(change.after)}"
            if change.after
            else f"taken out: {printable(change.before)}"
        )
    return f"{printable(change.before) or '(empty)'} → {printable(change.after) or '(empty)'}"


# ----------------------------------------------------------------------------------------- turnover


@contacts.command()
@click.argument("old", type=click.Path(path_type=Path, exists=True))
@click.argument("new", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it as a page, too.",
)
@click.option(
    "--same", multiple=True, metavar="NAME", help="This new name is the person it looks like."
)
@click.pass_obj
def diff(desk: Desk, old: Path, new: Path, page: Path | None, same: tuple[str, ...]) -> int:
    """Say who left, joined, or changed delegation, role, group or address between two sheets or
    folders.
    """
    from mailer.contacts.edit import turnover

    delegations = desk.workspace.delegations
    turns = turnover.compare(
        _people(old, delegations), _people(new, delegations), delegations, same
    )
    if page:
        page.write_text(turnover.as_html(turns, delegations), encoding="utf-8")
    if desk.json:
        desk.data(turnover.as_json(turns))
    else:
        desk.out.print(printable_lines(turnover.as_text(turns, delegations)), soft_wrap=True)
    return int(any(turn.alarm or turn.same for turn in turns))


def printable_lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))


def _people(path: Path, delegations: Delegations) -> Sequence[Contact]:
    """Read a folder of sheets, or one sheet, wherever it lies. A broken one cannot be compared."""
    from mailer.contacts import load_contacts

    with tempfile.TemporaryDirectory() as folder:
        root, name = path.absolute().parent, path.name
        if path.is_file():
            root, name = Path(folder), "one"
            (root / name).mkdir()
            (root / name / path.name).symlink_to(path.absolute())
        book = load_contacts(root, name, delegations=delegations)
    if book.broken:
        raise MailerError(
            f"{path} cannot be compared",
            problems=[p for p in book.problems if p.file in book.broken],
        )
    return book.contacts


@contacts.command()
@click.argument("names", nargs=-1, required=True, metavar="DELEGATION…")
@click.option(
    "--lang",
    type=click.Choice(["en", "fr"]),
    default="en",
    help="The language of the headings and notes.",
)
@click.pass_obj
def new(desk: Desk, names: tuple[str, ...], lang: str) -> None:
    """Write an empty sheet with drop-downs and a tab of instructions for each delegation."""
    from mailer.actions.new_workspace import new_sheets

    made = new_sheets(desk.workspace, names, lang)
    if desk.json:
        desk.data({"sheets": made})
        return
    for file in made:
        desk.out.print(file)
    desk.say("Next: fill them in, then  mailer contacts check")


@contacts.command(name="import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--into", metavar="NAME", help="The new sheet's name; otherwise that of the source.")
@click.pass_obj
def import_(desk: Desk, source: Path, into: str | None) -> None:
    """Make a sheet of a pasted PACE list, OpenSanctions, EveryPolitician, Popolo or vCard file."""
    from mailer.contacts.edit import importing, write

    found = importing.read(source.name, source.read_bytes(), desk.workspace.delegations)
    path = desk.workspace.contacts_dir / f"{Path(into or source.name).stem}.csv"
    if path.exists():
        raise UsageError(
            f"{path.name} is already there; nothing was written.",
            hint="choose another name: --into NAME",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write.put(path, found.as_csv().encode())
    file = path.relative_to(desk.workspace.root).as_posix()
    if desk.json:
        desk.data(
            {
                "sheet": file,
                "source": found.source,
                "people": len(found.people),
                "left_over": found.left_over,
                "lacks": found.lacks,
            }
        )
        return
    desk.out.print(f"{file}: {len(found.people)} people from {found.source}")
    desk.say(f"This source lacks: {found.lacks}.")
    for words in found.left_over:
        desk.say(f"not read as one person: {printable(words)}")
    desk.say(f"Next: mailer contacts check {path.name}")


# -------------------------------------------------------------------------------- one person, holds


@contacts.command()
@click.argument("who", required=False)
@click.pass_obj
def show(desk: Desk, who: str | None) -> None:
    """Show the people of the sheets, or everything about one of them."""
    _, book, holds = _read(desk)
    people = _like(book, who) if who else list(book.contacts)
    if desk.json:
        for contact in people:
            held = holds.match(contact)
            desk.data({**_plainly(contact), "held": str(held) if held else None})
        return
    if who and len(people) == 1:
        _show_one(desk, people[0], holds)
        return
    for contact in people:
        state = (
            f"  – {contact.problem.message}"
            if contact.problem
            else "  – on the hold list"
            if holds.match(contact)
            else ""
        )
        line = (
            f"{contact.delegation or '??'}  {contact.name or '(no name)'}  {contact.role} "
            f" {contact.address}{state}"
        )
        desk.out.print(printable(line), soft_wrap=True)


def _plainly(contact: Contact) -> dict[str, object]:
    names = (
        "name",
        "delegation",
        "role",
        "address",
        "language",
        "gender",
        "chamber",
        "group",
        "title",
        "file",
        "sheet",
        "row",
    )
    return {name: getattr(contact, name) for name in names} | {
        "skip": contact.skip,
        "extra": dict(contact.extra),
    }


def _show_one(desk: Desk, contact: Contact, holds: Holds) -> None:
    from mailer.base.errors import Problem
    from mailer.contacts.sheets.columns import FIELDS

    place = Problem("", Severity.NOTE, "", contact.file, contact.sheet, row=contact.row).place
    desk.out.print(
        f"{printable(contact.name)}   {place} · row {contact.row}", style="bold", soft_wrap=True
    )
    shown = [
        (name, getattr(contact, name), contact.cells.get(name, ""))
        for name in FIELDS
        if getattr(contact, name, "")
    ]
    for name, value, cell in [
        *shown,
        *((heading, value, "") for heading, value in contact.extra.items()),
    ]:
        desk.out.print(
            f"  {name:12} {printable(value)}{f'   ({cell})' if cell else ''}", soft_wrap=True
        )
    if contact.problem:
        desk.out.print(
            f"  left out: {contact.problem.message} [{contact.problem.code}]",
            style="red",
            soft_wrap=True,
        )
    if held := holds.match(contact):
        desk.out.print(f"  on the hold list: {printable(str(held))}", style="red", soft_wrap=True)


def _like(book: ContactBook, who: str) -> list[Contact]:
    """Find people by address, name, or part of a name; nobody is an error."""
    from mailer.base.spelling import called

    found = called(book.contacts, who)
    if not found:
        raise UsageError(
            f'Nobody in the sheets is called "{who}".', hint="mailer contacts show lists everybody"
        )
    return found


@contacts.command()
@click.argument("who")
@click.option("--because", required=True, metavar="TEXT", help="Why nobody writes to this person.")
@click.option(
    "--by", metavar="NAME", help="Who says so; otherwise you, as this computer knows you."
)
@click.pass_obj
def hold(desk: Desk, who: str, because: str, by: str | None) -> None:
    """Put a person on the hold list: never written to again, until released."""
    import getpass

    from mailer.actions import people
    from mailer.base import clock

    _, book, holds = _read(desk)
    contact = _held(book, who)
    with desk.ledger_if_any() as ledger:
        held = people.hold(
            desk.workspace,
            ledger,
            book.contacts,
            holds,
            address=contact.address,
            name=contact.name,
            delegation=contact.delegation,
            because=because,
            who=by or getpass.getuser(),
            at=clock.now(),
        )
    if held.before:
        raise UsageError(f"{held.name} is on the hold list already: {held.before}")
    if desk.json:
        matches = [_plainly(one) for one in held.matched]
        desk.data({"held": held.entry, "matches": matches, "taken_out": held.taken_out})
        return
    desk.say(f"{held.name} is on the hold list: {held.entry}.")
    if held.matched:
        rows = ", ".join(f"{one.file} row {one.row}" for one in held.matched)
        desk.say(f"It holds {rows}.")
    else:
        near = f' The nearest is "{held.near}".' if held.near else ""
        desk.say(f"It holds nobody who is in the sheets now.{near}")
    for one in held.taken_out:
        if one.numbers:
            desk.say(f"And taken out of {one.mail_out}, which is {BEING[one.state]}.")
        if one.too_late:
            desk.say(
                f"{one.mail_out} is just handing their letter over; it cannot be called back:"
                f" mailer log show {one.mail_out}-{one.too_late[0]:03d}",
                "yellow",
            )
    desk.say(f"To undo it: mailer contacts release {(contact.address or contact.name)!r}")


BEING = {
    MailOutState.PLANNED: "planned",
    MailOutState.APPROVED: "approved",
    MailOutState.SENDING: "being sent",
    MailOutState.PAUSED: "paused",
}


def _held(book: ContactBook, who: str) -> Contact:
    """Return the one person who is meant; an address that is in no sheet stands for itself."""
    from mailer.contacts import Contact
    from mailer.contacts.rows.addresses import read_address

    address = read_address(who).address
    if address and not any(contact.address_key == key_of(address) for contact in book.contacts):
        return Contact("", None, 0, address=address)
    people = _like(book, who)
    if len({contact.person_key for contact in people}) > 1:
        names = ", ".join(f"{contact.name} ({contact.delegation})" for contact in people[:6])
        raise UsageError(f'"{who}" can be several people.', hint=f"say which one: {names}")
    return people[0]


@contacts.command()
@click.argument("who")
@click.option(
    "--forget", is_flag=True, help="Erase name and address, but go on holding the person."
)
@click.pass_obj
def release(desk: Desk, who: str, forget: bool) -> None:
    """Take a person off the hold list, or erase what the list says about them."""
    from mailer.actions import people

    _, _, holds = _read(desk)
    entry = _entry(holds, who)
    if forget:
        people.forget(desk.workspace, entry)
        desk.say("Name and address are erased; the person is still held.")
    else:
        people.release(desk.workspace, entry)
        desk.say(f"{entry.name or entry.address} is no longer held.")


def _entry(holds: Holds, who: str) -> Hold:
    from mailer.base.spelling import finds

    found = [h for h in holds if h.address and key_of(h.address) == key_of(who)]
    found = found or [h for h in holds if finds(who, h.name)]
    if len(found) != 1:
        text = (
            f'"{who}" can be several entries of the hold list.'
            if found
            else f'"{who}" is not on the hold list.'
        )
        raise UsageError(text, hint="mailer contacts holds lists them; the address is the surest")
    return found[0]


@contacts.command()
@click.pass_obj
def holds(desk: Desk) -> int:
    """List the people who are never written to, and why."""
    _, _, held = _read(desk)
    if desk.json:
        for entry in held:
            desk.data(entry)
    else:
        for entry in held:
            who = entry.name or entry.address or "(erased)"
            desk.out.print(
                printable(f"{entry.delegation or '–'}  {who}  {entry.address}  {entry}"),
                soft_wrap=True,
            )
        show_problems(desk.err, held.problems, desk.workspace.root)
        desk.say(f"{len(held)} on the hold list")
    return int(any(p.severity is Severity.ERROR for p in held.problems))
