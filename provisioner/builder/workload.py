"""The Deployment that buildx makes for a node on a cluster: its wanted and its observed state.

Source: docker/buildx driver/kubernetes/manifest. With a persistent volume, buildx makes a StatefulSet instead. Only a
StatefulSet keeps the cache when a pod ends. The keys call both a deployment.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from provisioner.builder import container, keys, store
from provisioner.builder.keys import Key
from provisioner.config import drivers
from provisioner.model import Value
from provisioner.typed import Any, NamedTuple

THERE = Key(keys.DEPLOYMENT)
REPLICAS = Key(keys.DEPLOYMENT, "replicas")
PODS = Key(keys.DEPLOYMENT, "pods")
TOML = Key(keys.DEPLOYMENT, "buildkitd.toml")
CONFIGURED = "as configured"
OTHERS = Key(keys.DEPLOYMENT, "environment not asked for")

ROOTLESS_IMAGE = "moby/buildkit:buildx-stable-1-rootless"
QEMU_IMAGE = "tonistiigi/binfmt:latest"
ROOTLESS_FLAG = "--oci-worker-no-process-sandbox"
PLATFORMS = "buildx.docker.com/platform"
CLAIM = "buildkitd"
STORAGE = "persistent-volume-claim.requests.storage"
MEMORY_VOLUME = "buildkit-root-volume-memory"
# Each option with its place in the resources. buildx up to 0.38 writes requests.ephemeral-storage into the limits.
AMOUNTS = {
    "requests.cpu": ("requests", "cpu"),
    "requests.memory": ("requests", "memory"),
    "limits.cpu": ("limits", "cpu"),
    "limits.memory": ("limits", "memory"),
    "limits.ephemeral-storage": ("limits", "ephemeral-storage"),
}
SUFFIXES = {
    **{unit: Fraction(1000) ** power for power, unit in enumerate(("n", "u", "m", "", *"kMGTPE"), -3)},
    **{f"{unit}i": Fraction(1024) ** power for power, unit in enumerate("KMGTPE", 1)},
}
TOLERATION = ("key", "operator", "value", "effect", "tolerationSeconds")


class Kind(NamedTuple):
    """One kind of object that runs BuildKit: its name, and its name in API paths."""

    name: str
    plural: str


DEPLOYMENT, STATEFUL_SET = KINDS = Kind("Deployment", "deployments"), Kind("StatefulSet", "statefulsets")


def kind(node: store.Node) -> Kind:
    """Return the kind of object that buildx makes for a node."""
    return STATEFUL_SET if node.options.get(STORAGE) else DEPLOYMENT


def name(node: store.Node) -> str:
    """Return the name that buildx gives a node's Deployment."""
    return named(node.name)


def named(node: str) -> str:
    """Return the form that buildx gives a name on the cluster."""
    return node.replace("_", "-")


def claim(node: store.Node) -> str:
    """Return the prefix of the names of a node's claims."""
    return f"{CLAIM}-{name(node)}-"


def configuration(node: store.Node) -> str:
    """Return the name of the ConfigMap with a node's buildkitd.toml."""
    return f"{name(node)}-config"


def quantity(text: str) -> Value:
    """Return an amount as a number, so that ``500m`` is ``0.5``. Text that is not an amount is returned unchanged."""
    number = text.rstrip("numkKMGTPEi")
    try:
        exact = Fraction(number) * SUFFIXES[text[len(number) :]]
    except (ValueError, KeyError, ZeroDivisionError):
        return text
    return int(exact) if exact.denominator == 1 else f"{float(exact):g}"


def want(node: store.Node, toml: bool) -> dict[Key, Value]:
    """Return the keys of the object that buildx makes for a node. ``toml``: it gets a buildkitd.toml."""
    options = node.options
    replicas, rootless = int(options.get("replicas", 1)), truth(options.get("rootless"))
    limits = {"limits.ephemeral-storage": options.get("requests.ephemeral-storage"), **options}
    state: dict[Key, Value] = {
        THERE: kind(node).name,
        REPLICAS: replicas,
        PODS: ready(replicas),
        _key("image"): options.get("image") or (ROOTLESS_IMAGE if rootless else drivers.IMAGE),
        _key("command"): " ".join(container.flags(node.flags)),
        _key("rootless"): rootless,
        _key("emulators"): truth(options.get("qemu.install")) and (options.get("qemu.image") or QEMU_IMAGE),
        _key("platforms"): ",".join(node.platforms) or None,
        _key("node selector"): pairs(dict(split(options.get("nodeselector", "")))) or None,
        _key("tolerations"): ";".join(map(toleration, tolerations(options.get("tolerations", "")))) or None,
        _key("service account"): options.get("serviceaccount") or None,
        _key("scheduler"): options.get("schedulername") or None,
        _key("storage"): quantity(options.get(STORAGE) or options.get(MEMORY_VOLUME) or "0"),
        OTHERS: None,
    }
    for option in AMOUNTS:
        value = limits.get(option)
        state[_key(option)] = quantity(value) if value else None
    for option in ("labels", "annotations"):
        state |= {_key(f"{option[:-1]} {k}"): v for k, v in split(options.get(option, ""))}
    state |= {_key(f"env {k[4:]}"): v for k, v in options.items() if k.startswith("env.")}
    if toml:
        state[TOML] = CONFIGURED
    return state


