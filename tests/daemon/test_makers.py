"""A daemon.json that another system makes is seen by what that system leaves on the host, without a marker in it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from provisioner.daemon import makers
from provisioner.host import System
from tests.builder.test_obstacles import put

FILE = "/etc/docker/daemon.json"
USER_DATA = f"write_files:\n- path: {FILE}\n  content: '{{}}'\n"
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
