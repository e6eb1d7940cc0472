"""What is worth keeping: one structured entry in systemd's journal for each run that changed something."""

from collections.abc import Callable

MESSAGE_IDS = {
    "applied": "5f1c9e0f3b5b4d0e9a1d5d7b7c2a4e61",
    "held": "2b8e7d6a91c04f5cbb7d0c1f4a6e9d32",
    "rolled back": "9d3f6b1a7c8e4b25a4f1e6c0d9b82e75",
    "rollback failed": "e1b5c3d7f9a24680b2d4f6a8c0e1357f",
}


def record(event: str, message: str, notice: Callable[[str], None], **fields: str) -> None:
    """Write an entry; where systemd-python is not installed, say so in a line and go on."""
    try:
        from systemd import journal  # 15 ms, and absent on macOS and musl
    except ImportError:
        notice("the journal gets no entry of this run: systemd-python (python3-systemd) is not installed")
        return
    extra = {f"PROVISIONER_{k.upper()}": v for k, v in fields.items()}
    journal.send(message, MESSAGE_ID=MESSAGE_IDS[event], SYSLOG_IDENTIFIER="provisioner", **extra)
