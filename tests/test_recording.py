"""The recorded terminal: well-formed, in the order of time, and its last lines are what a still picture shows."""

from xml.etree import ElementTree

import pytest

from tests.hosts import recording
from tests.hosts.agent import CHECKOUT
from tests.hosts.demo import PICTURE, RECORDED

SVG = "{http://www.w3.org/2000/svg}"
OUTPUT = "\x1b[1mplan\x1b[0m\r\n\x1b[32m+ <one>\x1b[0m\r\nworking\rdone\r\n"


def texts(drawn: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]  # noqa: S314


def test_a_recording_has_each_line_once_and_in_its_color() -> None:
    shown = list(recording.lines([("provisioner plan", OUTPUT, 2.0)]))
    assert [line.at for line in shown] == sorted(line.at for line in shown)
    assert shown[0].at == 0  # so that it is not an empty window at first
    drawn = recording.draw("a title", shown)
    assert texts(drawn) == ["# provisioner plan", "plan", "+ <one>", "done"]
    assert f'<tspan fill="{recording.COLORS["32"]}">+ &lt;one&gt;</tspan>' in drawn


def test_a_long_recording_rolls_to_its_end() -> None:
    shown = list(recording.lines([("many", "line\n" * 100, 1.0)]))
    drawn = recording.draw("many", shown)
    assert f"100% {{ transform: translateY(-{(101 - recording.ROWS) * recording.HEIGHT}px) }}" in drawn


@pytest.mark.parametrize("picture", sorted((CHECKOUT / "docs/pictures").glob("*.svg")), ids=lambda path: path.name)
def test_every_picture_has_a_title_for_those_who_do_not_see_it(picture: object) -> None:
    top = ElementTree.parse(str(picture)).getroot()  # noqa: S314
    assert top.get("role") == "img"
    assert top.get("aria-label") == top.findtext(f"{SVG}title")


def test_the_recording_shows_the_commands_that_it_is_made_of() -> None:
    shown = texts(PICTURE.read_text())
    assert [line for line in shown if line.startswith("# ")] == [f"# provisioner {command}" for command in RECORDED]
