"""Whether a user's engine keeps running after the user logs out, and starts at boot."""

from provisioner.engine.facts import Facts
from provisioner.errors import DeniedError
from provisioner.model import Reader

LINGER = "/var/lib/systemd/linger"  # loginctl's folder, with one file for each user
EVERYBODY = ("/etc", "/usr/lib")  # units of every user: systemctl --global enable


def note(host: Reader, facts: Facts) -> str:
    """Return why the engine would stop or not start at boot, with the command that fixes it, or an empty string."""
    if facts.kind.owner != "user" or facts.kind.emulators != "root" or host.stat("/run/systemd/system") is None:
        return ""
    if host.stat(f"{LINGER}/{host.user}") is None:
        return (
            f"{host.user} does not linger: this engine and its builder end with the last session of {host.user}:"
            f" loginctl enable-linger {host.user}"
        )
    config = host.environ.get("XDG_CONFIG_HOME") or f"{host.home}/.config"
    if facts.kind.layout is None:  # somebody else's unit
        return ""
    try:
        wanted = [host.names(f"{folder}/systemd/user/default.target.wants") for folder in (config, *EVERYBODY)]
    except DeniedError:
        return ""
    if not any(facts.layout.unit in names for names in wanted):
        return f"{facts.layout.unit} of {host.user} does not start at boot: systemctl --user enable {facts.layout.unit}"
    return ""
