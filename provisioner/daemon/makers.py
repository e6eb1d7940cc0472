"""Signs that another system makes daemon.json, apart from a marker in it: a file in JSON has no room for a comment.

Such a system would write the file again, at its next run or at the next boot. Sources: Puppet's resources.txt, Chef's
file_backup_path, Salt's highstate.cache.p, Ansible's backup option, tmpfiles.d(5), cloud-init's cc_write_files, and
NixOS's virtualisation.docker.

A sign blocks somebody's change, so it is looked for as the other system writes it: a comment, a file that is not read,
and a longer path are none.
"""

import re
from collections.abc import Iterator

from provisioner.errors import ProvisionerError
from provisioner.model import Reader

STORES = ("/nix/store/", "/gnu/store/")
PUPPET = (
    "/opt/puppetlabs/puppet/cache/state/resources.txt",
    "/var/lib/puppet/state/resources.txt",
    "/var/cache/puppet/state/resources.txt",
)
CHEF = ("/var/chef/backup", "/var/lib/chef/backup", "/var/cache/chef/backup")
SALT = "/var/cache/salt/minion/highstate.cache.p"
ANSIBLE = re.compile(r"\.[0-9]+\.[0-9]{4}-[0-9]{2}-[0-9]{2}@[0-9:]{8}~")
TMPFILES = ("/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d")
CLOUD, CLOUD_CONFIG = "/var/lib/cloud/instance/cloud-config.txt", ("/etc/cloud/cloud.cfg", "/etc/cloud/cloud.cfg.d")
ALWAYS = re.compile(r"write[-_]files[\"']?\s*,\s*[\"']?always")  # by default, it writes at the first boot alone
COMMENT = re.compile(r"(?m)(?:^|\s)#.*")
LARGEST = 4 << 20  # bytes of a list of resources that we read
LINKS = 8


def sign(host: Reader, path: str) -> str:
    """Return a sentence for the first sign that another system makes a file, or an empty string."""
    return next(_signs(host, path), "")


def _signs(host: Reader, path: str) -> Iterator[str]:
    if store := _stored(host, path):
        yield f"{path} is {store}, which a configuration of the whole system makes"
    for listed in PUPPET:
        if f"file[{path}]" in _text(host, listed):
            yield f"Puppet makes {path} (it is in {listed})"
    folder, _, name = path.rpartition("/")
    for backup in CHEF:
        if any(n.startswith(f"{name}.chef-") for n in _names(host, f"{backup}{folder}")):
            yield f"Chef makes {path} (it has a copy in {backup}{folder})"
    if _packed(path) in _bytes(host, SALT):
        yield f"Salt makes {path} (it is in {SALT})"
    for other in _names(host, folder):
        if other.startswith(name) and ANSIBLE.fullmatch(other[len(name) :]):
            yield f"Ansible makes {path}, and has left {folder}/{other}: remove that copy if it no longer does"
    for rule in _rules(host, path):
        yield f"systemd-tmpfiles writes {path} at every boot ({rule})"
    entry = re.compile(rf"\bpath[\"']?\s*:\s*[\"']?{re.escape(path)}(?=[\s\"',}}]|$)")
    if entry.search(_yaml(host, CLOUD)) and any(ALWAYS.search(_yaml(host, file)) for file in _cloud_files(host)):
        yield f"cloud-init writes {path} at every boot (write_files, always)"


def _stored(host: Reader, path: str) -> str:
    """Return the file in a store of packages that a path leads to, or an empty string."""
    for _ in range(LINKS):
        if path.startswith(STORES):
            return path
        target = host.link(path)
        if target is None:
            return ""
        path = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
    return ""


def _packed(path: str) -> bytes:
    """Return a path as msgpack has it, with the byte before it. That is its length, so a longer path has another."""
    raw = path.encode("utf-8", "surrogateescape")
    return bytes([0xA0 | len(raw) if len(raw) < 32 else len(raw) & 0xFF]) + raw


def _rules(host: Reader, path: str) -> Iterator[str]:
    """Yield the files of tmpfiles.d that change an existing file, or remove it, at every boot."""
    files: dict[str, str] = {}
    for folder in TMPFILES:  # a file hides one of the same name in a later folder
        for name in _names(host, folder, ".conf"):
            files.setdefault(name, f"{folder}/{name}")
    for file in files.values():
        rows = (line.split() for line in _text(host, file).splitlines())
        for kind, where in (row[:2] for row in rows if len(row) > 1):
            if where.strip("\"'") == path and (kind[0] in "wFrR" or (kind[0] in "fLC" and "+" in kind)):
                yield file


def _cloud_files(host: Reader) -> Iterator[str]:
    main, folder = CLOUD_CONFIG
    yield from (main, *(f"{folder}/{name}" for name in _names(host, folder, ".cfg")))


def _yaml(host: Reader, path: str) -> str:
    """Return the beginning of a file in YAML, without its comments."""
    return COMMENT.sub("", _text(host, path))


def _text(host: Reader, path: str) -> str:
    return _bytes(host, path).decode("utf-8", "replace")


def _bytes(host: Reader, path: str) -> bytes:
    """Return the beginning of a file. Empty if there is none, or if this user may not read it."""
    try:
        return host.head(path, LARGEST) or b""
    except ProvisionerError:
        return b""


def _names(host: Reader, folder: str, end: str = "") -> tuple[str, ...]:
    try:
        return tuple(name for name in host.names(folder) if name.endswith(end))
    except ProvisionerError:
        return ()
