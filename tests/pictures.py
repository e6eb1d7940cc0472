"""Make the picture of the fleet's page: ``python -m tests.pictures``."""

import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from provisioner.fleet import report
from tests.cases.results import DRIFT, HELD, failed, result
from tests.helpers.browser import show, start
from tests.hosts.agent import CHECKOUT

PICTURE = CHECKOUT / "docs/pictures/fleet.png"
WIDTH, HEIGHT = 1200, 800


def fleet() -> str:
    """Return the page of a small fleet: most hosts in sync, some with drift, one without Docker, one missing."""
    now = f"{datetime.now(UTC) - timedelta(minutes=9):%Y-%m-%dT%H:%M:%SZ}"
    found = [result(name=f"build-{number}", time=now) for number in range(1, 17)]
    found += [result({**DRIFT, "since": now}, name=f"arm-{number}", time=now) for number in (1, 2, 3)]
    stopped = failed(name="old-2", time=now)
    stopped["error"] = {**stopped["error"], "since": now}
    found += [result({**HELD, "since": now}, name="old-1", time=now), stopped]
    with tempfile.TemporaryDirectory() as folder:
        results, expected = Path(folder) / "results", Path(folder) / "expected"
        results.write_text("\n".join(map(json.dumps, found)) + "\n")
        names = [str(row["host"]["name"]) for row in found]
        expected.write_text("\n".join((*names, "build-17")) + "\n")
        return report([str(results)], "html", 2 * 86400, str(expected))


def main() -> None:
    """Write the picture."""
    with start() as chromium, tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "fleet.html"
        page.write_text(fleet())
        show(chromium, page, WIDTH, "light", HEIGHT)
        PICTURE.write_bytes(chromium.get_screenshot_as_png())


if __name__ == "__main__":
    main()
