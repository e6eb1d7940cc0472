"""Run every function that writes against every tree that another user could have prepared for it."""

import contextlib
import os
import socket
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError
from provisioner.host import System, paths, trying

PATH = "/srv/app/file"
OWN = "root's own"

Write = Callable[[System], None]
WRITES: dict[str, Write] = {
    "write": lambda host: host.write(PATH, "ours", 0o644),
    "install": lambda host: host.install(PATH, b"ours", 0o755),
    "append": lambda host: host.append(PATH, "ours"),
    "remove": lambda host: host.remove(PATH),
    "remove a temporary file": lambda host: host.remove_temporary(PATH),
    "make a directory": lambda host: host.make_directory(PATH, 0o755),
    "make directories": lambda host: host.make_directories(f"{PATH}/below", 0o755),
    "remove a directory": lambda host: host.remove_directory(PATH),
    "give away": lambda host: host.set_owner((PATH,), 65534, 65534),
    "tell the kernel": lambda host: host.tell(PATH, "ours"),
    "lock": lambda host: host.lock(PATH).__enter__(),
}


def _open(folder: Path) -> Path:
    """Create a folder that every user can change."""
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    return folder


def _link_at_the_end(root: Path, secret: Path) -> None:
    (_open(root / "srv/app") / "file").symlink_to(secret)


def _relative_link_at_the_end(root: Path, secret: Path) -> None:
    (_open(root / "srv/app") / "file").symlink_to(os.path.relpath(secret, root / "srv/app"))


def _link_in_the_middle(root: Path, secret: Path) -> None:
    _open(root / "srv")
    (secret.parent / "file").symlink_to(secret)
    (root / "srv/app").symlink_to(secret.parent)


def _link_to_the_folder_of_a_file(root: Path, secret: Path) -> None:
    """Only the folder on the way is a link, so the end of the path is a file of root's own."""
    _open(root / "srv")
    (root / "srv/app").symlink_to(secret.parent)


def _link_at_the_start(root: Path, secret: Path) -> None:
    root.chmod(0o777)
    (secret.parent / "app").mkdir()
    (secret.parent / "app/file").symlink_to(secret)
    (root / "srv").symlink_to(secret.parent)


