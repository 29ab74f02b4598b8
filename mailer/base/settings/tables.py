"""The tables of `config.toml`: which settings there are, what each may be, what it is if absent."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from mailer.base.address import NoAddress, wire_form
from mailer.base.settings.toml_lines import (
    TomlTable,
    wrong,
)

MAILBOX = re.compile(r'"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>')
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


# ----------------------------------------------------------------------------------- kinds of value


def _one_line(text: str) -> str:
    text = text.strip()
    if CONTROL.search(text):
        raise wrong("K105", "must stand on one line, without control characters")
    return text


def _some_text(text: str) -> str:
    text = _one_line(text)
    if not text:
        raise wrong("K105", "must not be empty")
    return text


def _address(text: str) -> str:
    try:
        return wire_form(text.strip())
    except NoAddress as error:
        reason = str(error).rstrip(".")
        raise wrong("K106", f"this address cannot work: {reason[0].lower()}{reason[1:]}") from None


def _mailbox(text: str) -> str:
    """Check `Name <address>` and return it in that form, or the bare address."""
    match = MAILBOX.fullmatch(text.strip())
    address = _address(match["address"] if match else text)
    name = _one_line(match["name"]) if match else ""
    return f"{name} <{address}>" if name else address


def _allowed(entry: str) -> str:
    entry = entry.strip()
    local, at, domain = entry.rpartition("@")
    if not at or local == "*":
        hint = f'for everyone of one domain: "@{domain}"'
        raise wrong("K106", "must be an address, or a domain that begins with @", hint)
    return entry if _address(f"{local or 'somebody'}@{domain}") else ""


def _delegation(code: str) -> str:
    if not re.fullmatch("[A-Z]{2}", code):
        raise wrong("K105", f'"{code}" is not a delegation: use its two capital letters, like FR')
    return code


def _language(code: str) -> str:
    if not re.fullmatch("[a-z]{2,3}", code):
        raise wrong("K105", 'must be a language in small letters, like "fr"')
    return code


def _selector(name: str) -> str:
    if not re.fullmatch(
        r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*", name
    ):
        raise wrong(
            "K105", "must be a name in the DNS: letters, figures and hyphens", '"mailer2027"'
        )
    return name


def _hold_list(name: str) -> str:
    if not name.startswith("_"):
        raise wrong(
            "K105", "must begin with _, or it would be read as a contact sheet", f'"_{name}"'
        )
    return name


Line = Annotated[str, AfterValidator(_one_line)]
Text = Annotated[str, AfterValidator(_some_text)]
Address = Annotated[str, AfterValidator(_address)]


# --------------------------------------------------------------------------------------- the tables


class Dkim(TomlTable):
    """The key that letters are signed with, where the organisation's own server does
    not sign them.
    """

    selector: Annotated[
        str, AfterValidator(_selector)
    ]  # the DNS has its public half at SELECTOR._domainkey.DOMAIN
    file: Text  # the private key, PEM, with mode 0600, relative to the workspace


class Privacy(TomlTable):
    """What the footer of letters says of somebody's data (GDPR, Articles 13 and 14)."""

    basis: Literal["legitimate interest", "public interest", "consent"]
    authority: Text  # where one can complain: "the CNIL, www.cnil.fr"
    keep_days: int = Field(90, ge=1)  # after the end of a mail-out; `mailer log retention`


class Sender(TomlTable):
    from_: Annotated[str, AfterValidator(_mailbox)] = Field(
        alias="from"
    )  # "Jana Novak <jana@rights.example>"
    reply_to: Address | None = None  # where answers and objections go; without it, to `from`
    organisation: Text  # stands in the footer of every letter
    postal_address: Line = ""
    privacy: Privacy | None = None  # without it the footer names no basis, no time and no authority
    dkim: Dkim | None = None

    @property
    def name(self) -> str:
        """The display name of `from`, empty when there is none."""
        return self.from_.rpartition("<")[0].strip()

    @property
    def address(self) -> str:
        return self.from_.rpartition("<")[2].rstrip(">")

    @property
    def answers_to(self) -> str:
        """The address that answers and objections go to."""
        return self.reply_to or self.address


