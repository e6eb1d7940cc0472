"""Register a builder in a user's store, or change its registration, with buildx alone and as that user.

The old file is kept for the undo, because buildx can lose parts of it when a change fails.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from provisioner.builder import commands, keys, store
from provisioner.builder.commands import runner
from provisioner.builder.fill_in import FillIn, secret, without
from provisioner.builder.keys import Key
from provisioner.builder.store import Instance, Node, Store
from provisioner.builder.wanted import Wanted
from provisioner.errors import ProvisionerError
from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.steps.files import RemoveFile, WriteFile
from provisioner.steps.programs import Run

Argv = Callable[..., tuple[str, ...]]  # the command that registers a node, as commands.create returns it
ELSEWHERE = frozenset((*keys.SELECTION, keys.REACHES, keys.OWNER, keys.UNREADABLE))  # other modules change these
SHARED = (keys.SETTING, keys.CERTIFICATE, keys.SETTINGS.part)  # the parts that all nodes share


def steps(
    host: Reader, want: Wanted, wrong: frozenset[Key], user: str, known: tuple[int, ...] | None, down: frozenset[str]
) -> list[Step] | None:
    """Return the steps that edit the registration or make a new one. The first step's undo restores the file.

    ``down`` names nodes whose engines do not answer. buildx neither registers nor changes them.

    Returns:
        The steps, or None if registering the builder again would lose a node that does not answer.
    """
    account = host.account(user)
    if account is None or not wrong - ELSEWHERE:
        return []
    kept, nodes = store.of(host, account), tuple(n for n in want.nodes if n.name not in down)
    cluster = store.kubeconfig(want.builder.kubeconfig, account.home)
    argv = partial(commands.create, want.builder, known, toml(host) if want.toml else None, cluster)
    try:
        instance = store.instance(host, kept, want.builder.name)
    except ProvisionerError:  # the file is broken; or another user owns it, and then it is given to this user first
        return [RemoveFile(kept.instance_file(want.builder.name), user=runner(user)), *_create(want, nodes, kept, argv)]
    if instance is None or not instance.nodes:
        return _create(want, nodes, kept, argv)
    made = _edit(want, nodes, instance, wrong, kept, argv)
    if made is None and down & {node.name for node in instance.nodes}:
        return None
    if made is None:
        made = [Run(commands.forget(want.builder.name), timeout=120, user=runner(user), lenient=True)]
        made += _create(want, nodes, kept, argv)
    return _kept(host, kept, want, made)


def toml(host: Reader) -> str:
    """Return the path of buildkitd.toml while buildx reads it."""
    return f"{host.runtime}/buildkitd.toml"


def put_back(host: Reader, path: str, user: str) -> tuple[Step, ...]:
    """Return the step that restores a file to what it is now; none for a file that cannot be read."""
    try:
        old = host.read(path, user=user)
    except ProvisionerError:
        return ()
    return (RemoveFile(path, user=runner(user)) if old is None else WriteFile(path, old, 0o600, user=runner(user)),)


def _kept(host: Reader, kept: Store, want: Wanted, made: list[Step]) -> list[Step]:
    """Make the undo of the first step restore the file. The later steps need no undo."""
    back = put_back(host, kept.instance_file(want.builder.name), kept.user)
    return [replace(s, undo=() if i else back) if isinstance(s, Run) else s for i, s in enumerate(made)]


def _create(want: Wanted, nodes: tuple[Node, ...], kept: Store, argv: Argv) -> list[Step]:
    """Register nodes. The undo removes only buildx's record of the builder."""
    gone = Run(commands.forget(want.builder.name), timeout=120, user=runner(kept.user))
    made = [step for index, node in enumerate(nodes) for step in _register(want, node, kept, argv, append=index > 0)]
    return [replace(step, undo=(gone,)) if isinstance(step, Run) and not i else step for i, step in enumerate(made)]


def _register(want: Wanted, node: Node, kept: Store, argv: Argv, *, append: bool) -> tuple[Run, *tuple[FillIn, ...]]:
    """Register a node or change an existing one. Its secret options follow in a step of their own."""
    run = Run(argv(without(node), append=append), user=runner(kept.user))
    hidden = tuple(f"{name}={value}" for name, value in secret(node.options).items())
    path = kept.instance_file(want.builder.name)
    return (run, FillIn(path, node.name, hidden, runner(kept.user))) if hidden else (run,)


def _edit(
    want: Wanted,
    nodes: tuple[Node, ...],
    instance: Instance,
    wrong: frozenset[Key],
    kept: Store,
    argv: Argv,
) -> list[Step] | None:
    """Return the changes node by node; None if they cannot be made from what is registered."""
    old = {n.name: n for n in instance.nodes}
    first = want.nodes[0]
    if wrong & {keys.REGISTERED, keys.KUBECONFIG} or instance.nodes[0].name != first.name:
        return None
    made: list[Step] = [
        Run(commands.leave(want.builder.name, name), user=runner(kept.user))
        for name in old
        if name not in want.names and "nodes" not in want.keep
    ]
    for node in nodes:
        if not _changed(node, first, wrong):
            continue
        if node.name not in old:
            made += _register(want, node, kept, argv, append=True)
        elif commands.editable(old[node.name], node, _files(want)) and Key("", node=node.name) not in wrong:
            made += _register(want, node, kept, argv, append=False)
        elif node is first:
            return None
        else:
            made.append(Run(commands.leave(want.builder.name, node.name), user=runner(kept.user)))
            made += _register(want, node, kept, argv, append=True)
    return made


def _changed(node: Node, first: Node, wrong: frozenset[Key]) -> bool:
    """Return whether anything about a node is wrong. Certificates and buildkitd.toml are the same for all nodes."""
    if any(key.part in SHARED or key.node == node.name for key in wrong):
        return True
    own = wrong - ELSEWHERE - {keys.NODES}
    return node is first and any(not key.node for key in own)


def _files(want: Wanted) -> frozenset[str]:
    return frozenset(("buildkitd.toml", *want.certificates)) if want.toml else frozenset()
