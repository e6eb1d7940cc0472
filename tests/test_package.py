"""What a release consists of: complete, the same bytes every time, and with metadata that an index takes."""

import email
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from release import archive, bill, collection, layout, packages, version
from tests.hosts import ansible, dist, recipes
from tests.hosts.agent import CHECKOUT

pytestmark = pytest.mark.timeout(300)
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def folder() -> Path:
    return dist.folder()


@pytest.fixture(scope="module")
def metadata() -> Message:
    names = zipfile.ZipFile(dist.wheel()).namelist()
    [name] = [name for name in names if name.endswith(".dist-info/METADATA")]
    return email.message_from_bytes(zipfile.ZipFile(dist.wheel()).read(name))


def git(folder: Path, *arguments: str) -> str:
    argv = ("/usr/bin/git", "-C", str(folder), *arguments)
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def sources() -> set[str]:
    """Every file of the checkout that git knows. A link counts as what it leads to."""
    said = git(CHECKOUT, "ls-files", "-z")
    return {name for name in said.split("\0") if name and (CHECKOUT / name).is_file()}


def test_the_source_archive_has_every_file_of_the_sources() -> None:
    with tarfile.open(dist.sdist()) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources() <= names


def test_a_packager_can_build_and_test_from_the_source_archive(tmp_path: Path) -> None:
    with tarfile.open(dist.sdist()) as archive:
        archive.extractall(tmp_path)  # noqa: S202  # our own
    [root] = tmp_path.iterdir()
    make = ("make", "-C", str(root), "install", f"DESTDIR={tmp_path}/stage", f"PYTHON={sys.executable}")
    subprocess.run(make, check=True, capture_output=True)
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_contributing.py")
    ran = subprocess.run((sys.executable, *tests), cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    built = (tmp_path / "stage/usr/local/lib/provisioner" / version.FILE).read_text()
    assert version.number(built) == version.number((root / version.FILE).read_text()) == version.version()


def test_the_same_sources_give_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    packages.build(tmp_path, dist.nfpm(), dist.libraries(), ansible.linters())
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        said, name = line.split()
        if name == dist.collection().name:  # ansible-galaxy lists files in the order in which a folder has them
            continue
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == said, name


def test_the_index_takes_wheel_and_source_archive() -> None:
    argv = (sys.executable, "-m", "twine", "check", "--strict", str(dist.wheel()), str(dist.sdist()))
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_metadata_names_license_home_and_version(metadata: Message) -> None:
    assert metadata["Name"] == "docker-host-provisioner"
    assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")
    assert metadata["Version"] == version.version()
    assert {url.partition(",")[0] for url in metadata.get_all("Project-URL", [])} == {
        *("Homepage", "Documentation", "Source", "Issues", "Changelog")
    }


def test_no_link_of_the_description_needs_another_file_beside_it(metadata: Message) -> None:
    text = metadata.get_payload()
    assert isinstance(text, str)
    assert "](http" in text
    assert "](docs/" not in text


def test_every_link_of_an_installed_page_leads_to_an_installed_file_or_to_the_web() -> None:
    files = {file.target: file.content for file in layout.shipped("/usr")}
    read = [name for name in files if name.endswith(".md")]
    assert len(read) > 30
    for name in read:
        for link in re.findall(r"\]\(([^)#\s]+)", files[name].decode()):
            target = os.path.normpath(f"{os.path.dirname(name)}/{link}")
            assert link.startswith("https://") or target in files, f"{name}: {link}"
    page = files[f"{layout.DOC}/README.md"].decode()
    assert "](pictures/recording.svg)" in page
    assert f"]({layout.url()}/blob/main/CONTRIBUTING.md)" in page


def test_the_wheel_has_the_package_and_all_that_setup_puts_in_place() -> None:
    names = set(zipfile.ZipFile(dist.wheel()).namelist())
    assert {name for name in sources() if name.startswith("provisioner/")} <= names
    assert {f"provisioner/shipped/{file.target}" for file in layout.shipped("@PREFIX@")} <= names


def test_the_program_runs_from_the_wheel() -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); from provisioner.cli.main import main; main(['--version'])"
    argv = (sys.executable, "-I", "-c", script, str(dist.wheel()))
    ran = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"provisioner {version.version()}"