def _link_to_a_link(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (_open(root / "theirs") / "next").symlink_to(secret)
    (root / "srv/app/file").symlink_to("../../theirs/next")


def _sticky_folder(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app").chmod(0o1777)
    (root / "srv/app/file").symlink_to(secret)


def _second_name(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    os.link(secret, root / "srv/app/file")


def _second_name_in_an_open_folder(root: Path, secret: Path) -> None:
    os.link(secret, _open(root / "srv/app") / "file")


def _pipe(root: Path, _: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    os.mkfifo(root / "srv/app/file")


def _socket(root: Path, _: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    here = os.getcwd()
    os.chdir(root / "srv/app")  # a socket's path must be short
    try:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind("file")
    finally:
        os.chdir(here)


def _folder(root: Path, _: Path) -> None:
    (root / "srv/app/file/full").mkdir(parents=True)


def _file_as_a_folder(root: Path, _: Path) -> None:
    (root / "srv").mkdir()
    (root / "srv/app").write_text("a file")


def _loop(root: Path, _: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app/file").symlink_to("file")


def _link_out_of_the_root(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app/file").symlink_to(secret)


def _dots_out_of_the_root(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app/file").symlink_to(os.path.relpath(secret, root / "srv/app"))


def _leftover_that_is_a_link(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app/.file.provisioner").symlink_to(secret)


def _device(root: Path, _: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    os.mknod(root / "srv/app/file", 0o600 | stat.S_IFCHR, os.makedev(1, 3))


def _somebody_else_s_folder(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app/file").symlink_to(secret)
    os.chown(root / "srv/app", 65534, 65534)


def _ours_in_somebody_else_s_folder(root: Path, secret: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app/file").symlink_to(secret)
    os.chown(root / "srv", 65534, 65534)


def _their_file_in_a_sticky_folder(root: Path, _: Path) -> None:
    (root / "srv/app").mkdir(parents=True)
    (root / "srv/app").chmod(0o1777)
    (root / "srv/app/file").write_text("theirs")
    os.chown(root / "srv/app/file", 65534, 65534)


def _may_make_devices() -> bool:
    """Return whether this user may, which root of a user namespace may not."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(PermissionError):
        os.mknod(f"{folder}/null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        return True
    return False


TREES = [
    _link_at_the_end,
    _relative_link_at_the_end,
    _link_in_the_middle,
    _link_to_the_folder_of_a_file,
    _link_at_the_start,
    _link_to_a_link,
    _sticky_folder,
    _second_name,
    _second_name_in_an_open_folder,
    _pipe,
    _socket,
    _folder,
    _file_as_a_folder,
    _loop,
    _link_out_of_the_root,
    _dots_out_of_the_root,
    _leftover_that_is_a_link,
    *((_device,) if _may_make_devices() else ()),
    *((_somebody_else_s_folder, _ours_in_somebody_else_s_folder) if os.geteuid() == 0 else ()),
    *((_their_file_in_a_sticky_folder,) if os.geteuid() == 0 else ()),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("write", WRITES)
def test_nothing_outside_is_touched_whatever_the_tree_is(tmp_path: Path, tree: object, write: str) -> None:
    assert callable(tree)
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    secret = outside / ("file" if tree is _link_to_the_folder_of_a_file else "secret")
    secret.write_text(OWN)
    secret.chmod(0o640)
    tree(root, secret)
    before = secret.stat()
    with contextlib.suppress(ProvisionerError, OSError):
        WRITES[write](System(str(root), {}))
    assert secret.read_text() == OWN
    now = secret.stat()
    assert (now.st_uid, now.st_mode, now.st_ino) == (before.st_uid, before.st_mode, before.st_ino)
    assert {p.name for p in outside.iterdir()} <= {"secret", "app", "file"}
    assert not list(root.rglob(".*.provisioner")) or tree is _leftover_that_is_a_link


LIVE = [
    tree
    for tree in TREES
    if tree not in (_link_out_of_the_root, _dots_out_of_the_root, _second_name, _leftover_that_is_a_link)
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("tree", LIVE)
@pytest.mark.parametrize("write", ["write", "install", "append", "remove", "give away", "lock"])
def test_root_follows_no_link_that_others_could_have_made(tmp_path: Path, tree: object, write: str) -> None:
    """Test the same on a host whose root is the machine's, where a link may lead anywhere."""
    assert callable(tree)
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    secret = outside / ("file" if tree is _link_to_the_folder_of_a_file else "secret")
    secret.write_text(OWN)
    tree(root, secret)
    before = secret.stat()
    host = System("/", {})
    path = f"{root}{PATH}"
    writes: dict[str, Write] = {
        "write": lambda host: host.write(path, "ours", 0o644),
        "install": lambda host: host.install(path, b"ours", 0o755),
        "append": lambda host: host.append(path, "ours"),
        "remove": lambda host: host.remove(path),
        "give away": lambda host: host.set_owner((path,), 65534, 65534),
        "lock": lambda host: host.lock(path).__enter__(),
    }
    with contextlib.suppress(ProvisionerError, OSError):
        writes[write](host)
    assert secret.read_text() == OWN
    assert secret.stat().st_uid == before.st_uid


def test_metrics_replace_nothing_that_a_link_in_an_exporter_s_folder_leads_to(tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.write_text("root:*:")
    folder = _open(tmp_path / "textfiles")
    (folder / "provisioner.prom").symlink_to(shadow)
    with pytest.raises(ProvisionerError, match="other users can change"):
        System("/", {}).write(f"{folder}/provisioner.prom", "provisioner_drifted_keys 0\n", 0o644)
    assert shadow.read_text() == "root:*:"


def test_a_command_to_type_quotes_what_somebody_else_has_named() -> None:
    from provisioner.host import paths

    assert "chmod go-w '/tmp/a; reboot'" in str(paths.OpenFolderError("/tmp/a; reboot/x", "/tmp/a; reboot").hint)


def test_a_link_of_root_s_own_is_followed_where_nobody_else_can_make_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "alias").symlink_to("real")
    (tmp_path / "real/daemon.json").symlink_to(tmp_path / "elsewhere.json")
    System("/", {}).write(f"{tmp_path}/alias/daemon.json", "{}", 0o600)
    assert (tmp_path / "elsewhere.json").read_text() == "{}"
    assert (tmp_path / "real/daemon.json").is_symlink()


def test_a_folder_that_is_swapped_after_it_was_opened_gets_nothing(tmp_path: Path) -> None:
    from provisioner.host import files, paths

    (tmp_path / "a").mkdir()
    (tmp_path / "trap").mkdir()
    with paths.reached(str(tmp_path), "/a/file") as place:
        (tmp_path / "a").rename(tmp_path / "moved")
        (tmp_path / "a").symlink_to("trap")
        files.install(place, b"ours", 0o644)
    assert (tmp_path / "moved/file").read_bytes() == b"ours"
    assert not list((tmp_path / "trap").iterdir())


def test_what_somebody_changed_since_it_was_read_is_left_as_it_is(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    host.write("/file", "theirs", 0o644)
    with pytest.raises(ProvisionerError, match="somebody else has just changed it"):
        host.write("/file", "ours", 0o644, instead_of="as it was read")
    assert host.read("/file") == "theirs"
    assert host.names("/") == ("file",)
    host.write("/file", "ours", 0o644, instead_of="theirs")
    assert host.read("/file") == "ours"


def test_a_program_counts_as_root_s_only_if_nobody_else_can_change_any_folder_on_its_way(tmp_path: Path) -> None:
    host = System(str(tmp_path), {})
    (tmp_path / "opt/qemu").mkdir(parents=True)
    (tmp_path / "opt/qemu/program").write_text("")
    (tmp_path / "link").symlink_to("opt/qemu/program")
    assert host.changeable("/opt/qemu/program") is None
    assert host.changeable("/link") is None
    (tmp_path / "opt").chmod(0o777)
    assert host.changeable("/opt/qemu/program") == "/opt"
    assert host.changeable("/link") == "/opt"
    (tmp_path / "opt").chmod(0o755)
    (tmp_path / "opt/qemu/program").chmod(0o777)
    assert host.changeable("/opt/qemu/program") == "/opt/qemu/program"


LINKS = {  # what a user has put where, and where it leads
    "a link at the end": ("a/b", "/secret"),
    "a link in the middle": ("a", "/above"),
    "a link to a folder beside it": ("a", "../../above"),
}


@pytest.mark.parametrize("kind", LINKS)
def test_root_lists_no_folder_that_a_user_s_link_leads_to(tmp_path: Path, kind: str) -> None:
    for secret in ("secret/password", "above/b/password"):
        (tmp_path / secret).mkdir(parents=True)
    home, (where, target) = _open(tmp_path / "home/dev"), LINKS[kind]
    (home / where).parent.mkdir(exist_ok=True)
    (home / where).symlink_to(target)
    assert System(str(tmp_path), {}, "x86_64").own_names("/home/dev/a/b") == ()


def test_root_lists_a_folder_of_its_own_in_a_user_s(tmp_path: Path) -> None:
    (_open(tmp_path / "home/dev") / "a/b").mkdir(parents=True)
    (tmp_path / "home/dev/a/b/x").touch()
    host = System(str(tmp_path), {}, "x86_64")
    assert host.own_names("/home/dev/a/b") == ("x",)
    assert host.own_names("/home/dev/a/b/x") == host.own_names("/home/dev/c/d") == ()


def test_root_lists_the_folder_that_it_has_looked_at(tmp_path: Path) -> None:
    """A user puts a link in its place between the look at the owner and the list."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/password").touch()
    (_open(tmp_path / "home") / "a").mkdir()
    (tmp_path / "home/a/ours").touch()
    with paths.reached(str(tmp_path), "/home/a", follow=False, judge=paths.LINKS) as place:
        (tmp_path / "home/a").rename(tmp_path / "home/b")
        (tmp_path / "home/a").symlink_to("../secret")
        with pytest.raises(NotADirectoryError):
            paths.own_names(place)


def test_a_pipe_in_the_place_of_a_folder_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert trying._append_only(str(pipe)) is False
