"""A real Chromium that opens pages from the disk."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver

from tests.hosts import axe

OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--window-size=1400,1000"),
)
PACKAGES = "chromium and chromedriver are not installed (Debian: chromium chromium-driver)"


def missing() -> bool:
    """Return whether this machine has no Chromium."""
    return not (shutil.which("chromium") and shutil.which("chromedriver"))


@contextlib.contextmanager
def start() -> Iterator[webdriver.Chrome]:
    """Start Chromium, and end it. It logs every request, so that one that leaves the disk is seen."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for option in OPTIONS:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    with webdriver.Chrome(options=options, service=service) as opened:
        yield opened


def show(chromium: webdriver.Chrome, page: Path, width: int, scheme: str, height: int = 900) -> None:
    """Open a page at a width, in light or dark."""
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    resize(chromium, width, height)
    chromium.get(page.as_uri())


def resize(chromium: webdriver.Chrome, width: int, height: int = 900) -> None:
    """Give the page that is open another width."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def faults(chromium: webdriver.Chrome, part: str = "html") -> list[tuple[str, str, list[str]]]:
    """Return the faults that axe-core finds in the page that is open, or in a part of it."""
    chromium.execute_script(axe.script())
    found: dict[str, object] = chromium.execute_async_script(axe.RUN, part)
    return axe.faults(found)
