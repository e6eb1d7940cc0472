"""All kinds of steps, and the JSON form of a step in the journal: the name of its kind, and its fields."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from provisioner.builder.boot import Boot
from provisioner.builder.cluster_step import AwaitPods, CallCluster
from provisioner.builder.fill_in import FillIn
from provisioner.builder.lend import Lend, TakeBack
from provisioner.daemon.ask_again import AskAgain
from provisioner.daemon.desktop_control import Start, Stop
from provisioner.daemon.restart import Reload, Restart
from provisioner.emulators.copy_out import CopyOut, Discard, Drop
from provisioner.image_store.copy_images import CompareImages, CopyImage
from provisioner.image_store.trial import ClearTrial, TryStore
from provisioner.platforms.kernel_table import Mount, Register, Unmount, Unregister
from provisioner.steps import Step
from provisioner.steps.files import MakeDirectory, RemoveDirectory, RemoveFile, SetLeaf, SetOwner, WriteFile
from provisioner.steps.packages import InstallPackages, RemovePackages
from provisioner.steps.programs import Run

FILES = (MakeDirectory, RemoveDirectory, WriteFile, RemoveFile, SetLeaf)  # these can be undone without an engine
KINDS: tuple[type[Step], ...] = (
    *FILES,
    SetOwner,
    Run,
    InstallPackages,
    RemovePackages,
    FillIn,
    Lend,
    TakeBack,
    Boot,
    CallCluster,
    AwaitPods,
    Register,
    Unregister,
    Mount,
    Unmount,
    CopyOut,
    Discard,
    Drop,
    CopyImage,
    CompareImages,
    TryStore,
    ClearTrial,
    AskAgain,
    Stop,
    Start,
    Restart,
    Reload,
)
_BY_NAME: Mapping[str, type[Step]] = {kind.__name__: kind for kind in KINDS}


def to_dict(step: Step) -> dict[str, Any]:
    """Convert a step to its JSON form. ``from_dict`` reverses this."""
    step = step.recorded()
    found = {field.name: getattr(step, field.name) for field in fields(step) if not field.metadata.get("untold")}
    if "undo" in found:
        found["undo"] = [to_dict(s) for s in found["undo"]]
    return {"step": type(step).__name__, **found}


def from_dict(found: Mapping[str, Any]) -> Step:
    """Convert the JSON form that ``to_dict`` returns back to a step."""
    given = {k: tuple(v) if isinstance(v, list) and k != "value" else v for k, v in found.items() if k != "step"}
    if "undo" in given:
        given["undo"] = tuple(from_dict(s) for s in given["undo"])
    return _BY_NAME[found["step"]](**given)
