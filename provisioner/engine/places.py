"""Where the things of an engine lie, for the user that we are: paths of the table of kinds, filled in."""

from provisioner.engine.kinds import Layout
from provisioner.model import Reader


def expanded(host: Reader, path: str) -> str:
    """A path of the table with the user's own folders in it."""
    if "{" not in path:
        return path
    return path.format(
        home=host.home,
        config=host.environ.get("XDG_CONFIG_HOME") or f"{host.home}/.config",
        runtime=host.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{host.uid}",
        appdata=(host.environ.get("APPDATA") or f"{host.home}/AppData/Roaming").replace("\\", "/"),
    )


def resolved(host: Reader, layout: Layout) -> Layout:
    """Where things lie for the user that we are; of several files the one that is there."""
    if len(layout.files) == 1 and "{" not in layout.files[0][0]:
        return layout
    files = tuple((expanded(host, path), leaf) for path, leaf in layout.files)
    there = [f for f in files if host.stat(f[0])]
    return layout._replace(files=(*there, *(f for f in files if f not in there)), pid=expanded(host, layout.pid))
