"""The proof that the finished bytes of a letter are one person's, or one delegation's.

They are read as they will arrive. Lines that many letters share are decoded, and looked through for
addresses, once for all of them; each letter is looked at whole.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, a2b_qp
from collections.abc import Container, Iterator, Mapping, Sequence
from email.header import decode_header
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from mailer.base.address import key_of
from mailer.base.errors import MailerError
from mailer.letters.message import pieces
from mailer.letters.message.body import FilledBody, ended
from mailer.letters.message.flowed import joined
from mailer.letters.message.pieces import Part, Shared


def read_back(
    own: bytes,
    *,
    recipient: str,
    everyone: Container[str],
    greeting: str,
    cells: Sequence[str] = (),
    thread: Sequence[str] = (),
    copies: Sequence[str] = (),
    shared: Shared = (),
    text: str = "",
    html: str = "",
) -> None:
    """Prove that the finished bytes are one person's: their address alone in To, those of `copies`
    and no others in Cc, the letters of
    their `thread` and no others before it, their greeting in both bodies, each of the `cells` that
    was put in in both, in their order, and nothing in them that watches the reader (L403).

    `own` is the message without what letters share, which is in `shared`; files are not looked at.
    `everyone` holds the keys
    (`address.key_of`) of all recipients of the mail-out; none but these people's may occur
    anywhere, neither in a header nor in a body. Bodies that are the `text` and `html` which were
    written have all cells in their places; and what stands in a `FilledBody` around one person's
    words is judged once for all who have it. Raises `MailerError`: whatever is found is a mistake
    of this program.
    """
    fields = heading(own)
    named = dict(fields)
    to = named.get("to", "")
    if len(named) != len(fields) or not named.keys() >= {"from", "to", "subject", "message-id"}:
        raise _not_one_persons("a header is missing or stands there twice")
    cc = named.get("cc", "")
    if addressed(named) != [recipient, *copies] or {"bcc", "resent-to"} & named.keys():
        raise _not_one_persons("the message is addressed to somebody else")
    if (named.get("in-reply-to", ""), named.get("references", "")) != (
        "".join(thread[-1:]),
        " ".join(thread),
    ):
        raise _not_one_persons("it follows a letter that was not this person's")
    from mailer.letters.markup import escaped

    found = list(_bodies(own, shared))
    bodies = [one.text for one in found]
    if len(bodies) != 2 or greeting not in bodies[0] or escaped(greeting) not in bodies[1]:
        raise _not_one_persons("the greeting of this person does not stand in it")
    if bodies != [ended(text), ended(html)]:
        _prove_cells(bodies, cells)
    mine = {key_of(recipient), *map(key_of, copies)}
    of_all = map(_in_header, (named["subject"], named["from"], named.get("reply-to", "")))
    own_ones = _addresses(f"{shown(to)}\n{shown(cc)}")
    for key in chain(own_ones, *of_all, *(one.addresses for one in found)):
        if key not in mine and key in everyone and not _is_ours(key, named):
            raise _not_one_persons("the address of another recipient stands in it", _TAKE_OUT)
    if watching := _watching(bodies[1], html, escaped(greeting)):
        raise MailerError(
            f"A finished letter would fetch or run something: {watching[0][:60]}. Nothing was"
            " sent.",
            hint="take it out of templates/_shared/layout.html; mailer check finds its line",
            code="L403",
        )


def _prove_cells(bodies: Sequence[str], cells: Sequence[str]) -> None:
    from mailer.letters.markup import escaped

    at = [0, 0]
    for cell in cells:
        for number, word in enumerate((cell, escaped(cell))):
            at[number] = bodies[number].find(word, at[number]) + len(word)
            if at[number] < len(word):
                raise _not_one_persons(f"a cell did not arrive as it is: {cell[:40]}")


def _watching(arrived: str, meant: str, greeting: str) -> Sequence[str]:
    """Return what a reader's program would fetch or run. What is escaped cannot be markup, so that
    most people's HTML is judged without it, once for many.
    """
    if (
        isinstance(meant, FilledBody)
        and ended(meant) == arrived
        and meant.around is not None
        and not any(map(_MARKUP.search, meant.put_in))
        and _in_text(meant.around, meant.places)
    ):
        return _faults(meant.around)
    return _faults(arrived.replace(greeting, ""))


_MARKUP = re.compile(r"[<>\"']")


@lru_cache(maxsize=128)
def _in_text(html: str, places: Sequence[int]) -> bool:
    """Tell whether all of these places of an HTML document stand in its text: in no element, style
    or comment.
    """
    return not any(
        html.rfind(opens, 0, place) > html.rfind(closes, 0, place)
        for place in places
        for opens, closes in (("<", ">"), ("<style", "</style"), ("<!--", "-->"))
    )


def heading(own: bytes) -> list[tuple[str, str]]:
    """Return the header of a finished letter, unfolded: each name in small letters, and its
    value.
    """
    top = own.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").decode("ascii")
    lines = (line.partition(": ") for line in top.split("\r\n"))
    return [(name.lower(), value) for name, _, value in lines]


def addressed(named: Mapping[str, str]) -> list[str]:
    """Return the addresses in To and Cc of a finished letter, by its `heading`."""
    to = named.get("to", "")
    first = to[to.rfind("<") + 1 : -1] if to.endswith(">") else to
    parts = _QUOTED.sub("", named["cc"]).split(",") if "cc" in named else []
    return [first, *(found[1] if (found := _NAMED.fullmatch(one)) else one for one in parts)]


@lru_cache(maxsize=128)
def _faults(html: str) -> list[str]:
    from mailer.letters.message.allowed import faults

    return faults(html)


_OURS = (
    "this is a mistake of the mailer itself; please report it, and send nothing until it is"
    " corrected"
)
_TAKE_OUT = f"take the address out of the letter or the cell that names it; if none does, {_OURS}"


def _not_one_persons(what: str, hint: str = _OURS) -> MailerError:
    return MailerError(
        f"A finished letter failed its last check: {what}. Nothing was sent.",
        hint=hint,
        code="L402",
    )


def _is_ours(key: str, named: dict[str, str]) -> bool:
    """Tell whether an address is the sender's own, who may be a recipient as well."""
    return any(key in _in_header(named.get(header, "")) for header in ("from", "reply-to"))


