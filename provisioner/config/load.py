"""Find and read the configuration, and reuse the result of an earlier validation.

Importing jsonschema and PyYAML takes longer than a whole drift check. An apply therefore stores the text that it
validated together with the result. A check that reads the same text imports neither.
"""

from provisioner import __version__, secrets
from provisioner.config.desired import Desired, from_json, to_json
from provisioner.errors import ConfigError, DeniedError, ProvisionerError
from provisioner.model import Reader
from provisioner.typed import NamedTuple

PATH = "/etc/provisioner/provisioner.yaml"
OWN = "/provisioner/provisioner.yaml"  # below a user's configuration directory
STDIN = "/dev/stdin"
LIMIT = 1 << 20  # bytes; far more than anyone writes by hand


class Configuration(NamedTuple):
    """A loaded configuration: the desired state, and the text that it was read from.

    ``path`` and ``text`` are None if there is no file and the defaults apply.
    """

    desired: Desired
    path: str | None = None
    text: str | None = None


def load(host: Reader, path: str | None) -> Configuration:
    """Read and validate the configuration. ``path`` is None for the default file and ``-`` for standard input.

    Raises:
        ConfigError: names the file, the place in it and a correct value.
    """
    where = place(host, path)
    text = read(host, where)
    if text is None:
        if path:
            raise ConfigError(f"{path}: there is no such file", hint="`provisioner init` prints one to start from")
        return Configuration(Desired())
    wanted = _remembered(host, text)
    if wanted is None:
        from provisioner.config import parse

        wanted = parse.parse(text, where)
    if secrets.suspicious(text):
        secrets.learn(to_json(wanted))
    return Configuration(wanted, where, text)


def read(host: Reader, path: str) -> str | None:
    """Read the text of a configuration file. It is read only once because a pipe cannot be read again.

    Returns: None if there is no such file.
    Raises:
        ConfigError: the file is too large to be a configuration, or it cannot be read.
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
    """Return the file to read: the given one, else the user's own, else the host's."""
    if path == "-":
        return STDIN
    if path or host.uid == 0:
        return path or PATH
    own = f"{host.environ.get('XDG_CONFIG_HOME') or host.home + '/.config'}{OWN}"
    return own if host.stat(own) else PATH


def remembered(host: Reader) -> str:
    """Return the file in which an apply stores the configuration that it validated."""
    return f"{host.state}/configuration.json"


def memory(found: Configuration) -> str | None:
    """Return the text to store for a validated configuration, with the version of this program.

    Returns: None if there was no file, so there is nothing to store.
    """
    import json

    if found.text is None:
        return None
    return json.dumps({"agent": __version__, "text": found.text, "desired": to_json(found.desired)}) + "\n"


def _remembered(host: Reader, text: str) -> Desired | None:
    """Return what an apply of this version made of the same text. None if it did not, or if its file is damaged."""
    from provisioner.text import tolerant  # not needed for the defaults

    try:
        found = tolerant.mapping(host.read(remembered(host)))
        same = (found.get("agent"), found.get("text")) == (__version__, text)
        return from_json(found["desired"]) if same else None
    except (ProvisionerError, KeyError, TypeError, ValueError, AttributeError):
        return None
