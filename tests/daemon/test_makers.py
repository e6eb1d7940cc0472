"""A daemon.json that another system makes is seen by what that system leaves on the host, without a marker in it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from provisioner.daemon import makers
from provisioner.host import System
from tests.builder.test_obstacles import put

FILE = "/etc/docker/daemon.json"
USER_DATA = f"write_files:\n- path: {FILE}\n  content: '{{}}'\n"
ALWAYS = "cloud_init_modules:\n - [write_files, always]\n"
CASES: dict[str, tuple[Mapping[str, str], str]] = {
    "Puppet": ({"/opt/puppetlabs/puppet/cache/state/resources.txt": f"file[/etc/hosts]\nfile[{FILE}]\n"}, "Puppet"),
    "Puppet, for another file": ({"/var/lib/puppet/state/resources.txt": f"file[{FILE}.d]\n"}, ""),
    "Chef": ({f"/var/chef/backup{FILE}.chef-20260101120000.000000": "{}"}, "Chef"),
    "Salt": ({makers.SALT: f"\x82\xa4name\xb7{FILE}\xa7"}, "Salt"),
    "Ansible": ({f"{FILE}.4711.2026-01-01@12:00:00~": "{}"}, "Ansible"),
    "a copy of somebody's": ({f"{FILE}.bak": "{}", f"{FILE}~": "{}"}, ""),
    "tmpfiles, a copy": ({"/etc/tmpfiles.d/d.conf": f"# a copy\nC+! {FILE} - - - - /srv/d.json\n"}, "systemd-tmpfiles"),
    "tmpfiles, a link": ({"/usr/lib/tmpfiles.d/d.conf": f"L+ {FILE} - - - - /srv/d.json\n"}, "systemd-tmpfiles"),
    "tmpfiles, only if it is missing": ({"/etc/tmpfiles.d/d.conf": f"C {FILE} - - - - /srv/d.json\n"}, ""),
    "cloud-init, at each boot": (
        {makers.CLOUD: USER_DATA, "/etc/cloud/cloud.cfg.d/9.cfg": "cloud_init_modules:\n- [write-files, always]\n"},
        "cloud-init",
    ),
    "cloud-init, at the first boot": (
        {makers.CLOUD: USER_DATA, "/etc/cloud/cloud.cfg": "cloud_init_modules:\n- write_files\n"},
        "",
    ),
    "Salt, for a copy": ({makers.SALT: f"\x82\xa4name\xbb{FILE}.bak\xa7"}, ""),
    "Salt, for a file below": ({makers.SALT: f"\x82\xa4name\xbb/srv{FILE}\xa7"}, ""),
    "Salt, in a command": ({makers.SALT: f"\x82\xa4name\xbbcat {FILE}\xa7"}, ""),
    "tmpfiles, a comment": ({"/etc/tmpfiles.d/d.conf": f"#f+ {FILE} - - - -\n #L+ {FILE} - - - - /srv/d\n"}, ""),
    "tmpfiles, an access control list": ({"/etc/tmpfiles.d/d.conf": f"a+ {FILE} - - - - u:dev:r\n"}, ""),
    "tmpfiles, a copy of a rule": ({"/etc/tmpfiles.d/d.conf.bak": f"f+ {FILE} - - - -\n"}, ""),
    "tmpfiles, hidden by a file of its name": (
        {"/etc/tmpfiles.d/d.conf": "", "/usr/lib/tmpfiles.d/d.conf": f"f+ {FILE} - - - -\n"},
        "",
    ),
    "tmpfiles, hidden until the next boot": (
        {"/run/tmpfiles.d/d.conf": "", "/usr/local/lib/tmpfiles.d/d.conf": f"f+ {FILE} - - - -\n"},
        "",
    ),
    "tmpfiles, by a file that hides one": (
        {"/etc/tmpfiles.d/d.conf": f"f+ {FILE} - - - -\n", "/usr/lib/tmpfiles.d/d.conf": ""},
        "systemd-tmpfiles",
    ),
    "tmpfiles, what somebody has installed": (
        {"/usr/local/lib/tmpfiles.d/d.conf": f"f+ {FILE} - - - -\n"},
        "systemd-tmpfiles",
    ),
    "cloud-init, in quotes": (
        {makers.CLOUD: f'{{"write_files": [{{"path": "{FILE}", "content": "x"}}]}}', "/etc/cloud/cloud.cfg": ALWAYS},
        "cloud-init",
    ),
    "cloud-init, for a sample": (
        {makers.CLOUD: f"write_files:\n- path: {FILE}.sample\n", "/etc/cloud/cloud.cfg": ALWAYS},
        "",
    ),
    "cloud-init, for a file below": (
        {makers.CLOUD: f"write_files:\n- path: /srv{FILE}\n", "/etc/cloud/cloud.cfg": ALWAYS},
        "",
    ),
    "cloud-init, in a command": (
        {makers.CLOUD: f"runcmd:\n- cat {FILE}\n", "/etc/cloud/cloud.cfg": ALWAYS},
        "",
    ),
    "cloud-init, a comment": (
        {makers.CLOUD: USER_DATA, "/etc/cloud/cloud.cfg": ALWAYS.replace("- [", "# - [")},
        "",
    ),
    "cloud-init, a comment of the data": (
        {makers.CLOUD: USER_DATA.replace("- path", "#- path"), "/etc/cloud/cloud.cfg": ALWAYS},
        "",
    ),
    "cloud-init, a copy of its configuration": (
        {makers.CLOUD: USER_DATA, "/etc/cloud/cloud.cfg.d/9.cfg.bak": ALWAYS},
        "",
    ),
    "nobody": ({FILE: "{}"}, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_who_makes_the_file_is_seen(tmp_path: Path, name: str) -> None:
    files, who = CASES[name]
    for path, text in files.items():
        put(tmp_path, path, text)
    put(tmp_path, FILE, "{}")
    said = makers.sign(System(str(tmp_path), {}), FILE)
    assert bool(said) is bool(who)
    assert said.startswith(who)
    assert not said or FILE in said


@pytest.mark.parametrize("path", ["/d.json", FILE, "/home/a/.config/docker/daemon.json", f"/home/{'a' * 300}/d.json"])
def test_salt_s_record_is_read_as_msgpack(tmp_path: Path, path: str) -> None:
    """The byte that follows the path may be the beginning of a letter, and the byte before it a digit."""
    raw = path.encode()
    head = _head(len(raw))
    for after in (b"\xd9\xa7", b"\xa4", b"\x93", b"\xc3", b""):
        (tmp_path / makers.SALT[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / makers.SALT[1:]).write_bytes(b"\x81\xa4name" + head + raw + after)
        assert makers.sign(System(str(tmp_path), {}), path).startswith("Salt")
        (tmp_path / makers.SALT[1:]).write_bytes(b"\x81\xa4name" + _head(len(raw) + 1) + raw + b"~" + after)
        assert makers.sign(System(str(tmp_path), {}), path) == ""


def _head(length: int) -> bytes:
    """Return what stands in msgpack before a string."""
    if length < 32:
        return bytes([0xA0 | length])
    return b"\xd9" + bytes([length]) if length < 256 else b"\xda" + length.to_bytes(2, "big")


@pytest.mark.parametrize("store", makers.STORES)
def test_a_file_of_a_store_is_seen_through_links_and_by_its_own_path(tmp_path: Path, store: str) -> None:
    host = System(str(tmp_path), {})
    put(tmp_path, f"{store}1-etc/docker/daemon.json", "{}")
    (tmp_path / "etc/docker").mkdir(parents=True)
    (tmp_path / "etc/static").symlink_to(f"{store}1-etc")
    (tmp_path / FILE[1:]).symlink_to("../alternatives")
    (tmp_path / "etc/alternatives").symlink_to(f"{store}1-etc/docker/daemon.json")
    assert store in makers.sign(host, FILE)
    assert store in makers.sign(host, f"{store}2-daemon.json")  # NixOS starts dockerd with --config-file
    (tmp_path / "etc/alternatives").unlink()
    (tmp_path / "etc/alternatives").symlink_to("alternatives")
    assert makers.sign(host, FILE) == ""
