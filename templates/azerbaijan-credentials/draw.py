"""Draw the pictures of this appeal anew, from `facts.toml` and the words in `drawing.toml`.

`make drawings` makes two pictures in each language, each as SVG and as the PNG that letters carry:
an infographic of what the Assembly asked for and what followed, and a cover of the report that says
of itself that it is no original. No figure is typed in the words: whatever changes in `facts.toml`
changes in the pictures. The PNG needs Chromium and Pillow; the SVG needs nothing.
"""

from __future__ import annotations

import io
import re
import shutil
import textwrap
import tomllib
from collections.abc import Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WIDTH = 640
MARGIN = 30
COLOURS = 12
"""Enough for five colours and the edges of letters: every letter carries these bytes."""
BARS = ("prisoners_2023_12", "prisoners_2025_02", "prisoners_2025_06", "prisoners")
REPORT = "A Decade of Contempt for the Council of Europe"
FONT = "DejaVu Sans, Verdana, Segoe UI, Arial, sans-serif"
NAVY, WHITE, PALE, AMBER, LINE = "#12293f", "#ffffff", "#d5e0ea", "#ffc45c", "#3d5a75"
"""A dark card: it stands well on a white page and on a black one."""


class Sheet:
    """Lines of an SVG, from the top down."""

    def __init__(self) -> None:
        self.y = 0
        self.parts: list[str] = []

    def text(
        self, words: str, size: int, colour: str, *, bold: bool = False, down: int = 0
    ) -> None:
        """Write words, broken into lines that fit, `down` units below what stands there."""
        self.y += down
        letters = int((WIDTH - 2 * MARGIN) / (size * (0.64 if bold else 0.55)))
        for line in textwrap.wrap(words, letters, break_long_words=False, break_on_hyphens=False):
            self.y += round(size * 1.32)
            weight = ' font-weight="bold"' if bold else ""
            style = f'x="{MARGIN}" y="{self.y}" font-size="{size}" fill="{colour}"{weight}'
            self.parts.append(f"<text {style}>{escape(line, quote=False)}</text>")

    def box(self, x: int, y: int, width: int, height: int, colour: str) -> None:
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{colour}"/>'
        )

    def svg(self, title: str, language: str) -> str:
        height = (self.y + MARGIN + 3) // 4 * 4  # a whole number of dots at every scale
        size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}'
        ground = f'<rect width="{WIDTH}" height="{height}" fill="{NAVY}"/>'
        name = f"<title>{escape(title, quote=False)}</title>"
        return "\n".join(
            [
                f'{head} xml:lang="{language}" font-family="{FONT}">',
                name,
                ground,
                *self.parts,
                "</svg>",
                "",
            ]
        )


def infographic(words: Mapping[str, Any], facts: Mapping[str, Any], language: str) -> str:
    """Draw what the Assembly asked for, and what followed."""
    value = {key: fact["value"][language].replace("'", "’") for key, fact in facts.items()}
    sheet = Sheet()
    sheet.text(words["title"], 32, WHITE, bold=True, down=16)
    sheet.text(words["asked"].format_map(value), 22, AMBER, down=4)
    for asked, since, drawn in words["parts"]:
        sheet.y += 20
        sheet.box(MARGIN, sheet.y, WIDTH - 2 * MARGIN, 2, LINE)
        sheet.text(asked.format_map(value), 25, WHITE, bold=True, down=6)
        sheet.text(since.format_map(value), 22, PALE, down=4)
        if drawn == "bars":
            _bars(sheet, facts, value)
    sheet.y += 20
    sheet.box(MARGIN, sheet.y, WIDTH - 2 * MARGIN, 2, LINE)
    sheet.text(words["foot"].format_map(value | {"sites": _sites(words, facts)}), 20, PALE, down=4)
    return sheet.svg(words["title"], language)


def _sites(words: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Return the sites on which the facts of the picture stand, each once."""
    said = " ".join([words["asked"], *(text for part in words["parts"] for text in part[:2])])
    used = [*re.findall(r"\{(\w+)\}", said), *BARS]
    addresses = [
        site
        for key in used
        for site in re.findall(r"https?://(?:www\.)?([^/\s;,]+)", facts[key]["source"])
    ]
    return ", ".join(dict.fromkeys(addresses))


def _bars(sheet: Sheet, facts: Mapping[str, Any], value: Mapping[str, str]) -> None:
    most = max(int(value[key]) for key in BARS)
    sheet.y += 16
    for key in BARS:
        day: date = facts[key]["date"]
        length = round((WIDTH - 2 * MARGIN - 200) * int(value[key]) / most)
        middle = sheet.y + 26
        when = f'x="{MARGIN}" y="{middle}" font-size="22" fill="{PALE}"'
        sheet.parts.append(f"<text {when}>{day.month:02}/{day.year}</text>")
        sheet.box(MARGIN + 116, sheet.y + 4, length, 30, AMBER)
        at = MARGIN + 116 + length + 12
        how_many = f'x="{at}" y="{middle + 2}" font-size="26" font-weight="bold" fill="{WHITE}"'
        sheet.parts.append(f"<text {how_many}>{value[key]}</text>")
        sheet.y += 42


def cover(words: Mapping[str, Any], facts: Mapping[str, Any], language: str) -> str:
    """Draw a cover for the report, labelled as ours."""
    sheet = Sheet()
    sheet.box(0, 0, WIDTH, 16, AMBER)
    sheet.text(facts["report"]["value"][language].replace("'", "’"), 66, WHITE, bold=True, down=56)
    sheet.text(REPORT, 40, PALE, down=18)
    sheet.box(MARGIN, sheet.y + 60, 120, 6, AMBER)
    sheet.text(words["by"], 28, PALE, down=84)
    sheet.text(words["cover"], 40, AMBER, bold=True, down=50)
    return sheet.svg(words["cover"], language)


def drawings() -> dict[str, str]:
    """Return the SVG of each picture, by the name of its file."""
    facts = tomllib.loads((HERE / "facts.toml").read_text(encoding="utf-8"))
    words = tomllib.loads((HERE / "drawing.toml").read_text(encoding="utf-8"))
    return {
        f"{name}.{language}.svg": draw(words[language], facts, language)
        for language in words
        for name, draw in (("infographic", infographic), ("cover", cover))
    }


def main() -> None:
    from PIL import Image
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("The pictures need Chromium (Debian: apt-get install chromium).")
    folder = HERE / "files"
    folder.mkdir(exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, svg in drawings().items():
            (folder / name).write_text(svg, encoding="utf-8")
            height = int(re.search(r'height="(\d+)"', svg)[1])  # type: ignore[index]
            scale = 1.25 if name.startswith("infographic") else 0.75
            page = browser.new_page(
                viewport={"width": WIDTH, "height": height}, device_scale_factor=scale
            )
            page.set_content(f"<style>body {{ margin: 0 }} svg {{ display: block }}</style>{svg}")
            shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            shot.quantize(COLOURS, dither=Image.Dither.NONE).save(
                folder / name.replace(".svg", ".png"), optimize=True
            )
            page.close()
            print(f"files/{name} and its PNG")
        browser.close()


if __name__ == "__main__":
    main()
