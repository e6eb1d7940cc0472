"""Who gets the builder if no user is configured: root, and the person for whom root runs the command."""

from pathlib import Path

import pytest

from provisioner.engine import people
from provisioner.host import System
from provisioner.model import Account, Status

SOCKET = "/var/run/docker.sock"
AUTO = ("auto",)
USERS = "root:x:0:0::/root:/bin/sh\ndev:x:1000:1000::/home/dev:/bin/sh\n"


class Host(System):
    """Return a host on which the user dev is in the group docker, and guest is not."""

    def account(self, user: str) -> Account | None:
        groups = {"dev": (1000, 998), "guest": (1001,)}.get(user, ())
        return Account(user, groups[0], groups[0], groups, f"/home/{user}") if groups else None

    def stat(self, path: str) -> Status | None:
        return Status(0o660, 0, 998, directory=False) if path == SOCKET else super().stat(path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for folder in ("home/dev", "home/guest", "proc/self", "etc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text(USERS)
    return tmp_path


def host(tree: Path, environ: dict[str, str], login: str = "4294967295") -> Host:
    (tree / "proc/self/loginuid").write_text(login)
    found = Host(str(tree), environ)
    found.uid = 0
    return found


@pytest.mark.parametrize(
    ("environ", "login", "users"),
    [
        ({}, "4294967295", ("root",)),
        ({}, "0", ("root",)),
        ({"SUDO_USER": "dev"}, "4294967295", ("root", "dev")),
        ({"DOAS_USER": "dev"}, "4294967295", ("root", "dev")),
        ({"PKEXEC_UID": "1000"}, "4294967295", ("root", "dev")),
        ({}, "1000", ("root", "dev")),
        ({"SUDO_USER": "root"}, "1000", ("root",)),
        ({"SUDO_USER": "guest"}, "4294967295", ("root",)),
        ({"SUDO_USER": "gone"}, "4294967295", ("root",)),
    ],
    ids=["unit", "root's own login", "sudo", "doas", "pkexec", "su -l", "as Ansible does", "no access", "no account"],
)
def test_auto_is_root_and_the_person_who_asked(
    tree: Path, environ: dict[str, str], login: str, users: tuple[str, ...]
) -> None:
    assert people.resolved(host(tree, environ, login), AUTO, SOCKET) == users


def test_auto_may_stand_among_others_and_names_stay_as_they_are(tree: Path) -> None:
    asked = host(tree, {"SUDO_USER": "dev"})
    assert people.resolved(asked, ("ci", "auto"), SOCKET) == ("root", "dev", "ci")
    assert people.resolved(asked, ("ci",), SOCKET) == ("ci",)
    assert list(people.told(asked, ("ci",), SOCKET)) == []


def test_who_gets_it_is_said_and_who_cannot_have_it(tree: Path) -> None:
    assert "root and dev" in next(people.told(host(tree, {"SUDO_USER": "dev"}), AUTO, SOCKET))
    assert "guest may not use Docker" in next(people.told(host(tree, {"SUDO_USER": "guest"}), AUTO, SOCKET))
    assert list(people.told(host(tree, {}), AUTO, SOCKET)) == []


class Theirs(Host):
    """Return the host as a user sees it who is not root."""

    def __init__(self, root: str, user: str, uid: int) -> None:
        super().__init__(root, {})
        self.name, self.uid = user, uid

    @property
    def user(self) -> str:
        return self.name

    def stat(self, path: str) -> Status | None:
        return Status(0o755, 1000, 1000, directory=True) if path == "/home/dev" else super().stat(path)


def test_a_user_who_is_not_root_looks_at_their_own(tree: Path) -> None:
    assert people.resolved(Theirs(str(tree), "dev", 1000), AUTO, SOCKET) == ("dev",)


def test_a_home_behind_a_link_of_root_s_is_a_home(tree: Path) -> None:
    class Linked(Theirs):
        def status(self, path: str) -> Status | None:
            return Status(0o777, 0, 0, directory=False) if path == "/home/dev" else super().status(path)

    assert people.resolved(Linked(str(tree), "dev", 1000), AUTO, SOCKET) == ("dev",)


def test_a_system_without_user_numbers_has_a_person(tree: Path) -> None:
    class Numberless(Theirs):  # as on Windows, where every file belongs to 0
        def account(self, user: str) -> Account | None:
            return Account(user, 0, 0, (), "/home/me")

        def stat(self, path: str) -> Status | None:
            return Status(0o777, 0, 0, directory=True)

    assert people.resolved(Numberless(str(tree), "me", 1), AUTO, SOCKET) == ("me",)


def test_the_user_that_systemd_makes_up_for_a_unit_looks_at_root_s(tree: Path) -> None:
    assert people.resolved(Theirs(str(tree), "63955", 63955), AUTO, SOCKET) == ("root",)


@pytest.mark.parametrize(
    ("switch", "elsewhere"),
    [
        ("", False),
        ("passwd: files\n", False),
        ("passwd:         files systemd\ngroup: files ldap\n", False),
        ("# passwd: files ldap\npasswd: compat # sss\n", False),
        ("passwd: files [NOTFOUND=return] systemd\n", False),
        ("passwd: files [ notfound=return success=continue ] altfiles\n", False),
        ("passwd: files extrausers mymachines\n", False),
        ("passwd: files sss\n", True),
        ("passwd: files [NOTFOUND=continue] ldap\n", True),
        ("passwd: compat winbind\n", True),
        ("passwd:ldap files\n", True),
    ],
)
def test_where_accounts_can_come_from(tree: Path, switch: str, elsewhere: bool) -> None:
    (tree / "etc/nsswitch.conf").write_text(switch)
    assert people.elsewhere(host(tree, {})) is elsewhere
