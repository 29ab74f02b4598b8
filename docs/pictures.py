"""Make the pictures of the documentation anew, from the demo: `make pictures`.

It runs the demo in a temporary folder, opens the console on it in a headless Chromium, and writes
docs/pictures/*.png. Nothing leaves this computer, and everybody in the pictures is invented.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parent
MAILER = [sys.executable, "-m", "mailer"]
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PICTURES = {
    "start": ("/", "light", 700),
    "mail-out": ("/mail-outs/M-0001", "light", 900),
    "outcomes": ("/mail-outs/M-0001/outcomes?state=refused&state=unknown", "light", 860),
    "person": ("/mail-outs/M-0001/outcomes?state=unknown", "light", 900),
    "delegations": ("/mail-outs/M-0001/delegations", "dark", 900),
    "letter": ("/letters/azerbaijan-credentials", "light", 900),
    "writing": ("/letters/azerbaijan-credentials/write/fr?beside=en", "light", 1000),
}
"""Name → page, scheme, height. The picture of a person follows the first link of its page."""


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("The pictures need Chromium (Debian: apt-get install chromium).")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [*MAILER, "-C", str(ROOT), "-q", "demo"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        workspace = Path(folder) / "demo-workspace"
        command = [*MAILER, "-C", str(workspace), "console", "--no-open", "--port", "0", "--json"]
        named = {**os.environ, "LOGNAME": "jana"}
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=named) as server,
            sync_playwright() as play,
        ):
            try:
                assert server.stdout
                link = json.loads(server.stdout.readline())["url"]
                browser = play.chromium.launch(executable_path=chromium, args=QUIET)
                page = browser.new_page(viewport={"width": 1200, "height": 900})
                page.goto(link)
                base = link.partition("/sign-in")[0]
                page.wait_for_url(f"{base}/")
                for name, (path, scheme, height) in PICTURES.items():
                    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                    page.set_viewport_size({"width": 1200, "height": height})
                    page.goto(base + path)
                    if name == "person":
                        page.locator("tbody th a").first.click()
                        page.wait_for_load_state()
                    page.screenshot(path=HERE / "pictures" / f"{name}.png")
                    print(f"docs/pictures/{name}.png")
                browser.close()
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
