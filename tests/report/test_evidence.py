"""Facts about the bytes that went out: the log gives back what the server got, to the byte, signed
or not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from mailer.cli import cli
from mailer.sending.demo_server import Mailbox

ANNA = "anna.berg@no.parliament.example"
RUN = Callable[..., Result]


def write_key(path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.touch(mode=0o600)
    path.write_bytes(key)


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], tuple[RUN, Path]]:
    """Call it to send one letter, signed here or not; it gives a command line, and the bytes that
    the server got.
    """
    for name in ("COLUMNS", "MAILER_SMTP_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "work"

    def run(*args: str | Path) -> Result:
        return CliRunner().invoke(cli, ["-C", str(root), *map(str, args)])

    def send(signed: bool) -> tuple[RUN, Path]:
        assert run("init", root).exit_code == 0
        (root / "contacts" / "members.xlsx").unlink()
        (root / "contacts" / "norway.csv").write_text(
            f"Delegation,Name,E-mail,Language,Gender\nNO,Anna Berg,{ANNA},en,f\n", encoding="utf-8"
        )
        write_key(root / "dkim.pem")
        with Mailbox(tmp_path / "box") as mailbox:
            key = 'dkim = { selector = "k1", file = "dkim.pem" }\n' if signed else ""
            (root / "config.toml").write_text(
                f'[sender]\nfrom = "Jana <jana@rights.example>"\norganisation = "Rights"\n{key}'
                f'[smtp]\nhost = "127.0.0.1"\nport = {mailbox.port}\nsecurity = "none"\n'
                '[safety]\nallow = ["@no.parliament.example"]\n',
                encoding="utf-8",
            )
            assert run("plan", "first-appeal").exit_code == 0
            result = run("send", "M-0001", "--confirm", "1")
            assert result.exit_code == 0, result.stderr
        return run, tmp_path / "box" / f"{ANNA}.eml"

    return send


@pytest.mark.parametrize("signed", [False, True])
def test_log_gives_back_what_the_server_got(
    sent: Callable[[bool], tuple[RUN, Path]], tmp_path: Path, signed: bool
) -> None:
    run, arrived = sent(signed)
    data = arrived.read_bytes()
    assert data.startswith(b"DKIM-Signature:") is signed
    result = run("log", "show", "berg", "--eml", tmp_path / "letter.eml")
    assert (tmp_path / "letter.eml").read_bytes() == data
    assert f"exactly as it went out, SHA-256 {sha256(data).hexdigest()}" in result.stderr
    found = json.loads(run("log", "show", "berg", "--text", "--json").stdout)
    assert (found["sha256"], found["exact"]) == (sha256(data).hexdigest(), True)


def test_letter_signed_with_a_key_that_is_gone_is_not_called_exact(
    sent: Callable[[bool], tuple[RUN, Path]], tmp_path: Path
) -> None:
    run, arrived = sent(True)
    write_key(tmp_path / "work" / "dkim.pem")
    result = run("log", "show", "berg", "--eml", tmp_path / "letter.eml")
    assert "whose key is not the one in the settings" in result.stderr
    assert "exactly" not in result.stderr
    data = (tmp_path / "letter.eml").read_bytes()
    assert data.startswith(b"Date:")
    assert arrived.read_bytes().endswith(data)
    assert json.loads(run("log", "show", "berg", "--text", "--json").stdout)["exact"] is False
