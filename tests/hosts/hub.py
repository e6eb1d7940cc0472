"""Copy an image from a registry to a storage through the registry's HTTP API. Docker Hub is the default registry."""

import hashlib
import json
import re
import urllib.error
import urllib.request
from email.message import Message
from typing import Any

from tests.hosts.errors import BuildError
from tests.hosts.registry import Storage

HUB = "https://registry-1.docker.io"
ACCEPT = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        *("oci.image.index.v1", "oci.image.manifest.v1"),
        *("docker.distribution.manifest.list.v2", "docker.distribution.manifest.v2"),
    )
)


def answers(base: str = HUB, timeout: float = 3) -> bool:
    """Tell whether a registry is reachable."""
    try:
        urllib.request.urlopen(f"{base}/v2/", timeout=timeout).close()  # noqa: S310  # the scheme is in HUB
    except urllib.error.HTTPError as error:
        return error.code == 401  # it requires a token, as Docker Hub does
    except OSError:
        return False
    return True


def copy(storage: Storage, name: str, tag: str, architecture: str, base: str = HUB) -> str:
    """Copy one architecture's image and its index, without changing digests. Returns the tag's digest."""
    top = _get(base, name, f"manifests/{tag}")
    document = json.loads(top)
    if "manifests" in document:
        digest = _choose(document["manifests"], architecture)
        manifest = _get(base, name, f"manifests/{digest}", digest)
        storage.manifest(name, manifest)
        document = json.loads(manifest)
    for blob in (document["config"], *document["layers"]):
        storage.blob(name, _get(base, name, f"blobs/{blob['digest']}", blob["digest"]))
    return storage.manifest(name, top, (tag,))


def _choose(manifests: list[dict[str, Any]], architecture: str) -> str:
    wanted = {"os": "linux", "architecture": architecture}
    return str(next(m["digest"] for m in manifests if wanted.items() <= m.get("platform", {}).items()))


def _get(base: str, name: str, path: str, digest: str = "") -> bytes:
    request = urllib.request.Request(f"{base}/v2/{name}/{path}", headers={"Accept": ACCEPT})  # noqa: S310
    try:
        content = _read(request)
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        # Not sent to the target of a redirect. Its address is signed, and it refuses a second authorization.
        request.add_unredirected_header("Authorization", f"Bearer {_token(error.headers)}")
        content = _read(request)
    if digest and hashlib.sha256(content).hexdigest() != digest.removeprefix("sha256:"):
        raise BuildError(f"{base}: {name}/{path} came damaged")
    return content


def _token(headers: Message) -> str:
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', headers["WWW-Authenticate"]))
    address = f"{challenge['realm']}?service={challenge['service']}&scope={challenge['scope']}"
    return str(json.loads(_read(urllib.request.Request(address)))["token"])  # noqa: S310


def _read(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return bytes(response.read())
