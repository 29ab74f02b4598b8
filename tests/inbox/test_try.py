"""Facts about `mailer inbox try`: what it prints, what it refuses, and that it touches nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailer.cli import cli

HEAD = "delivery,message_id,envid,address,name,delegation,language,subject,date\n"
ROW = (
    "M-0001-001,<abc@rights.example>,M-0001-001,mila.torvik@chamber.example,Mila Torvik,NO,en,"
    'Please come,"Mon, 11 Jan 2027 08:31:00 +0000"\n'
)
AWAY = """\
Return-Path: <>
From: Mila Torvik <mila.torvik@chamber.example>
To: answers@rights.example
Subject: Automatic reply: Please come
In-Reply-To: <abc@rights.example>
Auto-Submitted: auto-replied
Date: Mon, 11 Jan 2027 09:00:00 +0000

I am out of the office until 25 January.
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    messages = tmp_path / "messages"
    messages.mkdir()
    (messages / "001.eml").write_text(AWAY)
    (messages / "002.eml").write_bytes(b"\xff\x00\x80 no mail at all")
    (messages / "notes.txt").write_text("not a message")
    (tmp_path / "sent.csv").write_text(HEAD + ROW)
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["-C", str(folder), "inbox", "try", *words])
    return done.exit_code, done.stdout, done.stderr


def test_the_table_has_each_message_once(folder: Path) -> None:
    before = sorted(path.name for path in folder.rglob("*"))
    code, out, _ = run(
        folder, str(folder / "messages"), "--sent", str(folder / "sent.csv"), "--csv"
    )
    assert code == 0
    assert out == "file,kind,delivery\n001.eml,away,M-0001-001\n002.eml,unrelated,\n"
    assert sorted(path.name for path in folder.rglob("*")) == before


def test_json_says_why_and_until_when(folder: Path) -> None:
    sent = ("--sent", str(folder / "sent.csv"))
    code, out, _ = run(folder, str(folder / "messages"), *sent, "--json")
    first = json.loads(out.splitlines()[0])
    assert code == 0
    assert first["until"] == "2027-01-25"
    assert first["how"] == "in_reply_to"
    assert "out of the office" in first["reason"]


def test_without_a_log_messages_are_sorted_all_the_same(folder: Path) -> None:
    code, out, err = run(folder, str(folder / "messages"), "--csv")
    assert code == 0
    assert "001.eml,away,\n" in out
    assert "no send log here" in err


def test_a_table_that_cannot_be_used_says_where(folder: Path) -> None:
    (folder / "sent.csv").write_text(HEAD + ROW.replace("Mon, 11 Jan", "someday"))
    code, _, err = run(folder, str(folder / "messages"), "--sent", str(folder / "sent.csv"))
    assert code == 2
    assert "sent.csv, line 2" in err
    (folder / "sent.csv").write_text("delivery,name\n")
    code, _, err = run(folder, str(folder / "messages"), "--sent", str(folder / "sent.csv"))
    assert code == 2
    assert "message_id" in err
