"""A recorded terminal as one SVG: commands with their real output, each line at its time. Nothing plays twice."""

import html
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

COLUMNS, ROWS = 104, 27
WIDTH, HEIGHT, EDGE = 8.0, 18, 16  # of a character, of a line, and around the text
TYPED = 0.05  # seconds for a character of a command
PAUSE = 1.2  # seconds before a command and after the last line
LINE = 0.06  # seconds for a line at least, so that a person can follow
LONGEST = 8.0  # seconds for the output of a command at most, so that nobody has to wait
COLORS = {"31": "#ff8f86", "32": "#8fd694", "33": "#f2cc6b", "36": "#7fd4e0", "2": "#9aa6b5"}
SGR = re.compile(r"\x1b\[([0-9;]*)m")
OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|[^\n]*\r(?!\n)")  # a line that is written over counts as its last text

HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">
<title>{title}</title>
<style>
text {{ font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #e6ebf2; white-space: pre }}
.c {{ fill: #ffffff; font-weight: bold }}
@media (prefers-reduced-motion: no-preference) {{
.l {{ opacity: 0; animation: show 1ms linear forwards }}
#all {{ animation: roll {seconds:.2f}s linear forwards }}
}}
@media (prefers-reduced-motion: reduce) {{ #all {{ transform: translateY(-{end}px) }} }}
@keyframes show {{ to {{ opacity: 1 }} }}
@keyframes roll {{ {roll} }}
</style>
<rect width="100%" height="100%" rx="10" fill="#1b2430"/>
<clipPath id="screen"><rect x="0" y="{edge}" width="{width}" height="{inner}"/></clipPath>
<g clip-path="url(#screen)"><g id="all">
"""


class Shown(NamedTuple):
    """A line of the terminal: when it appears, in seconds, its text, and whether somebody typed it."""

    at: float
    text: str
    typed: bool = False


def lines(commands: Iterable[tuple[str, str, float]]) -> Iterator[Shown]:
    """Yield every line. A command comes with its output and its seconds, which its lines share.

    The first command is there from the beginning: a picture that is not played yet shows it.
    """
    now = -PAUSE / 2
    for command, output, seconds in commands:
        now += PAUSE / 2
        yield Shown(now, f"# {command}", typed=True)
        now += len(command) * TYPED
        printed = OTHER.sub("", output.replace("\r\n", "\n")).rstrip("\n").split("\n")
        for text in printed:
            now += max(LINE, min(seconds, LONGEST) / len(printed))
            yield Shown(now, text)
        now += PAUSE / 2


def draw(title: str, shown: list[Shown]) -> str:
    """Return the SVG. Without motion, and when it ends, it shows the last lines."""
    end = max(0, len(shown) - ROWS) * HEIGHT
    seconds = shown[-1].at + PAUSE
    parts = [
        HEAD.format(
            title=html.escape(title),
            width=int(COLUMNS * WIDTH + 2 * EDGE),
            height=ROWS * HEIGHT + 2 * EDGE,
            inner=ROWS * HEIGHT + EDGE // 2,
            edge=EDGE,
            seconds=seconds,
            end=end,
            roll=_roll(shown, seconds),
        )
    ]
    for number, line in enumerate(shown):
        y = EDGE + (number + 1) * HEIGHT - 5
        kind = ' class="l c"' if line.typed else ' class="l"'
        delay = f' style="animation-delay:{line.at:.2f}s"'
        parts.append(f'<text x="{EDGE}" y="{y}"{kind}{delay}>{_colored(_cut(line.text))}</text>\n')
    return "".join((*parts, "</g></g></svg>\n"))


def _roll(shown: list[Shown], seconds: float) -> str:
    """Return the key frames that keep the newest line on the screen."""
    frames = ["0% { transform: translateY(0) }"]
    for number, line in enumerate(shown[ROWS:], 1):
        before, after = ((number - 1) * HEIGHT, number * HEIGHT)
        at = 100 * line.at / seconds
        frames += [f"{at:.3f}% {{ transform: translateY(-{before}px) }}"]
        frames += [f"{at + 0.001:.3f}% {{ transform: translateY(-{after}px) }}"]
    return " ".join((*frames, f"100% {{ transform: translateY(-{max(0, len(shown) - ROWS) * HEIGHT}px) }}"))


def _cut(text: str) -> str:
    """Cut a line at the width of the terminal. A sign shows that there is more."""
    plain = SGR.sub("", text)
    return text if len(plain) <= COLUMNS else f"{plain[: COLUMNS - 1]}…"


def _colored(text: str) -> str:
    """Return a line with its colors as spans."""
    parts, color = [], ""
    for number, piece in enumerate(SGR.split(text)):
        if number % 2:
            color = next((COLORS[code] for code in piece.split(";") if code in COLORS), "")
        elif piece:
            words = html.escape(piece, quote=False)
            parts.append(f'<tspan fill="{color}">{words}</tspan>' if color else words)
    return "".join(parts)
