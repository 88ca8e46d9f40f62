"""A headless Chromium, driven by its own chromedriver; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
_SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
)


def missing() -> list[str]:
    """Return the programs that are not there."""
    return [str(program) for program in (CHROMIUM, CHROMEDRIVER) if not program.exists()]


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """Start a browser with a profile of its own, and end it."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for switch in (*_SWITCHES, f"--user-data-dir={profile}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options=options, service=ChromeService(str(CHROMEDRIVER)))
    try:
        yield browser
    finally:
        browser.quit()


def look(browser: Chrome, *, width: int = 1200, height: int = 900, dark: bool = False) -> None:
    """Choose the size of the window, in pixels of CSS, and the scheme of colours."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    )
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