class Password(TomlTable):
    """Where the password comes from: exactly one of the four."""

    env: Text | None = None  # the name of an environment variable
    file: Text | None = None  # a file with mode 0600, relative to the workspace; its first line
    keyring: Text | None = None  # "service/user" in the system's keyring
    ask: Literal[True] | None = None  # asks at the terminal each time

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: object) -> object:
        if isinstance(value, str):
            hint = (
                'password = { file = "secrets/smtp.txt" }, or { env = "NAME" }, { keyring ='
                ' "service/user" }, { ask = true }'
            )
            text = (
                "the password itself does not belong here, this file is copied and shown; say where"
                " it comes from"
            )
            raise wrong("K107", text, hint, show=False)
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> Password:
        if len(self.model_fields_set) != 1:
            raise wrong("K105", "name exactly one place: env, file, keyring or ask")
        if self.keyring and not all(self.keyring.partition("/")):
            raise wrong("K105", 'keyring must be "service/user"')
        return self

    def __str__(self) -> str:
        if self.env:
            return f"the variable {self.env}"
        if self.file:
            return f"the file {self.file}"
        return f"the keyring, {self.keyring}" if self.keyring else "asked for each time"


class OAuth(TomlTable):
    """Where a token in place of the password comes from (XOAUTH2): exactly one of the two."""

    command: tuple[Text, ...] | None = Field(
        None, min_length=1
    )  # program and arguments; it prints the token
    file: Text | None = (
        None  # a file with mode 0600 that another program keeps fresh, relative to the workspace
    )

    @model_validator(mode="before")
    @classmethod
    def _no_literal(cls, value: object) -> object:
        if isinstance(value, str):
            hint = (
                'oauth = { command = ["program", "argument"] }, or { file = "secrets/token.txt" }'
            )
            text = (
                "a token does not belong here, and lasts an hour at most; say where it comes from"
            )
            raise wrong("K107", text, hint, show=False)
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> OAuth:
        if len(self.model_fields_set) != 1:
            raise wrong("K105", "name exactly one place: command or file")
        return self


class MailAccount(TomlTable):
    """A server, and the login at it: a user with either a password or a token."""

    host: Text | None = None
    port: int = Field(0, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    user: Text | None = None
    oauth: OAuth | None = None
    password: Password | None = Field(None, validate_default=True)

    @field_validator("host")
    @classmethod
    def _is_a_host(cls, host: str | None) -> str | None:
        if host is not None and (re.search(r"[\s/@]", host) or (":" in host and not _is_ip(host))):
            raise wrong("K105", 'must be the bare name of the server, like "smtp.rights.example"')
        return host

    @field_validator("security")
    @classmethod
    def _protected_off_loopback(cls, security: str, info: ValidationInfo) -> str:
        host = info.data.get("host") or "localhost"
        if security == "none" and not (
            host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback)
        ):
            text = (
                '"none" sends everything readable over the network; it is for a server on this'
                f" computer, not for {host}"
            )
            raise wrong("K108", text, 'use "starttls" or "tls", with its port', show=False)
        return security

    @field_validator("password")
    @classmethod
    def _with_its_user(cls, password: Password | None, info: ValidationInfo) -> Password | None:
        if not {"user", "oauth"} <= info.data.keys():
            return password  # they are wrong, and that is said already
        user, token = info.data["user"], info.data["oauth"]
        if password and token:
            raise wrong(
                "K104",
                "a login takes a password or oauth, not both",
                "take one of them out",
                show=False,
            )
        if user and not password and not token:
            hint = 'password = { file = "secrets/smtp.txt" }'
            raise wrong("K104", f'is missing, and the user "{user}" has one', hint)
        if not user and (password or token):
            kind = "password" if password else "token (oauth)"
            raise wrong("K104", f"there is a {kind}, but no user", "set user as well", show=False)
        return password


