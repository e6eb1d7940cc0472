"""States as text, for people."""

import pytest

from provisioner.text import states


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
