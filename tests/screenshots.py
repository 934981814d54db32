"""How do the ten screens of the README look today? `make screenshots` starts the demo town and takes them."""

import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from PIL import Image

from tests.browser import browser

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "screenshots"
PASSWORD = "cour-de-recre-2026"
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 860}


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder, port):
    """The portal with its demo town, as `make run` starts it."""
    environment = {**os.environ, "PREAU_INSTANCE": folder, "PORT": str(port)}
    process = subprocess.Popen([sys.executable, "run.py"], cwd=ROOT, env=environment, start_new_session=True)
    for _attempt in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2)
            return process
        except OSError:
            time.sleep(0.5)
    raise SystemExit("The portal did not start.")


def sign_in(running, base, username, size):
    """A page of somebody who has signed in."""
    page = running.new_context(viewport=size, locale="fr-FR", base_url=base, device_scale_factor=1).new_page()
    page.goto("/login/")
    page.fill("[name=username]", username)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def shoot(page, path, name):
    """Open an address and keep what the screen shows."""
    if path:
        page.goto(path)
    page.wait_for_load_state("networkidle")
    lighten(page.screenshot(animations="disabled"), FOLDER / f"{name}.png")


def lighten(content, path):
    """Keep a picture in 256 colours: a third of its weight, and nobody sees it."""
    picture = Image.open(io.BytesIO(content)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def families(running, base):
    """What Christelle sees on her telephone, and at home."""
    page = running.new_context(viewport=DESK, locale="fr-FR", base_url=base).new_page()
    shoot(page, "/login/", "login")
    page = sign_in(running, base, "galbert", PHONE)
    shoot(page, "/portail/", "home")
    page.goto("/portail/enfants/")
    child = page.locator("main a[href^='/portail/enfants/']").first.get_attribute("href")
    shoot(page, child, "child")
    page.goto("/portail/compte/")
    form = page.locator("main a[href*='/demande/guardian/edit/']").first.get_attribute("href")
    shoot(page, form, "request_form")
    page.fill("[name=work_phone]", "01 60 20 30 40")
    page.locator("main form button.btn-primary").last.click()
    page.wait_for_url("**/lot/**")
    shoot(page, None, "receipt")
    page = sign_in(running, base, "galbert", DESK)
    shoot(page, "/portail/compte/", "account")
    shoot(page, "/portail/demandes/", "requests")


def staff(running, base):
    """What Nadia sees on a Monday morning."""
    page = sign_in(running, base, "agent", DESK)
    shoot(page, "/mairie/demandes/", "queue")
    # A file that has changed meanwhile shows the most: before, after, now.
    shoot(page, page.locator(".lot:has(.sign-conflict) > a").first.get_attribute("href"), "lot")
    page.goto("/mairie/familles/?q=Galbert")
    shoot(page, page.locator("main tbody a[href^='/mairie/familles/']").first.get_attribute("href"), "family")


def main():
    """Start, look, stop."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        process = start(folder, port)
        try:
            with browser() as running:
                families(running, f"http://127.0.0.1:{port}")
                staff(running, f"http://127.0.0.1:{port}")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)
    print(f"{len(list(FOLDER.glob('*.png')))} screens in {FOLDER.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
