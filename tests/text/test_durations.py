"""All durations use one grammar."""

import json
import re

import pytest

from provisioner.config import schema
from provisioner.text import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("10min", 600), ("2h", 7200), ("1h30m", 5400), ("1d12h", 129600), ("1w", 604800)],
)
def test_a_length_of_time_is_numbers_with_units(text: str, seconds: int) -> None:
    assert durations.seconds(text) == seconds
    assert re.fullmatch(durations.PATTERN, text)


@pytest.mark.parametrize(
    "text", ["", "10", "m", "0m", "-1h", "1.5h", "1 h", " 1h", "1h ", "1h30", "٨h", "1y", "9999999s", "999999w"]
)
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    assert durations.seconds(text) is None


@pytest.mark.parametrize("length", [1, 90, 5400, 86400, 90000, 604800])
def test_a_length_that_is_spoken_can_be_read_again(length: int) -> None:
    assert durations.seconds(durations.spoken(length)) == length


def test_the_schema_of_the_configuration_has_the_same_grammar() -> None:
    window = json.loads(schema.text())["properties"]["restart"]["properties"]["window"]
    assert window["properties"]["length"]["pattern"] == durations.PATTERN
