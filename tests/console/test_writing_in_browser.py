"""Facts about writing letters in a real browser: from an empty workspace to a checked appeal, by
keyboard, without script, at 320 pixels; nothing that was typed is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailer.cli import cli
from tests.console.test_browser import (
    CHROMIUM,
    Site,
    chromium,
    page,
    serving,
    sign_in,
    site,
    stranger,
)
from tests.helpers.consoles import PASSWORD

__all__ = ["chromium", "page", "site", "stranger"]  # the fixtures
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
if CHROMIUM:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import Browser, Page, Route, expect

ENGLISH = """\
{{ greeting }}

We ask you to be in the Chamber on {{ session.opens }}.

{{ closing }}

{{ sender.organisation }}
"""
FRENCH = """\
{{ greeting }}

Nous vous demandons d'être dans l'hémicycle le {{ session.opens }}.

{{ closing }}

{{ sender.organisation }}
"""


@pytest.fixture
def fresh(chromium: Browser, tmp_path: Path) -> Iterator[tuple[Page, Path]]:
    """The console over a workspace in which nothing has been done yet, at 1280 pixels."""
    root = tmp_path / "work"
    assert CliRunner().invoke(cli, ["init", str(root)]).exit_code == 0
    with serving(root) as key:
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(15_000)
        opened = context.new_page()
        opened.goto(key)
        opened.wait_for_url(key.partition("/sign-in")[0] + "/")
        yield opened, root
        context.close()


def saved(page: Page) -> None:
    page.wait_for_load_state()  # before script has come the whole page is saved, and says so above
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Saved at")


def test_campaigner_from_an_empty_workspace_to_a_checked_appeal_in_two_languages(
    fresh: tuple[Page, Path],
) -> None:
    page, root = fresh
    page.get_by_role("link", name="Write the letter").click()
    page.get_by_text("New appeal", exact=True).click()
    page.get_by_label("What it is about").fill("Political prisoners, January 2027")
    page.get_by_role("button", name="Begin it").click()
    page.wait_for_url("**/letters/political-prisoners-january-2027/write/en")

    page.get_by_role("link", name="About the appeal").click()
    page.get_by_label("Its name, English").fill("the first part of the 2027 session")
    page.get_by_label("Its name, français").fill("la première partie de la session de 2027")
    page.get_by_label("The day on which it opens").fill("2027-01-25")
    page.get_by_label("Where the day stands").fill("the Assembly's calendar")
    page.get_by_label("Last day").fill("2027-01-26")
    page.get_by_label("Name, English").first.fill("Rights Example")
    page.get_by_label("Name, français").first.fill("Droits Exemple")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Saved at")

    page.get_by_role("link", name="English").click()
    page.get_by_label("Subject", exact=True).fill("Please come on {{ session.opens }}")
    page.get_by_label("Preview").fill("")
    page.get_by_label("Text", exact=True).fill(ENGLISH)
    expect(page.locator(".look dd").first).to_contain_text("Please come on 25 January 2027")
    expect(page.get_by_text("As a made-up member gets it")).to_be_visible()
    letter = page.frame_locator("iframe")
    expect(letter.get_by_text("be in the Chamber on 25 January 2027")).to_be_visible()
    saved(page)

    page.get_by_role("link", name="français").click()
    page.get_by_label("Subject", exact=True).fill("Venez le {{ session.opens }}")
    page.get_by_label("Preview").fill("")
    page.get_by_label("Text", exact=True).fill(FRENCH)
    expect(page.get_by_text("Nothing is wrong in this letter")).to_be_visible()
    page.get_by_label("Beside it").select_option("en")
    expect(page.locator(".beside")).to_contain_text("We ask you to be in the Chamber")
    saved(page)
    assert "hémicycle" in (root / "templates/political-prisoners-january-2027/fr.md").read_text()

    page.get_by_role("link", name="Check").click()
    expect(page.get_by_text("Nothing is wrong in the letters.")).to_be_visible()
    page.get_by_role("link", name="Write").click()
    page.get_by_role("link", name="History").click()
    expect(page.locator(".change").first).to_contain_text("fr.md")


def test_what_is_typed_before_script_is_there_is_looked_at(site: Site, page: Page) -> None:
    held: list[Route] = []
    page.route(  # a lambda, since playwright takes no built-in
        "**/htmx.min.js",
        lambda route: held.append(route),  # noqa: PLW0108
    )
    with page.expect_request("**/htmx.min.js"):
        page.goto(f"{site.base}/letters/vote/write/en", wait_until="commit")
    page.get_by_label("Subject", exact=True).fill("Typed early")
    held.pop().continue_()
    expect(page.locator(".look dd").first).to_contain_text("Typed early")
    page.goto("about:blank")
    with page.expect_request("**/htmx.min.js"):
        page.goto(f"{site.base}/mail-outs/M-0001/outcomes", wait_until="commit")
    page.get_by_label("refused").check()
    held.pop().continue_()
    expect(page.locator(".found")).to_have_text("1 of 8 people")


def test_words_are_offered_as_one_types_and_taken_by_keyboard(site: Site, page: Page) -> None:
    page.goto(f"{site.base}/letters/vote/write/en")
    text = page.get_by_label("Text", exact=True)
    text.fill("{{ greeting }}\n\n")
    text.press("Control+End")
    text.press_sequentially("{{del")
    offered = page.get_by_role("listbox")
    expect(offered.get_by_role("option")).to_have_count(3)
    assert Axe().run(page).response["violations"] == []
    text.press("ArrowDown")
    chosen = text.get_attribute("aria-activedescendant")
    expect(page.locator(f"#{chosen}")).to_contain_text("of_delegation")
    text.press("Enter")
    expect(offered).to_be_hidden()
    expect(text).to_have_value("{{ greeting }}\n\n{{ of_delegation }}")
    text.press_sequentially(" {{ gro")
    text.press("Escape")
    expect(offered).to_be_hidden()
    text.press_sequentially("pu }}")
    expect(page.locator("mark")).to_have_text("gropu")
    problem = page.get_by_role("link", name="line 3")
    problem.focus()
    page.keyboard.press("Enter")
    picked = "(t => t.value.slice(t.selectionStart, t.selectionEnd))"
    assert text.evaluate(picked) == "gropu"
    page.keyboard.type("group")
    expect(page.get_by_text("there is no such placeholder")).to_be_hidden()


def test_letter_is_written_and_saved_by_keyboard_alone(site: Site, page: Page) -> None:
    page.goto(f"{site.base}/letters/vote/write/fr")
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "text":
            break
    else:
        pytest.fail("the text is not reached")
    page.keyboard.press("Control+End")
    page.keyboard.type("Merci beaucoup.")
    page.keyboard.press("Control+s")
    expect(page.locator("#said")).to_contain_text("Saved at")
    assert "Merci beaucoup." in (site.root / "templates/vote/fr.md").read_text("utf-8")
    assert page.evaluate("document.activeElement.id") == "text"
    with page.expect_response("**/write/fr"):  # what is typed on is looked at, and saved by nobody
        page.keyboard.type(" Bien à vous.")
    assert "Bien à vous." not in (site.root / "templates/vote/fr.md").read_text("utf-8")


def test_two_tabs_see_both_texts_and_choose(site: Site, page: Page, stranger: Page) -> None:
    sign_in(stranger, site, "staff")
    here = f"{site.base}/letters/vote/write/en"
    page.goto(here)
    stranger.goto(here)
    page.get_by_label("Text", exact=True).fill("{{ greeting }}\n\nMine.\n")
    stranger.get_by_label("Text", exact=True).fill("{{ greeting }}\n\nTheirs.\n")
    saved(stranger)
    page.get_by_role("button", name="Save", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("staff has changed this letter")
    expect(alert).to_be_focused()
    expect(alert).to_be_in_viewport()
    expect(page.get_by_role("cell", name="Theirs.")).to_be_visible()
    expect(page.get_by_label("Text", exact=True)).to_have_value("{{ greeting }}\n\nMine.\n")
    site.shoot(page, "write-two-tabs.png")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("button", name="Save mine in its place").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved at")
    assert "Mine." in (site.root / "templates/vote/en.md").read_text("utf-8")


def test_what_was_typed_comes_back_after_the_sign_in_has_ended(site: Site, stranger: Page) -> None:
    page = stranger
    sign_in(page, site, "campaigner")
    page.goto(f"{site.base}/letters/vote/write/en")
    other = page.context.new_page()
    other.goto(site.base)
    other.get_by_role("button", name="Sign out").click()
    page.get_by_label("Text", exact=True).fill("{{ greeting }}\n\nAn hour's work.\n")
    expect(page.locator("#look")).to_contain_text("Press Save")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Name", exact=True).fill("campaigner")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Go on writing").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value(
        "{{ greeting }}\n\nAn hour's work.\n"
    )
    expect(page.get_by_text("not saved yet")).to_be_visible()
    saved(page)


def test_letters_are_written_without_script(site: Site, chromium: Browser) -> None:
    context = chromium.new_context(
        java_script_enabled=False, viewport={"width": 320, "height": 800}
    )
    page = context.new_page()
    sign_in(page, site, "staff")
    page.goto(f"{site.base}/letters/vote/write/fr")
    page.get_by_label("Text", exact=True).fill("{{ greeting }}\n\n{{ rloe }}\n")
    page.get_by_label("Beside it").select_option("en")
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_text("there is no such placeholder")).to_be_visible()
    expect(page.get_by_text('did you mean "role"?')).to_be_visible()
    expect(page.locator("mark")).to_have_text("rloe")
    expect(page.locator(".beside")).to_be_visible()
    page.get_by_label("Text", exact=True).fill("{{ greeting }}\n\nVotez, s'il vous plaît.\n")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").first).to_contain_text("Saved at")
    letter = page.frame_locator("iframe")
    expect(letter.get_by_text(re.compile("Votez, s.il vous plaît"))).to_be_visible()
    page.get_by_text(re.compile(r"Words that differ by person \(")).click()
    expect(page.get_by_text("{{ of_delegation }}")).to_be_visible()
    context.close()


def test_page_with_what_is_not_saved_asks_before_it_is_left(site: Site, page: Page) -> None:
    page.goto(f"{site.base}/letters/vote/write/en")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.get_by_label("Text", exact=True).press_sequentially("x")
    page.get_by_role("link", name="Contacts", exact=True).click()
    page.wait_for_url("**/contacts")
    assert asked == ["beforeunload"]
