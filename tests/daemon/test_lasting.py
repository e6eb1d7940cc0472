"""Report a rootless engine that stops when its user logs out, or does not start at boot."""

from pathlib import Path

import pytest

from provisioner.daemon import lasting
from provisioner.engine.info import engine as answered
from provisioner.host import System
from provisioner.image.engine import HERE, bare

ROOTLESS = {"ServerVersion": "28.5.2", "SecurityOptions": ["name=rootless"]}
ENABLED = "{home}/.config/systemd/user/default.target.wants/docker.service"


@pytest.mark.parametrize(
    ("info", "linger", "enabled", "said"),
    [
        (ROOTLESS, False, ENABLED, "does not linger"),
        (ROOTLESS, True, "", "does not start at boot: systemctl --user enable docker.service"),
        (ROOTLESS, True, ENABLED, ""),
        (ROOTLESS, True, "/etc/systemd/user/default.target.wants/docker.service", ""),
        (ROOTLESS, True, "/etc/systemd/system/default.target.wants/docker.service", "does not start at boot"),
        ({"ServerVersion": "28.5.2"}, False, "", ""),
    ],
)
def test_what_ends_a_user_s_engine_is_said(
    tmp_path: Path, info: dict[str, object], linger: bool, enabled: str, said: str
) -> None:
    host = System(str(tmp_path), {})
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    for wanted, path in ((linger, f"{lasting.LINGER}/{host.user}"), (enabled, enabled.format(home=host.home))):
        if wanted:
            (tmp_path / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path.lstrip("/")).touch()
    note = lasting.note(host, bare(host)._replace(engine=answered(info, HERE)))
    assert (said in note) if said else note == ""
