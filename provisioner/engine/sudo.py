"""Find the engine that the user chose before ``sudo``, which hides the choice from root.

The process that started us is sudo. Its environment still has the variables that it did not pass on.
"""

from provisioner.engine.contexts import Context, current, named
from provisioner.errors import ProvisionerError
from provisioner.model import Reader


def lost(host: Reader, address: str, source: str) -> str | None:
    """Return a warning if the user's own docker talks to another engine than root's, else None."""
    user = host.environ.get("SUDO_USER", "")
    account = host.account(user) if user and host.uid == 0 and source == "default" else None
    if account is None:
        return None
    try:
        chosen = _chosen(host, user, f"{account.home}/.docker")
    except ProvisionerError:
        return None  # docker cannot read it either
    if chosen is None or chosen.address == address:
        return None
    import shlex  # root is told to type what the user has written

    return (
        f"this is {address}; {user} talks to {chosen.address} ({chosen.source}), and sudo does not pass that on:"
        f" --host {shlex.quote(chosen.address)} would"
    )


def _chosen(host: Reader, user: str, folder: str) -> Context | None:
    """Return where the user's own shell leads: by the environment that sudo was given, else by the current context."""
    before = _environment(host)
    if there := before.get("DOCKER_HOST"):
        return Context("default", there, "DOCKER_HOST")
    name = before.get("DOCKER_CONTEXT") or current(host, folder, user=user)
    return named(host, folder, name, f"context {name}", user=user) if name not in ("", "default") else None


def _environment(host: Reader) -> dict[str, str]:
    """Return the environment of the parent process, sudo, which still has the variables that it did not pass on."""
    words = (host.read("/proc/self/stat") or "").rpartition(")")[2].split()
    text = host.read(f"/proc/{words[1]}/environ") if len(words) > 1 else None
    return dict(word.split("=", 1) for word in (text or "").split("\0") if "=" in word)
