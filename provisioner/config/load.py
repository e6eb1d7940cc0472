"""Find and read the configuration, once, and remember what came of a text that was validated.

jsonschema and PyYAML cost more than a whole drift check. So an apply remembers the text that it has validated together
with what came of it, and a check that reads the same text imports neither.
"""

from collections.abc import Mapping

from provisioner import __version__, secrets
from provisioner.config.desired import Desired, from_json, to_json
from provisioner.errors import ConfigError, DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.typed import Any, NamedTuple

PATH = "/etc/provisioner/provisioner.yaml"
OWN = "/provisioner/provisioner.yaml"  # below a user's configuration
STDIN = "/dev/stdin"
LIMIT = 1 << 20  # bytes; nobody writes that much by hand


class Configuration(NamedTuple):
    """A configuration that was read: what it asks for, and the very text that says so.

    ``path`` and ``text`` are None where there is no file, so that the defaults count.
    """

    desired: Desired
    path: str | None = None
    text: str | None = None


def load(host: Reader, path: str | None) -> Configuration:
    """Read and validate the configuration. ``path``: None for the default file, ``-`` for standard input.

    Raises:
        ConfigError: names the file, the place in it and what would be right.
    """
    where = place(host, path)
    text = read(host, where)
    if text is None:
        if path:
            raise ConfigError(f"{path}: there is no such file", hint="`provisioner init` prints one to start from")
        return Configuration(Desired())
    known = _remembered(host)
    if known.get("text") == text:
        wanted = from_json(known["desired"])
    else:
        from provisioner.config import parse

        wanted = parse.parse(text, where)
    if secrets.suspicious(text):
        secrets.learn(to_json(wanted))
    return Configuration(wanted, where, text)


def read(host: Reader, path: str) -> str | None:
    """The text of a configuration file, read once: a pipe gives its text only once.

    Returns: None if there is no such file.
    Raises:
        ConfigError: the file is larger than a configuration can be, or it cannot be read.
    """
    try:
        data = host.head(path, LIMIT + 1, piped=True)
    except DeniedError:
        raise
    except ProvisionerError as e:
        raise ConfigError(e.message, hint="name the file itself, for example provisioner.yaml") from None
    if data is not None and len(data) > LIMIT:
        raise ConfigError(f"{path}: the file is larger than {LIMIT} bytes", hint="is it the right file?")
    return None if data is None else data.decode("utf-8", "surrogateescape")


def place(host: Reader, path: str | None) -> str:
    """The file that counts: the one that is named, a user's own, or the host's."""
    if path == "-":
        return STDIN
    if path or host.uid == 0:
        return path or PATH
    own = f"{host.environ.get('XDG_CONFIG_HOME') or host.home + '/.config'}{OWN}"
    return own if host.stat(own) else PATH


def remembered(host: Reader) -> str:
    """The file in which an apply keeps the configuration that it has validated."""
    return f"{host.state}/configuration.json"


def memory(found: Configuration) -> str | None:
    """What an apply remembers of a configuration, together with the version that validated it.

    Returns: None if there was no file, so there is nothing to remember.
    """
    import json

    if found.text is None:
        return None
    return json.dumps({"agent": __version__, "text": found.text, "desired": to_json(found.desired)}) + "\n"


def _remembered(host: Reader) -> Mapping[str, Any]:
    """What an apply of this version remembered. Empty if we may not read it, or it is damaged."""
    import json  # the defaults need none

    try:
        found = json.loads(host.read(remembered(host)) or "{}")
    except (ProvisionerError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and found.get("agent") == __version__ else {}
