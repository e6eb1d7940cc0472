"""Which builder buildx would take: the last choice, or the default for an engine. Only buildx writes these files.

Source: docker/buildx store/store.go (Current, NodeGroupByName) and store/util.go (ValidateName).
"""

from collections.abc import Callable

from provisioner.builder import store
from provisioner.builder.store import Store, same
from provisioner.engine import contexts
from provisioner.engine.addresses import SOCKET
from provisioner.errors import ConfigError, DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.text import as_go, plain_json
from provisioner.typed import NamedTuple

FIELDS = {"Key": str, "Name": str, "Global": bool}
LOCK = ".lock"
MARKS = "._-"  # in the name of a builder, other than letters and digits


class Choice(NamedTuple):
    """The choice that ``buildx use`` stored: an endpoint or context, and a builder ('' is the context's own)."""

    key: str = ""
    name: str = ""
    everywhere: bool = False


def choice(host: Reader, kept: Store) -> Choice:
    """Return the last choice, which is empty if there is none.

    Raises:
        ConfigError: buildx cannot read the file, so that every build without --builder fails.
        DeniedError: This user may not know the choice.
    """
    path = kept.current_file
    try:
        text = host.read(path, user=kept.user)
        found = as_go.fields(None if text is None else as_go.loads(text), FIELDS)
    except DeniedError:
        raise
    except (ValueError, RecursionError, ProvisionerError):
        raise ConfigError(f"{path}: buildx cannot read this choice", hint=store.AWAY) from None
    return Choice(found["Key"], named(found["Name"]), found["Global"])


def default(host: Reader, kept: Store, key: str) -> str | None:
    """Return the default for an endpoint or a context. A text that is not the name of a builder is returned as it is.

    Raises:
        ConfigError: buildx cannot read the file.
        DeniedError: This user may not know the default.
    """
    path = kept.default_file(key)
    try:
        text = host.read(path, user=kept.user)
    except DeniedError:
        raise
    except ProvisionerError:
        raise ConfigError(f"{path}: buildx cannot read this default", hint=store.AWAY) from None
    return named(text or "") or None


def named(text: str) -> str:
    """Return the name of a builder in small letters, or any other text as it is."""
    valid = text.isascii() and text[:1].isalpha() and all(c.isalnum() or c in MARKS for c in text)
    return text.lower() if valid else text


def usable(host: Reader, kept: Store, name: str) -> bool:
    """Return whether buildx can use a builder: it has a record, and a readable time of its last build or none."""
    try:
        return store.instance(host, kept, name) is not None and not unreadable(host, kept, name)
    except ProvisionerError:
        return False


def broken(host: Reader, kept: Store, name: str) -> tuple[str, ...]:
    """Return the files on which buildx fails although the builder has a record.

    Raises: DeniedError if this user may not know.
    """
    looks: tuple[Callable[[], str], ...] = (
        lambda: unreadable(host, kept, name),
        lambda: contexts.broken(host, kept.docker, user=kept.user),
        lambda: misplaced(host, kept),
    )
    found, denied = [], None
    for look in looks:
        try:
            found.append(look())
        except DeniedError as e:  # the others are told all the same
            denied = e
    if denied and not any(found):
        raise denied
    return tuple(filter(None, found))


def misplaced(host: Reader, kept: Store, *files: str) -> str:
    """Return the first directory where buildx wants a file, or the other way round; empty if there is none.

    Root looks as the user, whose links may lead anywhere.

    Raises: DeniedError if this user may not know.
    """
    folders = (f"{kept.folder}/{name}".rstrip("/") for name in store.FOLDERS)
    found = [path for path in folders if host.directory(path, kept.user) is False]
    found += [path for path in (f"{kept.folder}/{LOCK}", *files) if host.directory(path, kept.user)]
    return found[0] if found else ""


def unreadable(host: Reader, kept: Store, name: str) -> str:
    """Return the file of the time of a builder's last build if buildx fails on it, and otherwise nothing.

    Raises: DeniedError if this user may not know.
    """
    path = kept.activity_file(name)
    try:
        text = host.read(path, user=kept.user)
    except DeniedError:
        raise
    except ProvisionerError:
        return path
    return "" if text is None or as_go.moment(text) else path


def ways(host: Reader, kept: Store, endpoint: str) -> tuple[str, ...]:
    """Return every other name by which this user may reach the engine at ``endpoint``: contexts and DOCKER_HOSTs."""
    found = [u for u in (f"unix://{SOCKET}", "unix:///run/docker.sock") if u != endpoint and same(u, endpoint)]
    folder = f"{kept.docker}/contexts/meta"
    try:
        names = host.names(folder, user=kept.user)
    except ProvisionerError:  # docker cannot look into it either
        names = ()
    for name in names[: contexts.MOST]:
        try:
            context = plain_json.loads(host.read(f"{folder}/{name}/meta.json", user=kept.user) or "{}")
            label = str(context["Name"])  # nobody can type one with a NUL or half of a UTF-16 pair
            if same(context["Endpoints"]["docker"]["Host"], endpoint) and label.isprintable():
                found.append(label)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ProvisionerError):
            continue  # docker cannot use it either
    return tuple(found)
