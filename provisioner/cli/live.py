"""A live line on a terminal: what an apply or a proof does now, for how long, and what its program says.

The line is drawn with rich. It has no thread of its own: signals are blocked for the main thread alone while an undo
runs, and the test programs change the root directory of the whole process. The line is drawn again whenever a program
or the engine says something, and ten times a second while a program runs.
"""

import contextlib
import json
import re
import sys
import time
from collections.abc import Mapping

from provisioner import libraries, secrets
from provisioner.text.messages import Doing, Progress
from provisioner.text.terminal import printable
from provisioner.typed import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

COMMANDS = ("apply", "prove", "rollback", "recover", "remove")
SPINNER = "\u280b\u2819\u2839\u2838\u283c\u2834\u2826\u2827\u2807\u280f"
PER_SECOND = 8
WORTH = 1.0  # seconds from which on the time of a finished step is shown
LAYER = re.compile(r"^([0-9a-f]{12}): (.+)$", re.MULTILINE)  # of `docker pull`


class Live:
    """The line of the step that runs now. Steps that ended stay above it, with the time that they took."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live as Drawing

        self._console = console
        self._drawing: Drawing = Drawing(
            console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._step, self._detail, self._began, self._drawn = "", "", 0.0, 0.0

    def say(self, line: str, kind: type[str] = str) -> None:
        """Show a message: a remark stays, a step runs until the next message, and progress belongs to the step."""
        if kind is Progress:
            self.heard(line)
            return
        self._finish()
        if kind is not Doing or "\n" in line:
            self._print(line)
            return
        self._step, self._detail, self._began = line, "", time.monotonic()
        self._drawing.start()
        self._draw()

    def heard(self, text: str) -> None:
        """Show the last thing that a program or the engine has said. An empty text only moves the clock on."""
        if not self._step:
            return
        self._detail = detail(text) or self._detail
        if time.monotonic() - self._drawn > 1 / PER_SECOND:
            self._draw()

    def close(self) -> None:
        """Finish the step that runs, and give the terminal back."""
        self._finish()

    def _finish(self) -> None:
        if self._step:
            self._drawing.stop()
            took = time.monotonic() - self._began
            self._print(f"{self._step} ({took:.1f} s)" if took >= WORTH else self._step)
            self._step = ""

    def _draw(self) -> None:
        from rich.text import Text

        self._drawn = time.monotonic()
        passed = self._drawn - self._began
        sign = SPINNER[int(passed * PER_SECOND) % len(SPINNER)]
        line = Text(f"{sign} {self._step} ", "bold", no_wrap=True, overflow="ellipsis")
        line.append(f"{int(passed)} s ", "dim")
        line.append(self._detail, "dim")
        with contextlib.suppress(OSError):
            self._drawing.update(line, refresh=True)

    def _print(self, line: str) -> None:
        with contextlib.suppress(OSError):
            self._console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def detail(text: str) -> str:
    """Return one line that says how far a program is: layers of a pull, bytes of a download, or its last line."""
    layers = dict(LAYER.findall(text))
    if layers:
        done = sum(1 for state in layers.values() if state in ("Pull complete", "Already exists"))
        return f"{done} of {len(layers)} layers"
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")
    if last.startswith("{"):
        return _downloaded(last)
    return printable(secrets.text(last), keep="")[:200]


def _downloaded(line: str) -> str:
    """Return what a line of the engine's progress says, such as ``Downloading 12 of 60 MB``."""
    try:
        found = json.loads(line)
        done, total = (found["progressDetail"].get(name) for name in ("current", "total"))
        status = printable(str(found["status"]), keep="")
    except (ValueError, KeyError, AttributeError, TypeError):
        return ""
    return f"{status} {done / 1e6:.0f} of {total / 1e6:.0f} MB" if done and total else status


def begin(command: str, environ: Mapping[str, str]) -> Live | None:
    """Return the live line for a command on a terminal, or None if plain lines are better, or rich is missing."""
    if command not in COMMANDS or not sys.stderr.isatty() or environ.get("TERM", "dumb") == "dumb":
        return None
    libraries.find()
    try:
        from rich.console import Console
    except ImportError:
        return None
    colors = not environ.get("NO_COLOR")
    return Live(Console(stderr=True, no_color=not colors, _environ=dict(environ), highlight=False))
