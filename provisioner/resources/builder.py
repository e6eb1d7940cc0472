"""The builder: a persistent BuildKit container, registered, running, and selected where ``docker build`` looks.

Read from buildx's own files and the engine's API: ``docker buildx ls`` waits for every dead node, and ``inspect``
exits 0 with broken ones. Changed by ``docker buildx`` alone, run by root on root's own configuration.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.desired import Desired
from provisioner.engine import SOCKET, version
from provisioner.facts import Facts
from provisioner.model import Change, Difference, Held, Reader, RemoveFile, Run, State, Step, Value, WriteFile

NAME = "builder"
DRIVER = "docker-container"
STORE = "/root/.docker/buildx"
PLUGINS = (
    "/root/.docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
RESTART = "restart-policy"
RESTARTS = "unless-stopped"
KNOWS_RESTART = (0, 13)  # the first buildx with that driver option
# buildx names the file after the first 20 hexadecimal digits of the endpoint's SHA-256
DEFAULTS = {f"unix://{SOCKET}": "13c4025c96f36e94b348"}
PULL = 900  # seconds for BuildKit's image, 100 MB over somebody's line

REGISTERED = "registered"
CONTAINER = "container"
POLICY = "container restart policy"
SELECTED = "selected"
DEFAULT = "default of the endpoint"


def want(desired: Desired, facts: Facts) -> State:
    """The builder as configured, its container running, and it being what a new shell builds with."""
    options = {option(k): v for k, v in desired.builder.driver_options.items() if k != RESTART}
    return {
        REGISTERED: f"{DRIVER} at {facts.endpoint.host}",
        **options,
        CONTAINER: "running",
        POLICY: desired.builder.driver_options.get(RESTART, RESTARTS),
        SELECTED: desired.builder.name,
        DEFAULT: desired.builder.name,
    }


def option(name: str) -> str:
    """The key of a driver option."""
    return f"driver option {name}"


def container(name: str) -> str:
    """The container of a builder's first node."""
    return f"buildx_buildkit_{name}0"


def have(host: Reader, facts: Facts, want: State) -> State:
    """What the instance file, buildx's choice of a builder, and the container say."""
    name = str(want[SELECTED])
    instance = _instance(host, name)
    nodes = instance.get("Nodes") or [{}]
    options = nodes[0].get("DriverOpts") or {}
    found = None if facts.hidden else host.get(facts.socket, f"/containers/{container(name)}/json")
    state: dict[str, Value] = {option(k): v for k, v in options.items()}
    state[REGISTERED] = f"{instance.get('Driver')} at {nodes[0].get('Endpoint')}" if instance else None
    state[CONTAINER] = found["State"]["Status"] if found else None
    state[POLICY] = found["HostConfig"]["RestartPolicy"]["Name"] if found else None
    state[DEFAULT] = (host.read(_default_file(facts)) or "").strip() or None
    state[SELECTED] = _selected(host, facts, state[DEFAULT])
    return state


def change(host: Reader, facts: Facts, desired: Desired, differences: tuple[Difference, ...]) -> Change:
    """The smallest act that mends it: register, boot, set the policy, select."""
    if held := _held(host, facts, desired):
        return Change(NAME, differences, held=tuple(held._replace(key=d.key) for d in differences))
    wrong = {d.key: d for d in differences}
    again = REGISTERED in wrong or any(k.startswith(option("")) for k in wrong)
    buildx = _version(host)
    edits = [
        *(_register(host, facts, desired, buildx) if again else ()),
        *(_start(desired, wrong.get(CONTAINER)) if again or CONTAINER in wrong else ()),
        *_set_policy(desired, wrong.get(POLICY), buildx),
        *(_select(host, facts, desired) if again or wrong.keys() & {SELECTED, DEFAULT} else ()),
    ]
    return Change(NAME, differences, tuple(edits))


def _register(host: Reader, facts: Facts, desired: Desired, buildx: tuple[int, ...] | None) -> Iterator[Step]:
    """Register the builder as configured; one of other options goes first, and leaves its cache."""
    name = desired.builder.name
    if instance := _instance(host, name):
        yield Run(_rm(name), undo=(Run(_recreate(facts, name, instance)),), timeout=120)
    keep = host.get(facts.socket, f"/volumes/{container(name)}_state") is not None
    yield Run(_create(facts, name, _options(desired, buildx)), undo=(Run(_rm(name, keep=keep), timeout=120),))