@pytest.mark.parametrize("name", ["*.whl", "provisioner.pyz"])
def test_setup_reads_every_file_that_it_puts_in_place(folder: Path, name: str) -> None:
    """A picture is no text."""
    [file] = folder.glob(name)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from provisioner.cli import shipped as s; print(*s.read('/a'))"
    )
    ran = subprocess.run((sys.executable, "-I", "-c", script, str(file)), capture_output=True, text=True, check=True)
    assert {f"/usr/local/{file.target}" for file in layout.shipped("/usr/local")} <= set(ran.stdout.split())


def test_the_one_file_program_needs_no_library_of_the_machine(folder: Path) -> None:
    argv = ("/usr/bin/python3", "-I", "-S", str(folder / "provisioner.pyz"), "detect", "--format=json")
    ran = subprocess.run(argv, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    assert ran.returncode in (0, 69), ran.stderr
    script = (
        "import runpy, sys; sys.path.insert(0, sys.argv[1]); import yaml, jsonschema; print(jsonschema.__version__)"
    )
    asked = ("/usr/bin/python3", "-I", "-S", "-c", script, str(folder / "provisioner.pyz"))
    assert subprocess.run(asked, capture_output=True, text=True, check=True).stdout.startswith("4.17")


def test_the_debian_package_says_what_it_needs_and_keeps_the_configuration() -> None:
    ask = ("dpkg-deb", "--field", str(dist.deb()), "Package", "Version", "Architecture", "Depends")
    said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    assert "Package: docker-host-provisioner\n" in said
    assert f"Version: {version.debian(version.version())}-1\n" in said
    assert "python3-jsonschema (>= 4.10)" in said
    conffiles = ("dpkg-deb", "--info", str(dist.deb()), "conffiles")
    assert subprocess.run(conffiles, capture_output=True, text=True, check=True).stdout == f"{packages.CONFFILE}\n"


def test_lintian_finds_no_error_in_the_debian_package() -> None:
    ignored = "initial-upload-closes-no-bugs"  # which is about the first upload to Debian's own archive
    argv = ("lintian", "--allow-root", "--suppress-tags", ignored, "--fail-on", "error,warning", str(dist.deb()))
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout


def test_the_configuration_of_a_package_leaves_every_default_in_force() -> None:
    import yaml

    text = packages.configuration().decode()
    assert yaml.safe_load(text) is None
    assert "#platforms: [linux/amd64, linux/arm64]" in text


def test_a_build_between_releases_names_its_commit(tmp_path: Path) -> None:
    file = tmp_path / version.FILE
    file.parent.mkdir()
    file.write_text('__version__ = "1.2.0.dev0"\n')
    assert version.version(tmp_path) == "1.2.0.dev0"
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=x", "-c", "user.email=x@localhost", "commit", "-q", "-m", "one")
    commit = git(tmp_path, "rev-parse", "--short=9", "HEAD")
    assert version.version(tmp_path) == f"1.2.0.dev1+g{commit}"
    file.write_text('__version__ = "1.2.0.dev0"\n\n')
    assert version.version(tmp_path) == f"1.2.0.dev1+g{commit}.changed"
    file.write_text('__version__ = "1.2.0"\n')
    assert version.version(tmp_path) == "1.2.0"


def test_what_make_installs_it_removes_again(tmp_path: Path) -> None:
    for path in ("usr/local/bin/other", "usr/local/lib/provisioner/qemu/v1/qemu-aarch64"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    before = listing(tmp_path)
    make("install", tmp_path)
    first = listing(tmp_path)
    gone = tmp_path / "usr/local/lib/provisioner/provisioner/of_an_older_version.py"
    gone.touch()
    installed = tmp_path / "usr/local/lib/provisioner/installed"
    installed.write_text(installed.read_text() + "/usr/local/lib/provisioner/provisioner/of_an_older_version.py\n")
    make("install", tmp_path)
    assert listing(tmp_path) == first
    make("uninstall", tmp_path)
    assert listing(tmp_path) == before


def make(order: str, destination: Path, *more: str) -> None:
    argv = ("make", "-C", str(CHECKOUT), order, f"DESTDIR={destination}", f"PYTHON={sys.executable}", *more)
    subprocess.run(argv, check=True, capture_output=True)


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("prefix", ["/usr/local", "/usr"])
def test_what_is_installed_says_where_it_was_installed(tmp_path: Path, prefix: str) -> None:
    make("install", tmp_path, f"PREFIX={prefix}")
    assert (tmp_path / f"{prefix[1:]}/bin/provisioner").exists()
    started = []
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix in (".service", ".conf"):
            assert "@PREFIX@" not in path.read_text(), path
            started += re.findall(r"^ExecStart=(\S+/provisioner) ", path.read_text(), re.MULTILINE)
    assert len(started) > 5  # of the units and of the examples
    assert list(tmp_path.rglob("tell.conf")), "the examples are missing"
    assert set(started) == {f"{prefix}/bin/provisioner"}


def test_a_python_that_is_too_old_is_told_so_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 6, 9); exec(sys.argv[1])" "$2"\n'
    )
    old.chmod(0o755)
    argv = ("make", "-C", str(CHECKOUT), "install", f"DESTDIR={tmp_path}/stage", f"PYTHON={old}")
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert ran.returncode != 0
    assert f"provisioner needs Python 3.11 or newer; {old} is 3.6" in ran.stderr
    assert not (tmp_path / "stage").exists()