class Smtp(MailAccount):
    host: Text  # "smtp.rights.example"
    port: int = Field(587, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "starttls"
    helo: Text | None = None  # the name in EHLO; without one, the domain of the sender's address
    pipelining: bool | None = None  # send commands ahead; without it, until the server loses them
    dsn: bool = (
        False  # ask for reports of failure and delay (RFC 3461), where the server offers that
    )


class Imap(MailAccount):
    """The sender's own mailbox: its folder of sent mail is evidence for an unknown letter, and
    letters can be laid among its drafts; without a host there is none.
    """

    port: int = Field(993, ge=1, le=65535)
    folder: Text | None = (
        None  # without one, the folder that the server marks as the one of sent mail
    )
    drafts: Text | None = None  # without one, the folder that the server marks as the one of drafts

    @model_validator(mode="after")
    def _is_somewhere(self) -> Imap:
        if self.host is None and (self.user or self.folder or self.drafts):
            raise wrong("K104", "host is missing", 'host = "imap.rights.example"', show=False)
        if self.host is not None and self.user is None:
            raise wrong("K104", "user is missing: a mailbox has a login", show=False)
        return self


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class AnswersMailbox(MailAccount):
    """A mailbox where answers and returns arrive."""

    port: int = Field(993, ge=1, le=65535)
    folders: tuple[Text, ...] = Field(("INBOX",), min_length=1)  # as people read their names

    @model_validator(mode="after")
    def _is_somewhere(self) -> Self:
        if self.host is None and self.user:
            raise wrong("K104", "host is missing", 'host = "imap.rights.example"', show=False)
        if self.host is not None and self.user is None:
            raise wrong("K104", "user is missing: a mailbox has a login", show=False)
        return self


class OtherMailbox(AnswersMailbox):
    host: Text


class InboxTable(AnswersMailbox):
    """What is read of what comes back. Its own host is the first mailbox; without any, files can
    still be imported.
    """

    # the others: where an organisation's answers go, or the returns
    mailboxes: tuple[OtherMailbox, ...] = ()
    keep_days: int = Field(180, ge=1)  # texts of what came back are taken away after so many days
    verp: Text | None = None  # "bounces+{}@rights.example", where the relay makes such addresses

    @property
    def all_mailboxes(self) -> tuple[AnswersMailbox, ...]:
        """Every mailbox that is read."""
        return (self, *self.mailboxes) if self.host else self.mailboxes

    @model_validator(mode="after")
    def _verp_has_a_place(self) -> Self:
        if self.verp is not None and (self.verp.count("{}") != 1 or "@" not in self.verp):
            raise wrong("K105", "must be an address with {} in it", '"bounces+{}@rights.example"')
        return self


class Limits(TomlTable):
    """How many attempts may be made, and over how many connections; 0 is no limit of ours."""

    per_minute: int = Field(60, ge=0)  # letters a minute over all connections
    per_hour: int = Field(0, ge=0)  # of any 3,600 seconds none holds more attempts
    per_day: int = Field(0, ge=0)  # of any 86,400 seconds none holds more attempts
    letters_per_person: int = Field(0, ge=0)  # of all appeals together, in so many days:
    letters_days: int = Field(30, ge=1)
    per_domain: int = Field(0, ge=0)  # a minute, to the addresses of one domain
    first: int = Field(0, ge=0)  # so many letters, then a pause for a look; 0: no pause
    connections: int = Field(2, ge=1, le=50)  # open to the server at a time
    per_connection: int = Field(50, ge=1)  # letters before a connection is closed and opened anew
    keep_trying_hours: float = Field(
        24, gt=0, le=120
    )  # RFC 5321 section 4.5.4.1: give up after four to five days

    @property
    def any(self) -> bool:
        """Whether attempts are counted at all."""
        return bool(self.per_minute or self.per_hour or self.per_day or self.per_domain)

    @property
    def interval(self) -> float:
        """Seconds between two letters; 0.0 without a limit by the minute."""
        return 60.0 / self.per_minute if self.per_minute else 0.0

    @property
    def windows(self) -> list[tuple[str, float, int]]:
        """The windows that are limited: (setting, seconds, attempts)."""
        windows = (
            ("per_minute", 60.0, self.per_minute),
            ("per_hour", 3600.0, self.per_hour),
            ("per_day", 86400.0, self.per_day),
        )
        return [one for one in windows if one[2]]


class Safety(TomlTable):
    mode: Literal["test", "live"] = "test"
    allow: tuple[
        Annotated[str, AfterValidator(_allowed)], ...
    ] = ()  # who can be reached in test mode
    approvals: int = Field(0, ge=0, le=5)  # so many others than the planner say yes to a plan,
    organisations: int = Field(0, ge=0, le=5)  # and are of at least so many organisations
    demo_only: bool = False

    @model_validator(mode="after")
    def _demo_stays_demo(self) -> Safety:
        if self.organisations > self.approvals:
            text = f"{self.approvals} people cannot be of {self.organisations} organisations"
            raise wrong("K105", text, f"approvals = {self.organisations}", show=False)
        if self.demo_only and self.mode == "live":
            text = "this workspace is for the demo alone and never goes live"
            raise wrong("K109", text, "make one for real work: mailer init my-workspace")
        return self


class Contacts(TomlTable):
    folder: Text = "contacts"
    # more headings for a known column: email = ["courriel"]
    columns: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    languages: dict[
        Annotated[str, AfterValidator(_delegation)], Annotated[str, AfterValidator(_language)]
    ] = Field(default_factory=dict)
    hold_list: Annotated[Text, AfterValidator(_hold_list)] = "_hold.csv"  # in the folder
    max_rows: int = Field(
        200_000, ge=1
    )  # of one sheet; a stray cell far below makes a sheet of a million rows


class Positions(TomlTable):
    """Where members stand: political opinions, kept for a purpose and no longer."""

    keep_until: date | None = None  # on the day after, every position is erased; without it, none


class Notice(TomlTable):
    to: tuple[Annotated[str, AfterValidator(_allowed)], ...] = ()  # whom a mail tells
    desktop: bool = False  # notify-send, where it is


class ConsoleTable(TomlTable):
    """The console as a team uses it."""

    address: Text | None = None  # "https://mailer.rights.example": the server in front of it
    second_factor: bool = False  # True: nobody works with an account without one

    @field_validator("address")
    @classmethod
    def _is_https(cls, address: str | None) -> str | None:
        if address is None:
            return None
        place = urlsplit(address)
        if place.scheme != "https" or not place.netloc or place.path not in ("", "/"):
            raise wrong("K105", "must be an https address", '"https://mailer.rights.example"')
        return f"https://{place.netloc.lower()}"


class Retention(TomlTable):
    """How long copies are kept that can be made again; `mailer log retention` takes them away."""

    copies: int = Field(30, ge=1)  # days: samples, previews, dropped sheets, reports of mistakes
    versions: int = Field(365, ge=1)  # days: earlier versions of sheets


class Log(TomlTable):
    database: Text = ".mailer/ledger.db"  # a path relative to the workspace, or postgresql://…

    @field_validator("database")
    @classmethod
    def _is_path_or_url(cls, database: str) -> str:
        if "://" not in database:
            return database
        url = urlsplit(database)
        if url.scheme.partition("+")[0] not in ("sqlite", "postgresql"):
            raise wrong(
                "K105", "must be a path, or a sqlite:// or postgresql:// address", show=False
            )
        if url.password:
            hint = "PostgreSQL reads it from ~/.pgpass (mode 0600) or from the variable PGPASSWORD"
            raise wrong("K107", "the password itself does not belong here", hint, show=False)
        return database


class Settings(TomlTable):
    sender: Sender
    smtp: Smtp
    imap: Imap = Imap()
    inbox: InboxTable = InboxTable()
    limits: Limits = Limits()
    safety: Safety = Safety()
    contacts: Contacts = Contacts()
    positions: Positions = Positions()
    notice: Notice = Notice()
    console: ConsoleTable = ConsoleTable()
    retention: Retention = Retention()
    log: Log = Log()