def _addresses(text: str) -> list[str]:
    """Return the keys of all addresses in a text, also percent-encoded ones and those in the source
    of HTML.

    A quotation mark may begin an address (O'Brien, D'Ella) or stand before one: both readings are
    returned.
    """
    if "%40" in text:
        text = text.replace("%40", "@")
    found: list[str] = []
    at = text.find("@")
    while at >= 0:
        found += _around(text[max(0, at - 64) : at], text[at + 1 : at + 256])
        at = text.find("@", at + 1)
    return found


@lru_cache(maxsize=1024)  # most stand in the same words in all letters
def _around(left: str, right: str) -> list[str]:
    before, after = _BEFORE.search(left), _AFTER.match(right)
    if not before or not after:
        return []
    domain = after[0].rstrip(".-_")
    locals_ = {before[0], before[0].lstrip("'*_~`!#")}
    return [_key(f"{local}@{domain}") for local in locals_ if local]


@lru_cache(maxsize=256)  # all letters come from the same, and few subjects hold a name
def _in_header(value: str) -> list[str]:
    return _addresses(shown(value))


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMED = re.compile(r"[^<>@]*<([^<>\s]+)>")
_BEFORE = re.compile(r"[^\s<>()\[\]:;,\"?&=/]+$")
_AFTER = re.compile(r"[\w.-]+")
_key = lru_cache(maxsize=4096)(key_of)


def shown(value: str) -> str:
    """Return a header's value as people read it (RFC 2047)."""
    if "=?" not in value:
        return value
    return "".join(
        part.decode(charset or "ascii") if isinstance(part, bytes) else part
        for part, charset in decode_header(value)
    )


class _Read(NamedTuple):
    """A text as it arrives, and the keys of the addresses in it."""

    text: str
    addresses: Sequence[str]


def _bodies(own: bytes, shared: Shared) -> Iterator[_Read]:
    """Decode the bodies of a finished letter: the pieces that many share once for all of them."""
    boundary = _ALTERNATIVE.search(own)
    if not boundary:
        return
    mark = b"--" + boundary[1]
    start = own.find(mark, boundary.end())
    while (end := own.find(mark, start + 1)) > 0:
        yield _decoded(own, shared, start + len(mark), end)
        start = end


_ALTERNATIVE = re.compile(rb'multipart/alternative;\r\n boundary="([^"]+)"')


def _decoded(own: bytes, shared: Shared, start: int, end: int) -> _Read:
    """Decode the part of a message that stands between two places of `own`."""
    blank = own.find(b"\r\n\r\n", start, end)
    head = own[start:blank]
    start = blank + 4
    if b"multipart/related" in head:  # the HTML, and then its pictures
        mark = b"--" + head.rpartition(b'boundary="')[2].rstrip(b'"')
        first = own.index(mark, start, end) + len(mark)
        return _decoded(own, shared, first, own.index(mark, first, end))
    is_flowed = b"format=flowed" in head
    here = [
        one.data if isinstance(one, Part) else one for one in pieces.pieces(own, shared, start, end)
    ]
    if b"base64" in head:
        return _as_read(a2b_base64(b"".join(here)), is_flowed)
    found = [_lines(one, is_flowed) for one in here]
    return _Read(
        "".join(one.text for one in found), [key for one in found for key in one.addresses]
    )


@lru_cache(maxsize=2048)  # most stand in many letters, and be it only for a greeting without a name
def _lines(coded: bytes, is_flowed: bool) -> _Read:
    """Decode whole lines in quoted-printable."""
    raw = a2b_qp(coded)
    if not raw.endswith(b"\r\n") or (
        is_flowed and raw.endswith(b" \r\n") and not raw.endswith(b"-- \r\n")
    ):
        raise _not_one_persons("a line goes on in another piece of it")
    return _as_read(raw, is_flowed)


def _as_read(raw: bytes, is_flowed: bool) -> _Read:
    text = raw.decode().replace("\r\n", "\n")
    text = joined(text) if is_flowed else text
    return _Read(text, _addresses(text))
