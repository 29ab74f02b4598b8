"""`mailer contacts`: look after the contact sheets: check, repair, compare, begin, import, and
the hold list.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailer.base.address import key_of
from mailer.base.errors import MailerError, Problem, Severity, UsageError
from mailer.base.spelling import many
from mailer.base.states import MailOutState
from mailer.cli.context import CommandGroup, Context, printable
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


def _read(context: Context) -> tuple[Delegations, ContactBook, Holds]:
    from mailer.plan.draft import read_contacts

    return read_contacts(context.workspace)


def _chosen(context: Context, book: ContactBook, sheets: Sequence[str]) -> list[str]:
    """Return the files that are meant by `uk.xlsx`, `contacts/uk.xlsx` or a path; all of them if
    none is named.
    """
    if not sheets:
        return list(book.files)
    by_name = {
        name: file
        for file in book.files
        for name in (file, Path(file).name, str(context.workspace.root / file))
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
    context: Context,
    sheets: tuple[str, ...],
    marked: bool,
    online: bool,
    strict: bool,
    everything: bool,
) -> int:
    """Look through the contact sheets for everything that could go wrong."""
    from mailer.contacts.edit.marked_copy import mark

    _, book, holds = _read(context)
    files = _chosen(context, book, sheets)
    book = replace(book, problems=(*book.problems, *holds.doubts(book)))
    if online:
        from mailer.actions.doctor import domains

        asked = domains.of_the_sheets(book, domains.name_servers())
        book = replace(book, problems=(*book.problems, *asked))
    problems = [p for p in book.problems if p.file in files or not sheets]
    people = [contact for contact in book.contacts if contact.file in files]
    made = (
        [mark(context.workspace.root, file, book) for file in files if file not in book.broken]
        if marked
        else []
    )
    bad = any(
        p.severity is Severity.ERROR or (strict and p.severity is Severity.WARNING)
        for p in problems
    )
    usable = sum(contact.skip is None for contact in people)
    if context.json:
        names = [path.relative_to(context.workspace.root).as_posix() for path in made]
        context.data(
            {"problems": problems, "contacts": len(people), "usable": usable, "marked": names}
        )
        return int(bad)
    show_problems(
        context.out, problems, context.workspace.root, everything=everything, more="--all"
    )
    for path in made:
        context.out.print(
            f"marked copy: {path.relative_to(context.workspace.root)}", soft_wrap=True
        )
    for file in files if marked else ():
        if file in book.broken:
            context.say(f"no copy of {file}: it cannot be read as it is, for the reasons above")
    _say_columns(context, book, files)
    _say_nobody(context, book)
    errors = sum(p.severity is Severity.ERROR for p in problems)
    found = (
        f"{many(errors, 'error')}, {len(problems) - errors} to look at"
        if problems
        else "Nothing to put right"
    )
    context.out.print(
        f"{many(len(people), 'row')}: {usable} can be written to, {len(people) - usable} cannot."
        f" {found}."
    )
    _next_steps(context, book, problems, made)
    return int(bad)


def _next_steps(
    context: Context, book: ContactBook, problems: Sequence[Problem], made: Sequence[Path]
) -> None:
    """Say what to do with the problems: a copy with marks, repairs, or the way back of the copy
    that was made.
    """
    from mailer.contacts.edit import fix as fixing

    if made:
        copies = shlex.quote(made[0].relative_to(context.workspace.root).as_posix())
        context.say("")
        show_steps(
            context,
            [("correct the coloured cells, save, then", f"mailer contacts accept {copies}")],
        )
        return
    marked = [
        shlex.quote(Path(file).name)
        for file in sorted({p.file for p in problems if p.cell and p.file not in book.broken})
    ]
    if not book.contacts and not problems:
        context.say("Nobody is in the sheets yet: fill in those in the folder, or put yours there.")
    steps = (
        [
            (
                "see them in the sheet",
                f"mailer contacts check {marked[0]} --marked",
            )
        ]
        if marked
        else []
    )
    chosen = {problem.file for problem in problems}
    if repairs := fixing.repairs(book, chosen) if problems else []:
        steps.append(
            (f"repair {many(len(repairs), 'cell')} without a guess", "mailer contacts fix")
        )
    asked = sorted(
        {problem.code for problem in problems if problem.cell and fixing.meant(problem)}
        - set(fixing.SAFE)
    )
    if asked:
        only = " ".join(f"--only {code}" for code in asked)
        steps.append(('answer "did you mean" with yes', f"mailer contacts fix {only}"))
    if steps:
        context.say("")
        show_steps(context, steps)


def _say_columns(context: Context, book: ContactBook, files: Sequence[str]) -> None:
    """Say what each column was taken for; sheets of the same headings are said once."""
    said: dict[str, list[str]] = {}
    for (file, tab), columns in book.columns.items():
        if file in files:
            where = f"{Path(file).name}{f' ({tab})' if tab else ''}"
            said.setdefault(columns.as_said(), []).append(where)
    for words, places in said.items():
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        context.say(printable(f"{', '.join(places[:3])}{more}: {words}"))


def _say_nobody(context: Context, book: ContactBook) -> None:
    """Name the delegations of which nobody is in the sheets."""
    present = {contact.delegation for contact in book.contacts}
    absent = [member.name_en for member in context.workspace.delegations.members
              if member.code not in present]  # fmt: skip
    if present - {""} and absent:
        context.say(f"nobody is in the sheets of: {', '.join(absent)}")


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
def fix(context: Context, sheets: tuple[str, ...], codes: tuple[str, ...], really: bool) -> int:
    """Show the safe repairs of the sheets, and apply them with --apply."""
    from mailer.contacts.edit import fix as fixing

    _, book, _ = _read(context)
    found = fixing.repairs(book, _chosen(context, book, sheets), [code.upper() for code in codes])
    backups = fixing.apply(context.workspace.root, found) if really else {}
    if context.json:
        context.data(
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
            context.out.print(file, style="bold")
        context.out.print(
            f"  {repair.sheet or ''} {repair.cell}  {repair.code}".replace("   ", "  ")
        )
        context.out.print(
            f"    - {printable(repair.before)}\n    + {printable(repair.after)}", soft_wrap=True
        )
    for path in backups.values():
        context.say(f"backup: {path.relative_to(context.workspace.root)}")
    many = f"{len(found)} {'cell' if len(found) == 1 else 'cells'}"
    if not found:
        context.say("There is nothing that can be repaired without a guess.")
    elif really:
        context.say(f"{many} repaired. Next: mailer contacts check")
    else:
        again = " ".join([*sheets, *(f"--only {code.upper()}" for code in codes), "--apply"])
        context.say(
            f"\n{many} would change; nothing was written. To write them: mailer contacts fix"
            f" {again}"
        )
    return 0 if really or not found else 1


@contacts.command()
@click.argument("copy", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.pass_obj
def accept(context: Context, copy: Path) -> None:
    """Take a corrected marked copy back into its sheet, and say what changed."""
    from mailer.contacts.edit.take_home import accept as take

    file, changes, backup = take(context.workspace.root, copy)
    if context.json:
        context.data({"sheet": file, "changes": changes, "backup": backup})
        return
    for change in changes:
        context.out.print(
            f"{change.sheet or ''} {change.cell}  {_said(change)}".strip(), soft_wrap=True
        )
    if backup is None:
        context.say(f"Nothing in it differs from {file}.")
        return
    context.say(
        f"{many(len(changes), 'change')} in {file}; the sheet as it was:"
        f" {backup.relative_to(context.workspace.root)}\nNext: mailer contacts check"
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
def diff(context: Context, old: Path, new: Path, page: Path | None, same: tuple[str, ...]) -> int:
    """Say who left, joined, or changed delegation, role, group or address between two sheets or
    folders.
    """
    from mailer.contacts.edit import turnover

    delegations = context.workspace.delegations
    turns = turnover.compare(
        _people(old, delegations), _people(new, delegations), delegations, same
    )
    if page:
        page.write_text(turnover.as_html(turns, delegations), encoding="utf-8")
    if context.json:
        context.data(turnover.as_json(turns))
    else:
        context.out.print(printable_lines(turnover.as_text(turns, delegations)), soft_wrap=True)
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
            problems=[replace(p, file=str(path)) for p in book.problems if p.file in book.broken],
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
def new(context: Context, names: tuple[str, ...], lang: str) -> None:
    """Write an empty sheet with drop-downs and a tab of instructions for each delegation."""
    from mailer.actions.workspace.new_workspace import new_sheets

    made = new_sheets(context.workspace, names, lang)
    if context.json:
        context.data({"sheets": made})
        return
    for file in made:
        context.out.print(file)
    context.say("Next: fill them in, then  mailer contacts check")


@contacts.command(name="import")
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--into", metavar="NAME", help="The new sheet's name; otherwise that of the source.")
@click.pass_obj
def import_(context: Context, source: Path, into: str | None) -> None:
    """Make a sheet of a pasted PACE list, OpenSanctions, EveryPolitician, Popolo or vCard file."""
    from mailer.contacts.edit import importing, write

    found = importing.read(source.name, source.read_bytes(), context.workspace.delegations)
    path = context.workspace.contacts_dir / f"{Path(into or source.name).stem}.csv"
    if path.exists():
        raise UsageError(
            f"{path.name} is already there; nothing was written.",
            hint="choose another name: --into NAME",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    write.put(path, found.as_csv().encode())
    file = path.relative_to(context.workspace.root).as_posix()
    if context.json:
        context.data(
            {
                "sheet": file,
                "source": found.source,
                "people": len(found.people),
                "left_over": found.left_over,
                "lacks": found.lacks,
            }
        )
        return
    context.out.print(f"{file}: {len(found.people)} people from {found.source}")
    context.say(f"This source lacks: {found.lacks}.")
    for words in found.left_over:
        context.say(f"not read as one person: {printable(words)}")
    context.say(f"Next: mailer contacts check {path.name}")


# -------------------------------------------------------------------------------- one person, holds


@contacts.command()
@click.argument("who", required=False)
@click.pass_obj
def show(context: Context, who: str | None) -> None:
    """Show the people of the sheets, or everything about one of them."""
    _, book, holds = _read(context)
    people = _like(book, who) if who else list(book.contacts)
    if context.json:
        for contact in people:
            held = holds.match(contact)
            context.data({**_plainly(contact), "held": str(held) if held else None})
        return
    if who and len(people) == 1:
        _show_one(context, people[0], holds)
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
        context.out.print(printable(line), soft_wrap=True)


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


def _show_one(context: Context, contact: Contact, holds: Holds) -> None:
    from mailer.base.errors import Problem
    from mailer.contacts.sheets.columns import FIELDS

    place = Problem("", Severity.NOTE, "", contact.file, contact.sheet, row=contact.row).place
    context.out.print(
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
        context.out.print(
            f"  {name:12} {printable(value)}{f'   ({cell})' if cell else ''}", soft_wrap=True
        )
    if contact.problem:
        context.out.print(
            f"  left out: {contact.problem.message} [{contact.problem.code}]",
            style="red",
            soft_wrap=True,
        )
    if held := holds.match(contact):
        context.out.print(
            f"  on the hold list: {printable(str(held))}", style="red", soft_wrap=True
        )


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
def hold(context: Context, who: str, because: str, by: str | None) -> None:
    """Put a person on the hold list: never written to again, until released."""
    import getpass

    from mailer.actions import people
    from mailer.base import clock

    _, book, holds = _read(context)
    contact = _held(book, who)
    with context.ledger_if_any() as ledger:
        held = people.hold(
            context.workspace,
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
    if context.json:
        matches = [_plainly(one) for one in held.matched]
        context.data({"held": held.entry, "matches": matches, "taken_out": held.taken_out})
        return
    context.say(f"{held.name} is on the hold list: {held.entry}.")
    if held.matched:
        rows = ", ".join(f"{one.file} row {one.row}" for one in held.matched)
        context.say(f"It holds {rows}.")
    else:
        near = f' The nearest is "{held.near}".' if held.near else ""
        context.say(f"It holds nobody who is in the sheets now.{near}")
    for one in held.taken_out:
        if one.numbers:
            context.say(f"And taken out of {one.mail_out}, which is {BEING[one.state]}.")
        if one.too_late:
            context.say(
                f"{one.mail_out} is just handing their letter over; it cannot be called back:"
                f" mailer log show {one.mail_out}-{one.too_late[0]:03d}",
                "yellow",
            )
    context.say(f"To undo it: mailer contacts release {(contact.address or contact.name)!r}")


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
def release(context: Context, who: str, forget: bool) -> None:
    """Take a person off the hold list, or erase what the list says about them."""
    from mailer.actions import people

    _, _, holds = _read(context)
    entry = _entry(holds, who)
    if forget:
        people.forget(context.workspace, entry)
        context.say("Name and address are erased; the person is still held.")
    else:
        people.release(context.workspace, entry)
        context.say(f"{entry.name or entry.address} is no longer held.")


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
def holds(context: Context) -> int:
    """List the people who are never written to, and why."""
    _, _, held = _read(context)
    if context.json:
        for entry in held:
            context.data(entry)
    else:
        for entry in held:
            who = entry.name or entry.address or "(erased)"
            context.out.print(
                printable(f"{entry.delegation or '–'}  {who}  {entry.address}  {entry}"),
                soft_wrap=True,
            )
        show_problems(context.err, held.problems, context.workspace.root)
        context.say(f"{len(held)} on the hold list")
    return int(any(p.severity is Severity.ERROR for p in held.problems))
