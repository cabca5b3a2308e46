"""Show pages to a real browser without a window (Debian: apt-get install chromium)."""

import html
import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

WIDTHS = {"desktop": 1280, "phone": 390}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
_QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--allow-file-access-from-files",
]


def chromium(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the browser with a home of its own."""
    command = [str(CHROMIUM), *_QUIET, f"--user-data-dir={home / 'profile'}"]
    environment = {**os.environ, "HOME": str(home)}
    return subprocess.run(
        [*command, "--enable-logging=stderr", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
    )


def ask(folder: Path, page: str, script: str, width: int) -> tuple[object, str]:
    """Show a page in a frame of a width, run a script in it; return its answer and what was logged.

    The frame makes windows possible that are narrower than the browser allows.
    """
    probe = f"<script>window.answer = async () => {{ {script} }}</script></body>"
    (folder / "page.html").write_text(page.replace("</body>", probe), encoding="utf-8")
    frame = f"""<!doctype html><iframe src="page.html" width="{width}" height="900"></iframe>
    <script>
    document.querySelector("iframe").onload = async (event) => {{
      const said = document.createElement("pre");
      said.id = "answer";
      said.textContent = JSON.stringify(await event.target.contentWindow.answer());
      document.body.append(said);
    }};
    </script>"""
    (folder / "frame.html").write_text(frame, encoding="utf-8")
    options = ("--window-size=1400,1000", "--virtual-time-budget=20000", "--dump-dom")
    done = chromium(folder, *options, (folder / "frame.html").as_uri())
    found = re.search(r'<pre id="answer">(.*?)</pre>', done.stdout, re.S)
    assert found, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    logged = "\n".join(line for line in lines if "source: chrome://" not in line)  # not of the page
    return json.loads(html.unescape(found[1])), logged


def picture(folder: Path, page: Path, target: Path, width: int, height: int) -> None:
    """Draw a page in a window of a width, without borders."""
    frame = f'<!doctype html><body style="margin:0"><iframe src="{page.as_uri()}" width="{width}"'
    (folder / "frame.html").write_text(f'{frame} height="{height}" style="border:0"></iframe>')
    size = f"--window-size={max(width, 500)},{height}"
    chromium(folder, size, f"--screenshot={target}", (folder / "frame.html").as_uri())


def axe(folder: Path) -> str:
    """Return the source of axe-core, which checks accessibility, from npm; skip without it."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed, and axe-core comes from there")
    command = ["npm", "pack", "axe-core@4", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    archives = [*folder.glob("*.tgz")]
    if done.returncode or not archives:
        pytest.skip("axe-core could not be downloaded from npm")
    with tarfile.open(archives[0]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()
