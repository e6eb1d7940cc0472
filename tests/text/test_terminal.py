"""Terminal output."""

from provisioner.text.terminal import columns

ROWS = [("linux/arm64", "not registered", "the emulator is gone, or it cannot be read from where it runs")]


def test_a_table_fits_the_width_by_wrapping_its_last_column() -> None:
    assert columns(ROWS, 60).splitlines() == [
        "linux/arm64  not registered  the emulator is gone, or it",
        "                             cannot be read from where it",
        "                             runs",
    ]
    assert len(columns(ROWS).splitlines()) == 1


def test_a_table_without_room_becomes_blocks() -> None:
    assert columns(ROWS, 40).splitlines() == ["linux/arm64", "  not registered", f"  {ROWS[0][2]}"]