def have(found: Mapping[str, Any], which: Kind, asked: Mapping[Key, Value]) -> dict[Key, Value]:
    """Return what the API says about a Deployment, without its pods and its ConfigMap."""
    spec = found["spec"]
    template, pod = spec["template"].get("metadata") or {}, spec["template"]["spec"]
    [box, *_] = pod["containers"]
    resources, security = box.get("resources") or {}, box.get("securityContext") or {}
    scheduler, rootless = pod.get("schedulerName"), not security.get("privileged")
    qemu = next((c["image"] for c in pod.get("initContainers") or () if c["name"] == "qemu"), None)
    env = {e["name"]: e.get("value", "") for e in box.get("env") or ()}
    words = tuple(w for w in box.get("args") or () if not (rootless and w == ROOTLESS_FLAG))
    labels, annotations = template.get("labels") or {}, template.get("annotations") or {}
    state: dict[Key, Value] = {
        THERE: which.name,
        REPLICAS: spec.get("replicas", 1),
        _key("image"): box["image"],
        _key("command"): " ".join(container.flags(words)),
        _key("rootless"): rootless,
        _key("emulators"): qemu or False,
        _key("platforms"): annotations.get(PLATFORMS),
        _key("node selector"): pairs(pod.get("nodeSelector") or {}) or None,
        _key("tolerations"): ";".join(map(toleration, pod.get("tolerations") or ())) or None,
        _key("service account"): pod.get("serviceAccountName") or None,
        _key("scheduler"): None if scheduler == "default-scheduler" else scheduler,
        _key("storage"): storage(spec, pod),
        OTHERS: " ".join(k for k in env if _key(f"env {k}") not in asked) or None,
        **{_key(f"env {k}"): v for k, v in env.items()},
        **{_key(f"label {k}"): v for k, v in labels.items()},
        **{_key(f"annotation {k}"): v for k, v in annotations.items()},
    }
    for option, (side, resource) in AMOUNTS.items():
        value = (resources.get(side) or {}).get(resource)
        state[_key(option)] = None if value is None else quantity(str(value))
    return {k: v for k, v in state.items() if k in asked}


def mounted(found: Mapping[str, Any]) -> bool:
    """Return whether the pods get a buildkitd.toml. buildx up to 0.38 does not mount it with a persistent volume."""
    mounts = found["spec"]["template"]["spec"]["containers"][0].get("volumeMounts") or ()
    return any(m["mountPath"] == "/etc/buildkit" for m in mounts)


def storage(spec: Mapping[str, Any], pod: Mapping[str, Any]) -> Value:
    """Return the bytes of the persistent volume, or of the volume in memory; 0 if there is neither."""
    for claim in spec.get("volumeClaimTemplates") or ():
        if claim["metadata"]["name"] == CLAIM:
            return quantity(str(claim["spec"]["resources"]["requests"]["storage"]))
    for volume in pod.get("volumes") or ():
        empty = volume.get("emptyDir") or {}
        if empty.get("medium") == "Memory":
            return quantity(str(empty.get("sizeLimit") or "0"))
    return 0


def ready(count: int) -> str:
    """Return the text for a number of pods that are all ready."""
    return f"{count} ready"


def pods(found: Sequence[Mapping[str, Any]], replicas: int) -> str:
    """Return how many pods are ready, and why the others are not."""
    alive = [pod for pod in found if not pod["metadata"].get("deletionTimestamp") and _phase(pod) != "Failed"]
    lacking = [pod for pod in alive if not _ready(pod)]
    count = len(alive) - len(lacking)
    if count == replicas and not lacking:
        return ready(count)
    reasons = "; ".join(f"{pod['metadata']['name']}: {_trouble(pod)}" for pod in lacking)
    return f"{count} of {replicas} ready{f' ({reasons})' if reasons else ''}"


def truth(text: str | None) -> bool:
    """Return the result of Go's strconv.ParseBool for a text."""
    return text in ("1", "t", "T", "true", "TRUE", "True")


def split(text: str) -> Iterator[tuple[str, str]]:
    """Yield the pairs of ``a=b,c=d``, as buildx reads it."""
    for part in text.strip('"').split(","):
        key, equals, value = part.partition("=")
        if equals:
            yield key, value


def pairs(found: Mapping[str, str]) -> str:
    """Return pairs in a form that can be compared."""
    return ",".join(f"{k}={found[k]}" for k in sorted(found))


def tolerations(text: str) -> Iterator[dict[str, str]]:
    """Yield the tolerations of ``key=a,operator=Exists;key=b,value=c``."""
    for part in filter(None, text.split(";")):
        yield dict(split(part))


def toleration(found: Mapping[str, Any]) -> str:
    """Return one toleration in a form that can be compared."""
    return ",".join(f"{k}={found[k]}" for k in TOLERATION if found.get(k) not in (None, ""))


def _phase(pod: Mapping[str, Any]) -> str:
    return str((pod.get("status") or {}).get("phase"))


def _ready(pod: Mapping[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _trouble(pod: Mapping[str, Any]) -> str:
    """Return why a pod is not ready: what its container waits for, or why no node accepts it."""
    status = pod.get("status") or {}
    for box in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (box.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return " ".join(filter(None, (waiting["reason"], waiting.get("message"))))
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            return str(condition.get("message") or condition.get("reason"))
    return "it is starting"


def _key(name: str) -> Key:
    return Key(keys.DEPLOYMENT, name)
