"""States as text, for people."""

import pytest

from provisioner.text import sizes, states


@pytest.mark.parametrize(
    ("have", "want", "said"),
    [
        ("not registered", "runs", "not registered; wanted: runs"),
        ("runs an older file: /q was replaced", "runs", "runs an older file: /q was replaced; wanted: runs"),
        (None, "running", "missing; wanted: running"),
        ("warn", None, "warn; wanted: none"),
        (False, True, "false; wanted: true"),
        (None, 0, "missing; wanted: 0"),
    ],
)
def test_a_difference_reads_well_whatever_the_states_are(have: object, want: object, said: str) -> None:
    assert states.differing(have, want) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0 images"), (1, "1 image"), (3, "3 images")])
def test_a_count_is_in_the_singular_for_one(number: int, said: str) -> None:
    assert sizes.count(number, "image") == said
