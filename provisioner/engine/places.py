"""Fill in the paths in the table of kinds for the current user."""

from provisioner.engine import certificates
from provisioner.engine.info import Engine
from provisioner.engine.kinds import Layout
from provisioner.model import Reader


def expanded(host: Reader, path: str) -> str:
    """Return a path of the table with the user's folders filled in."""
    if "{" not in path:
        return path
    return path.format(
        home=host.home,
        config=host.environ.get("XDG_CONFIG_HOME") or f"{host.home}/.config",
        runtime=host.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{host.uid}",
        appdata=(host.environ.get("APPDATA") or f"{host.home}/AppData/Roaming").replace("\\", "/"),
    )


def resolved(host: Reader, layout: Layout) -> Layout:
    """Fill in a layout's paths for the current user. Files that exist come first."""
    if len(layout.files) == 1 and "{" not in layout.files[0][0]:
        return layout
    files = tuple((expanded(host, path), leaf) for path, leaf in layout.files)
    there = [f for f in files if host.stat(f[0])]
    return layout._replace(files=(*there, *(f for f in files if f not in there)), pid=expanded(host, layout.pid))


def certs(host: Reader, found: Engine) -> str:
    """Return the folder with an engine's certificates of registries. A rootless engine has one of its own."""
    return expanded(host, "{config}/docker/certs.d") if found.kind == "rootless" else certificates.CERTS
