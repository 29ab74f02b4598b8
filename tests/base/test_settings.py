"""Facts about the settings: what wins, what is refused and with which words, and that no password
is among them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.base.errors import UsageError
from mailer.base.settings.passwords import read_password
from mailer.base.settings.tables import Password
from mailer.base.settings.toml_lines import TomlFile
from mailer.base.settings.workspace import Workspace, load_workspace

ROOT = Path(__file__).parents[2]
GOOD = """\
[sender]
from = "Jana Novák <jana@rights.example>"
organisation = "Rights Watch Example"
[smtp]
host = "smtp.rights.example"
"""


def workspace(folder: Path, text: str = GOOD, local: str | None = None) -> Workspace:
    (folder / "config.toml").write_text(text, encoding="utf-8")
    if local is not None:
        (folder / "config.local.toml").write_text(local, encoding="utf-8")
    return load_workspace(folder)


def refused(folder: Path, text: str, local: str | None = None) -> list[str]:
    with pytest.raises(UsageError) as caught:
        workspace(folder, text, local)
    assert caught.value.exit_code == 2
    return [f"{problem} [{problem.code}]" for problem in caught.value.problems]


# ------------------------------------------------------------------------------------- what is read


def test_repository_is_a_workspace_for_the_demo_alone() -> None:
    settings = load_workspace(ROOT).settings
    assert settings.safety.demo_only
    assert settings.safety.mode == "test"
    assert all(entry.endswith(".example") for entry in settings.safety.allow)
    assert (load_workspace(ROOT).contacts_dir, load_workspace(ROOT).templates_dir) == (
        ROOT / "contacts",
        ROOT / "templates",
    )


def test_two_tables_are_enough(tmp_path: Path) -> None:
    found = workspace(tmp_path)
    assert found.settings.sender.name == "Jana Novák"
    assert found.settings.sender.address == "jana@rights.example"
    assert found.settings.sender.answers_to == "jana@rights.example"
    assert (found.settings.smtp.port, found.settings.smtp.security) == (587, "starttls")
    assert found.settings.safety.mode == "test"
    assert found.ledger_url == f"sqlite:///{tmp_path}/.mailer/ledger.db"
    assert read_password(found) is None


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("jana@rights.example", "", "jana@rights.example"),
        ("<jana@rights.example>", "", "jana@rights.example"),
        ('\\"Novák, Jana\\" <jana@rights.example>', "Novák, Jana", "jana@rights.example"),
        ("Coalition (all ten) <a@rights.example>", "Coalition (all ten)", "a@rights.example"),
        ("A. B. <A.B@Rights.Example>", "A. B.", "A.B@rights.example"),
        ("Rechte <a@münchen.example>", "Rechte", "a@xn--mnchen-3ya.example"),
    ],
)
def test_sender_is_read_as_people_write_it(
    tmp_path: Path, written: str, name: str, address: str
) -> None:
    sender = workspace(
        tmp_path, GOOD.replace("Jana Novák <jana@rights.example>", written)
    ).settings.sender
    assert (sender.name, sender.address) == (name, address)


def test_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_workspace(tmp_path).settings.smtp.host == "smtp.rights.example"


def test_own_folder_is_closed_to_others(tmp_path: Path) -> None:
    folder = workspace(tmp_path).make_state_dir()
    folder.chmod(0o755)
    assert workspace(tmp_path).make_state_dir().stat().st_mode & 0o777 == 0o700


def test_database_may_be_elsewhere(tmp_path: Path) -> None:
    assert (
        workspace(tmp_path, f'{GOOD}[log]\ndatabase = "/var/lib/mailer.db"').ledger_url
        == "sqlite:////var/lib/mailer.db"
    )
    url = "postgresql+psycopg://mailer@db.rights.example/mailer"
    assert workspace(tmp_path, f'{GOOD}[log]\ndatabase = "{url}"').ledger_url == url


# ---------------------------------------------------------------------------------------- what wins


def test_variable_wins_over_local_file_over_file_over_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_SMTP_PORT", "2525")
    local = '[smtp]\nport = 465\n\nuser = "me"\npassword = { ask = true }\n'
    found = workspace(tmp_path, f"{GOOD}port = 25\n[limits]\nconnections = 4\n", local)
    where = {
        setting.key: (setting.value, setting.origin) for setting in found.settings_with_origin()
    }
    assert where["smtp.port"] == (2525, "MAILER_SMTP_PORT")
    assert where["smtp.user"] == ("me", "config.local.toml:4")
    assert where["smtp.host"] == ("smtp.rights.example", "config.toml:5")
    assert where["limits.connections"] == (4, "config.toml:8")
    assert where["limits.per_minute"] == (60, "default")
    assert where["sender.from"] == ("Jana Novák <jana@rights.example>", "config.toml:2")


def test_list_in_a_variable_is_written_with_commas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_SAFETY_ALLOW", "me@rights.example, @partner.example")
    assert workspace(tmp_path).settings.safety.allow == ("me@rights.example", "@partner.example")


def test_variable_with_the_password_is_where_the_password_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILER_SMTP_PASSWORD", "sesame")
    monkeypatch.setenv("MAILER_SMTP_USER", "jana")
    found = workspace(tmp_path)
    password = read_password(found)
    assert password is not None
    assert password.get_secret_value() == "sesame"
    assert "sesame" not in repr(found) + repr(found.settings_with_origin()) + repr(password)


def test_wrong_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILER_SMTP_HOTS", "x")
    monkeypatch.setenv("MAILER_LIMITS_CONNECTIONS", "two")
    monkeypatch.setenv("MAILER_DEBUG", "1")  # no setting, and no business of ours here
    assert refused(tmp_path, GOOD) == [
        "MAILER_LIMITS_CONNECTIONS: limits.connections: must be a whole number: 'two' [K105]",
        'MAILER_SMTP_HOTS: smtp.hots: this is not a setting (did you mean "host"?) [K103]',
    ]


# ---------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("port = 99999", "smtp.port: must be at most 65535: '99999' [K105]"),
        ('port = "many"', "smtp.port: must be a whole number: 'many' [K105]"),
        ('hots = "x"', 'smtp.hots: this is not a setting (did you mean "host"?) [K103]'),
        ('security = "ssl"', "smtp.security: must be 'tls', 'starttls' or 'none': 'ssl' [K105]"),
        (
            'security = "none"',
            'smtp.security: "none" sends everything readable over the network; it is for a server '
            'on this computer, '
            'not for smtp.rights.example (use "starttls" or "tls", with its port) [K108]',
        ),
        ('user = ""', "smtp.user: must not be empty [K105]"),
        (
            'user = "jana"',
            'smtp.password: is missing, and the user "jana" has one (password = { file = '
            '"secrets/smtp.txt" }) [K104]',
        ),
        ("password = { ask = true }", "smtp.password: there is a password, but no user (set user "
         "as well) [K104]"),
        (
            'oauth = { file = "t" }',
            "smtp.password: there is a token (oauth), but no user (set user as well) [K104]",
        ),
        (
            'user = "jana"\noauth = { file = "t" }\npassword = { ask = true }',
            "smtp.password: a login takes a password or oauth, not both (take one of them out) "
            "[K104]",
        ),
        (
            'user = "jana"\noauth = { command = ["get"], file = "t" }',
            "smtp.oauth: name exactly one place: command or file [K105]",
        ),
        ('user = "jana"\noauth = { command = [] }', "smtp.oauth.command: must not be empty [K105]"),
        (
            'user = "jana"\noauth = { command = "get token" }',
            "smtp.oauth.command: must be a list, like [\"…\", \"…\"]: 'get token' [K105]",
        ),
        ('dsn = "failure"', "smtp.dsn: must be true or false, without quotes: 'failure' [K105]"),
        ('[imap]\nfolder = "Sent"', 'imap: host is missing (host = "imap.rights.example") [K104]'),
        ('[imap]\nhost = "imap.rights.example"',
         "imap: user is missing: a mailbox has a login [K104]"),
        (
            '[imap]\nhost = "imap.rights.example"\nsecurity = "none"\nuser = "a"\npassword = { '
            'ask = true }',
            'imap.security: "none" sends everything readable over the network; it is for a server '
            'on this computer, '
            'not for imap.rights.example (use "starttls" or "tls", with its port) [K108]',
        ),
        ("[limits]\nper_minute = -1", "limits.per_minute: must be at least 0: '-1' [K105]"),
        ("[limits]\nkeep_trying_hours = 0",
         "limits.keep_trying_hours: must be more than 0: '0' [K105]"),
        ('[safety]\nmode = "lvie"', "safety.mode: must be 'test' or 'live': 'lvie' (did you mean "
                                    "\"live\"?) [K105]"),
        (
            '[safety]\nallow = [\n"@a.example",\n"a.example",\n]',
            "safety.allow: must be an address, or a domain that begins with @: 'a.example' "
            '(for everyone of one domain: "@a.example") [K106]',
        ),
        (
            '[safety]\nallow = ["*@a.example"]',
            "safety.allow: must be an address, or a domain that begins with @: '*@a.example' "
            '(for everyone of one domain: "@a.example") [K106]',
        ),
        ('[safety]\nallow = "@a.example"', "safety.allow: must be a list, like [\"…\", \"…\"]: "
         "'@a.example' [K105]"),
        (
            '[safety]\nmode = "live"\ndemo_only = true',
            "safety: this workspace is for the demo alone and never goes live "
            "(make one for real work: mailer init my-workspace) [K109]",
        ),
        ('[contacts]\ncolumns = { email = "courriel" }', "contacts.columns.email: must be a list, "
         "like [\"…\", \"…\"]: 'courriel' [K105]"),
        (
            '[contacts.languages]\nfr = "fr"',
            "contacts.languages.fr: \"fr\" is not a delegation: use its two capital letters, like "
            "FR: 'fr' [K105]",
        ),
        (
            '[contacts.languages]\nFR = "French"',
            "contacts.languages.FR: must be a language in small letters, like \"fr\": 'French' "
            "[K105]",
        ),
        ('[log]\ndatabase = "mysql://a/b"', "log.database: must be a path, or a sqlite:// or "
         "postgresql:// address [K105]"),
        ("[lgo]\nx = 1", 'lgo: this is not a setting (did you mean "log"?) [K103]'),
        ("[limits.connections]\nx = 1", "limits.connections: must be a whole number [K105]"),
    ],
)  # fmt: skip
def test_mistake_is_told_with_its_line(tmp_path: Path, line: str, problem: str) -> None:
    (found,) = refused(tmp_path, f"{GOOD}{line}\n")
    file, row, rest = found.split(":", 2)
    assert (file, rest.strip()) == ("config.toml", problem)
    written = f"{GOOD}{line}".splitlines()[int(row) - 1]
    key = problem.split(":", maxsplit=1)[0].rpartition(".")[2]
    value = problem.partition("'")[2].partition("'")[0]
    assert (
        key in written or value in written or "missing" in problem
    )  # a missing key is told at its table


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = '[sender]\nfrom = "Jana"\n[smtp]\nport = 0\nhots = "x"\n'
    assert [
        problem.split(" ")[0] + problem.split(" ")[1]
        for problem in refused(tmp_path, text, "[limits]\nper_week = 1\n")
    ] == [
        "config.local.toml:2:limits.per_week:",
        "config.toml:1:sender.organisation:",
        "config.toml:2:sender.from:",
        "config.toml:3:smtp.host:",
        "config.toml:4:smtp.port:",
        "config.toml:5:smtp.hots:",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "jana@rights.example",
            "jana@rights",
            "this address cannot work: the part after the @-sign is not valid",
        ),
        (
            "jana@rights.example",
            "jána@rights.example",
            "this address cannot work: internationalized characters",
        ),
        ("Jana Novák", "Jana\\r\\nBcc: x@y.example", "must stand on one line"),
        ("Rights Watch Example", "Rights\\nWatch", "must stand on one line"),
        (
            "smtp.rights.example",
            "https://smtp.rights.example/",
            "must be the bare name of the server",
        ),
        ("smtp.rights.example", "smtp.rights.example:587", "must be the bare name of the server"),
    ],
)
def test_text_that_would_break_a_header_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    (found,) = refused(tmp_path, GOOD.replace(old, new))
    assert said in found


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_unprotected_line_is_for_this_computer(tmp_path: Path, host: str) -> None:
    text = GOOD.replace("smtp.rights.example", host) + 'security = "none"\n'
    assert workspace(tmp_path, text).settings.smtp.security == "none"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[smtp]\nhost = "x"\nport 25\n',
            "config.toml:3: this line cannot be read: Expected '=' after a key",
        ),
        ("[smtp\n", "config.toml:1: this line cannot be read: Expected ']'"),
        ("x =", "config.toml:1: this line cannot be read: Invalid value"),
        ("a = 1\na = 2\n", "config.toml:2: this line cannot be read: Cannot overwrite a value"),
    ],
)
def test_broken_toml_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    (found,) = refused(tmp_path, text)
    assert found.startswith(said)


def test_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(GOOD.encode("latin-1"))
    with pytest.raises(UsageError) as caught:
        load_workspace(tmp_path)
    assert (
        str(caught.value.problems[0]) == "config.toml: the file is not in UTF-8 (save it as UTF-8)"
    )


def test_missing_workspace_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no config\.toml in") as caught:
        load_workspace(tmp_path)
    assert "mailer init" in caught.value.hint
    assert "-C FOLDER" in caught.value.hint


# ---------------------------------------------------------------------------------------- passwords


def with_password(source: str) -> str:
    return f'{GOOD}user = "jana"\npassword = {source}\n'


def test_password_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, with_password('"sesame"'))
    assert found.startswith(
        "config.toml:7: smtp.password: the password itself does not belong here"
    )
    assert "sesame" not in found


def test_password_under_a_misspelt_name_is_not_repeated(tmp_path: Path) -> None:
    assert "sesame" not in " ".join(refused(tmp_path, f'{GOOD}pasword = "sesame"\n'))


def test_password_in_the_database_address_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, f'{GOOD}[log]\ndatabase = "postgresql://me:sesame@db/x"\n')
    assert "[K107]" in found
    assert "sesame" not in found


def test_token_in_the_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (found,) = refused(tmp_path, f'{GOOD}user = "jana"\noauth = "eyJsesame"\n')
    assert found.startswith("config.toml:7: smtp.oauth: a token does not belong here")
    assert "sesame" not in found


def test_mailbox_has_a_login_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = workspace(
        tmp_path,
        f'{GOOD}[imap]\nhost = "imap.rights.example"\nuser = "jana"\npassword = {{ env = "X" }}\n',
    )
    imap = found.settings.imap
    assert (imap.port, imap.security, imap.folder) == (993, "tls", None)
    monkeypatch.setenv("X", "sesame")
    password = read_password(found, imap)
    assert password is not None
    assert password.get_secret_value() == "sesame"
    assert read_password(found) is None
    monkeypatch.setenv("MAILER_IMAP_PASSWORD", "other")
    assert load_workspace(tmp_path).settings.imap.password == Password(env="MAILER_IMAP_PASSWORD")


@pytest.mark.parametrize("source", ["{}", '{ env = "A", ask = true }', '{ keyring = "service" }'])
def test_password_comes_from_exactly_one_place(tmp_path: Path, source: str) -> None:
    (found,) = refused(tmp_path, with_password(source))
    assert "[K105]" in found


def test_password_file_is_read_at_use(tmp_path: Path) -> None:
    found = workspace(tmp_path, with_password('{ file = "secrets/smtp.txt" }'))
    with pytest.raises(UsageError, match="cannot be read: No such file") as caught:
        read_password(found)
    assert caught.value.code == "K110"
    (tmp_path / "secrets").mkdir()
    file = tmp_path / "secrets" / "smtp.txt"
    file.touch(mode=0o600)
    with pytest.raises(UsageError, match="No password was found in the file"):
        read_password(found)
    file.write_text("open sesame \r\nsecond line\n", encoding="utf-8")
    password = read_password(found)
    assert password is not None
    assert password.get_secret_value() == "open sesame "


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_password_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "smtp.txt").write_text("sesame\n", encoding="utf-8")
    (tmp_path / "smtp.txt").chmod(mode)
    with pytest.raises(UsageError, match=f"its mode is {mode:04o}") as caught:
        read_password(workspace(tmp_path, with_password('{ file = "smtp.txt" }')))
    assert caught.value.hint == f"chmod 600 {tmp_path}/smtp.txt"


def test_missing_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No password was found in the variable RIGHTS_SMTP"):
        read_password(workspace(tmp_path, with_password('{ env = "RIGHTS_SMTP" }')))


def test_password_is_not_asked_for_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "empty").open("w+") as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(UsageError, match="asked for at the terminal, and there is none"):
            read_password(workspace(tmp_path, with_password("{ ask = true }")))


def test_keyring_that_is_not_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match="a part that is not installed"):
        read_password(workspace(tmp_path, with_password('{ keyring = "rights/jana" }')))


# ----------------------------------------------------------------------------- lines of a TOML file

MIXED = '''\
a.b = 1
[smtp]
password = { env = "X", note = "}" }  # ] a comment
text = """
port = 3
"""
list = [
  "a", # c ]
  "b",
]
"q u" = 1979-05-27 07:32:00
[[who]]
name = 1
[who.sub]
z = 1
[[who]]
name = { en = "]", fr = '}' }
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a", "b"), 1),
        (("smtp",), 2),
        (("smtp", "password", "note"), 3),
        (("smtp", "port"), 2),  # it stands inside a text only: the nearest is its table
        (("smtp", "list", 0), 8),
        (("smtp", "list", 1), 9),
        (("smtp", "q u"), 11),
        (("who", 0, "sub", "z"), 15),
        (("who", 1), 16),
        (("who", 1, "name", "fr"), 17),
        (("nothing",), None),
    ],
)
def test_line_of_a_setting_is_found(path: tuple[str | int, ...], line: int | None) -> None:
    assert TomlFile.parse(MIXED, "x.toml").line_of(path) == line


KEYS = st.sampled_from(["a", "b", '"c d"', "'e#'", "f-g"])
TEXTS = st.sampled_from(
    ['"x # ["', "'y = ]'", '"""\nz = {\n"""', "'''\n[q]\n'''", "1.5", "true", "07:32:00", '"\\""']
)
VALUES = st.recursive(
    TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3).map(
            lambda items: "[\n" + "".join(f"{item}, # ]\n" for item in items) + "]"
        )
        | st.dictionaries(KEYS, inner.filter(lambda value: "\n" not in value), max_size=3).map(
            lambda pairs: (
                "{ " + ", ".join(f"{key} = {value}" for key, value in pairs.items()) + " }"
            )
        )
    ),
    max_leaves=6,
)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=3))
def test_every_key_of_any_file_is_found_on_a_line_that_holds_it(
    tables: dict[str, dict[str, str]],
) -> None:
    text = "".join(
        f"[{table}] # [\n" + "".join(f"{key} = {value}\n" for key, value in pairs.items())
        for table, pairs in tables.items()
    )
    file = TomlFile.parse(text, "x.toml")
    lines = text.split("\n")
    for path in paths(file.values):
        line = lines[file.lines[path] - 1]
        assert isinstance(path[-1], int) or path[-1] in line


def paths(value: object, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [
        found for key, item in inner for found in [(*before, key), *paths(item, (*before, key))]
    ]


def test_hold_list_cannot_be_taken_for_a_contact_sheet(tmp_path: Path) -> None:
    text = (
        (Path(__file__).parents[2] / "config.toml")
        .read_text("utf-8")
        .replace('"_hold.csv"', '"hold.csv"')
    )
    (tmp_path / "config.toml").write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        load_workspace(tmp_path)
    (problem,) = caught.value.problems
    assert "must begin with _" in problem.message
    assert problem.suggestion == '"_hold.csv"'
