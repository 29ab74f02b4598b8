"""Facts about what the HTML of a letter may hold: nothing that is fetched, nothing that runs."""

from __future__ import annotations

import re
import shutil
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mailer.base.errors import MailerError
from mailer.letters.markup import page
from mailer.letters.message.allowed import faults
from mailer.letters.message.read_back import read_back
from tests.letters.hostile import BODY, pages

PAGES = pages()
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def test_there_are_300_hostile_pages_and_none_passes() -> None:
    assert len(PAGES) >= 300
    assert [one for one in PAGES if not page.check(one, "layout.html")] == []


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_browser_fetches_for_most_of_them_and_for_none_that_passes() -> None:
    """A real browser says which pages are hostile: a server of this computer, in the place of the
    site, writes down what it was asked for.
    """
    from playwright.sync_api import Error, sync_playwright

    asked: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_HEAD = do_GET  # noqa: N815  (so the library wants it)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site, sync_playwright() as play:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        there = f"--host-resolver-rules=MAP * 127.0.0.1:{site.server_port}"
        browser = play.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, there])
        tab = browser.new_page()
        for source in PAGES:
            with suppress(Error):  # a page that goes elsewhere by itself
                tab.set_content(page.layout(source).render(**WORDS))
        tab.wait_for_timeout(500)  # whatever the last of them still asks for
        browser.close()
        site.shutdown()
    fetched = {int(path[1:]) for path in asked if re.fullmatch(r"/\d+", path)}
    assert len(fetched) > 100
    assert [n for n in fetched if not page.check(PAGES[n], "layout.html")] == []


QUIET = ["--no-sandbox", "--disable-gpu"]
WORDS = {
    "language": "en",
    "subject": "S",
    "preview": "P",
    "letterhead": "L",
    "body": "<p>x</p>",
    "footer": "<p>f</p>",
    "footer_language": "en",
}


@pytest.mark.parametrize(
    "inside",
    [
        "<p style='color: #fff; width: calc(1px + 2px); mso-table-lspace: 0pt'>x</p>",
        "<style>@media (max-width: 600px) { p { font-size: 16px !important } }</style>",
        "<!--[if mso]><table role='presentation' width='600'><tr><td><![endif]-->"
        "<p>x</p><!--[if mso]></td></tr></table><![endif]-->",
        "<!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch>"
        "</o:OfficeDocumentSettings></xml><![endif]-->",
        "<!--[if !mso]><!--><p>x</p><!--<![endif]-->",
        "<a href='https://a.example/x?y=1' target='_blank' rel='noopener'>x</a>",
        "<img src='cid:0123456789abcdef01234567@letter' alt='x' width='10'>",
    ],
)
def test_page_as_people_write_it_passes(inside: str) -> None:
    source = f"<!DOCTYPE html><html lang='en'><body>{BODY}{inside}</body></html>"
    assert page.check(source, "layout.html") == []


def test_page_of_the_package_passes() -> None:
    assert faults(page.layout("").render(**WORDS)) == []


def test_finished_letter_that_would_fetch_is_refused() -> None:
    """Whatever let it through: the last look at the finished bytes does not."""
    raw = (
        b"From: a@a.example\r\nTo: anna@no.example\r\nSubject: x\r\nMessage-ID: <x@a>\r\n"
        b'Content-Type: multipart/alternative;\r\n boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nDear Anna,\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Dear Anna,<img src=3D'http://a.example'>\r\n"
        b"--b--\r\n"
    )
    with pytest.raises(MailerError, match="would fetch or run something") as caught:
        read_back(raw, recipient="anna@no.example", everyone=(), greeting="Dear Anna,")
    assert caught.value.code == "L403"


ALL_WORDS = "{{ language }}{{ subject }}{{ preview }}{{ body }}{{ footer }}"


@pytest.mark.parametrize(
    "bomb",
    [
        "{{ 'x' * 10**9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ body|center(1000000000) }}",
        "{% for a in range(9) %}x{% endfor %}",
        "{% if preview" + " or preview" * 4_000 + " %}x{% endif %}",
        "{% if preview %}" * 3_000 + "{% endif %}" * 3_000,
        "{% if preview %}" * 150 + "{% endif %}" * 150,
    ],
)
def test_a_page_that_would_take_time_or_memory_is_refused_in_words(bomb: str) -> None:
    assert {one.code for one in page.check(ALL_WORDS + bomb, "layout.html")} == {"L161"}
