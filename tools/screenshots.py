"""Pictures of the console for the documents, taken from the running demonstration.

    python -m tools.screenshots                                   starts the demonstration, waits, takes, ends it
    python -m tools.screenshots --url URL --user NAME --password WORD      takes them from a console that runs already

Needs Chromium (`tools/bootstrap.sh test`). Without arguments it reads address and login from what the demonstration
prints.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "img"
SIZE = ViewportSize(width=1280, height=800)
PAGES = {"overview": "/", "triage": "/triage"}
"""Name of the picture and path of the page."""
READY_S = 90.0
SETTLE_S = 30.0
"""The demonstration's morning is under way by then: something is broken, something has healed."""

URL = re.compile(r"https?://(?:127\.0\.0\.1|localhost)[:\d]*")
LOGIN = re.compile(r"Người trực:\s*(\S+)\s+mật khẩu\s+(\S+)")


@contextmanager
def demonstration() -> Iterator[tuple[str, str, str]]:
    """Address, user and password of a demonstration of our own; it is ended afterwards."""
    program = Path(sys.executable).with_name("diemcau")
    process = subprocess.Popen([program, "demo"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield _login_of(process)
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _login_of(process: subprocess.Popen[str]) -> tuple[str, str, str]:
    """Read the demonstration's words until they have named both. Raises SystemExit when they do not."""
    said = ""
    deadline_s = time.monotonic() + READY_S
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        url, login = URL.search(said), LOGIN.search(said)
        if url and login:
            return url.group(), login.group(1), login.group(2)
        if time.monotonic() > deadline_s:
            break
    raise SystemExit(f"the demonstration named no address and login:\n{said}")


def sign_in(page: Page, url: str, user: str, password: str) -> None:
    """Through the form, as a person does."""
    page.goto(f"{url}/login")
    page.fill("#name", user)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_url(lambda address: "/login" not in address)


def take(url: str, user: str, password: str, folder: Path, wait_s: float) -> list[Path]:
    """One picture a page, in Vietnamese, in light colours. Gives the files."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("chromium is missing: tools/bootstrap.sh test")
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport=SIZE, color_scheme="light", locale="vi-VN", timezone_id="Asia/Ho_Chi_Minh")
        sign_in(page, url, user, password)
        page.wait_for_timeout(1000 * wait_s)
        for name, path in PAGES.items():
            page.goto(url + path)
            page.wait_for_timeout(1000)  # fonts, and the first words of the live stream
            file = folder / f"{name}.png"
            page.screenshot(path=file, animations="disabled")
            taken.append(file)
        browser.close()
    return taken


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="address of a running console")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--out", type=Path, default=IMAGES, help=f"folder (default {IMAGES.relative_to(ROOT)})")
    parser.add_argument("--wait", type=float, default=SETTLE_S, help="seconds between signing in and the first picture")
    arguments = parser.parse_args()
    if arguments.url:
        files = take(arguments.url.rstrip("/"), arguments.user, arguments.password, arguments.out, arguments.wait)
    else:
        with demonstration() as (url, user, password):
            files = take(url, user, password, arguments.out, arguments.wait)
    sys.stdout.writelines(f"{file}\n" for file in files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