def test_the_archive_of_the_collection_carries_the_agent() -> None:
    with tarfile.open(dist.collection()) as archive:
        names = archive.getnames()
        found = archive.extractfile(f"{collection.CARRIED}/{dist.wheel().name}")
        assert found
        assert found.read() == dist.wheel().read_bytes()
    assert "MANIFEST.json" in names


def test_no_module_needs_a_newer_python_than_is_asked_for() -> None:
    argv = (str(Path(sys.executable).parent / "vermin"), "--no-tips", "--target=3.11-", "provisioner", "release")
    ran = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_the_bill_of_materials_names_what_the_release_carries(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "dist")
    written = bill.write(tmp_path / "dist", str(dist.bill())).read_bytes()
    found = json.loads(written)
    carried = {row["name"]: row["version"] for row in found["components"]}
    libraries = dict(library.split("==") for library in archive.LIBRARIES)
    assert carried == {"docker-host-provisioner": dist.number(), **libraries}
    assert all(row["licenses"] for row in found["components"])
    assert bill.write(tmp_path / "dist", str(dist.bill())).read_bytes() == written
    check = ("/usr/bin/sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS")
    subprocess.run(check, cwd=tmp_path / "dist", check=True)
    workflow = (CHECKOUT / ".github/workflows/release.yml").read_text()
    assert f"pip install {recipes.BILL[0]}\n" in workflow
    assert "python3 -m release.bill dist sbom/bin/python\n" in workflow


def test_the_one_file_program_has_no_note_of_the_machine_that_built_it(folder: Path) -> None:
    names = zipfile.ZipFile(folder / "provisioner.pyz").namelist()
    assert [name for name in names if name.rpartition("/")[2] in archive.NOTES] == []


def test_the_checksums_name_every_file(folder: Path) -> None:
    named = {line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    assert named == {path.name for path in folder.iterdir()} - {"SHA256SUMS"}
    assert json.dumps(sorted(named)).count("provisioner") == len(named)