def _start(desired: Desired, wrong: Difference | None) -> Iterator[Step]:
    """Boot the builder; undoing that takes away only a container that was not there before."""
    name = desired.builder.name
    gone = Run(("docker", "container", "rm", "--force", container(name)))
    undo = (gone,) if wrong is not None and wrong.have is None else ()
    yield Run(("docker", "buildx", "inspect", "--bootstrap", name), undo=undo, timeout=PULL)


def _set_policy(desired: Desired, wrong: Difference | None, buildx: tuple[int, ...] | None) -> Iterator[Step]:
    """Where buildx cannot be told, or a container has another policy by now, docker is."""
    told = buildx is not None and buildx >= KNOWS_RESTART
    if wrong is None or (wrong.have is None and told):
        return
    name = container(desired.builder.name)
    argv = ("docker", "container", "update", "--restart")
    undo = (Run((*argv, str(wrong.have), name)),) if wrong.have else ()
    yield Run((*argv, str(wrong.want), name), undo=undo)


def _select(host: Reader, facts: Facts, desired: Desired) -> Iterator[Step]:
    """Select it for the endpoint, for good: ``create --use`` would take the endpoint's default away."""
    undo = tuple(_put_back(host, path) for path in (f"{STORE}/current", _default_file(facts)))
    yield Run(("docker", "buildx", "use", "--default", desired.builder.name), undo=undo)


def _held(host: Reader, facts: Facts, desired: Desired) -> Held | None:
    """Why nothing can be done about the builder; None: nothing speaks against it."""
    if not any(host.stat(f"{folder}/docker-buildx") for folder in PLUGINS):
        hint = "install it: apt-get install docker-buildx (Debian, Ubuntu) or docker-buildx-plugin (Docker's packages)"
        old = facts.engine.version is not None and facts.engine.version < (24,)
        return Held("", "docker has no buildx plug-in on this host", hint, fatal=not old)
    instance = _instance(host, desired.builder.name)
    driver = instance.get("Driver")
    if driver and driver != DRIVER:
        hint = f"give ours another name, or remove that one: docker buildx rm {desired.builder.name}"
        return Held("", f"the builder {desired.builder.name} is there, with the driver {driver}", hint)
    return None


def _instance(host: Reader, name: str) -> Mapping[str, Any]:
    """buildx's own record of a builder; empty where there is none, or it cannot be read as one."""
    try:
        found = json.loads(host.read(f"{STORE}/instances/{name}") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _selected(host: Reader, facts: Facts, default: Value) -> Value:
    """The builder that buildx would choose: ``current`` where it counts, else the endpoint's default."""
    try:
        current = json.loads(host.read(f"{STORE}/current") or "{}")
    except ValueError:
        current = {}
    if current.get("Name") and (current.get("Global") or current.get("Key") == facts.endpoint.host):
        return str(current["Name"])
    return default


def _default_file(facts: Facts) -> str:
    key = DEFAULTS.get(facts.endpoint.host)
    if key is None:
        import hashlib  # only for an endpoint that is not docker's own default

        key = hashlib.sha256(facts.endpoint.host.encode()).hexdigest()[:20]
    return f"{STORE}/defaults/{key}"


def _version(host: Reader) -> tuple[int, ...] | None:
    """buildx's version; None: it does not say."""
    words = host.ask("docker", "buildx", "version").stdout.split()
    return version(words[1].removeprefix("v")) if len(words) > 1 else None


def _options(desired: Desired, buildx: tuple[int, ...] | None) -> dict[str, str]:
    known = buildx is not None and buildx >= KNOWS_RESTART
    options = {RESTART: RESTARTS, **desired.builder.driver_options}
    return {k: v for k, v in options.items() if k != RESTART or known}


def _create(facts: Facts, name: str, options: Mapping[str, str]) -> tuple[str, ...]:
    given = (word for k, v in options.items() for word in ("--driver-opt", f'"{k}={v}"' if "," in v else f"{k}={v}"))
    return ("docker", "buildx", "create", "--name", name, "--driver", DRIVER, *given, facts.endpoint.host)


def _recreate(facts: Facts, name: str, instance: Mapping[str, Any]) -> tuple[str, ...]:
    """The command that registers a builder as it was."""
    return _create(facts, name, (instance.get("Nodes") or [{}])[0].get("DriverOpts") or {})


def _rm(name: str, *, keep: bool = True) -> tuple[str, ...]:
    """Forget a builder and remove its container; the state volume, its cache, stays unless it came with it."""
    return ("docker", "buildx", "rm", "--force", *(("--keep-state",) if keep else ()), name)


def _put_back(host: Reader, path: str) -> Step:
    old = host.read(path)
    return RemoveFile(path) if old is None else WriteFile(path, old, 0o600)
