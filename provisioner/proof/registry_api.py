"""The HTTP API of one registry: read what it holds, and remove it.

If the registry asks for a login, use the one that ``docker login`` stored in the user's configuration. If there is no
password, or it is not enough, read with ``docker buildx imagetools``. Then nothing can be removed.
"""

import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from provisioner.builder import store
from provisioner.engine import registries
from provisioner.engine.registries import Registries
from provisioner.errors import ProvisionerError, UsageError
from provisioner.host import System
from provisioner.platforms import table
from provisioner.text import no_proxy

PULL = 300  # seconds
NAME = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]+)?(/[a-z0-9._/-]*)?")
HUB, HUB_SERVER = "docker.io", "registry-1.docker.io"
HUBS = (HUB, HUB_SERVER, "index.docker.io", "registry.hub.docker.com")
HUB_LOGIN = "https://index.docker.io/v1/"  # the key of this login in docker's configuration
INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
ACCEPT = ", ".join((*INDEXES, *MANIFESTS))


class Registry(NamedTuple):
    """A registry, and how to connect to it."""

    system: System
    host: str
    scheme: str
    repository: str
    user: str
    headers: Mapping[str, str]
    trusted: tuple[str, ...]
    insecure: bool
    proxy: str = ""

    @property
    def image(self) -> str:
        """The image's name in the form that docker takes."""
        return f"{self.host}/{self.repository}"

    def ask(self, method: str, what: str) -> tuple[int, dict[str, str], bytes]:
        """Send one request about a manifest, an index or a blob. Return the status, the headers and the body."""
        host = HUB_SERVER if self.host == HUB else self.host
        url = f"{self.scheme}://{host}/v2/{self.repository}/{what}"
        return self.system.fetch(url, method, self.headers, self.trusted, insecure=self.insecure, proxy=self.proxy)

    def inspect(self, reference: str, *words: str) -> str:
        """Return what buildx reads for a reference. buildx supports every way to log in."""
        name = f"{self.image}{'@' if reference.startswith('sha256:') else ':'}{reference}"
        return self.system.run(("docker", "buildx", "imagetools", "inspect", *words, name), PULL, user=self.user)

    def get(self, reference: str) -> tuple[str, bytes]:
        """Return the media type and the bytes of a manifest or an index."""
        status, fields, body = self.ask("GET", f"manifests/{reference}")
        if status in (401, 403):
            text = self.inspect(reference, "--raw")
            return str(self.parsed(text).get("mediaType", "")), text.encode("utf-8", "surrogateescape")
        if status != 200:
            hint = "look into the registry's log"
            raise ProvisionerError(f"{self.host}: it gave {status} for {reference}, which was pushed there", hint=hint)
        return fields.get("content-type", "").partition(";")[0], body

    def remove(self, digest: str) -> int:
        """Remove a manifest or an index. Return the HTTP status."""
        return self.ask("DELETE", f"manifests/{digest}")[0]

    def platform(self, reference: str, config: str) -> str:
        """Return the platform that an image's configuration names."""
        status, _, body = self.ask("GET", f"blobs/{config}")
        return platform(self.parsed(body if status == 200 else self.inspect(reference, "--format", "{{json .Image}}")))

    def parsed(self, text: str | bytes) -> dict[str, Any]:
        """Parse a JSON object from the registry.

        Raises: ProvisionerError if it is something else, for example a web page.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise self.odd()
        return found

    def odd(self) -> ProvisionerError:
        """Return the error for an answer that does not come from a registry."""
        hint = "is a registry there, or something in front of one? what was pushed is still there"
        return ProvisionerError(f"{self.host}: what it gives for {self.repository} is not a manifest", hint=hint)


def at(system: System, known: Registries, where: str, image: str, user: str) -> Registry:
    """Return the registry for an image at ``where``, which is HOST or HOST:PORT, optionally with a path.

    Raises: UsageError if ``where`` is not valid.
    """
    if not NAME.fullmatch(where):
        hint = "HOST, HOST:PORT or either with a /PATH in lower case, without https://"
        raise UsageError(f"--registry {where}: this is not a registry's name", hint=hint)
    host, _, path = where.strip("/").partition("/")
    if not ("." in host or ":" in host or host == "localhost"):  # docker would read it as a name on Docker Hub
        hint = f"docker would push to Docker Hub: say docker.io/{where} if you mean that, else HOST:PORT"
        raise UsageError(f"--registry {where}: {host} is not a registry's name", hint=hint)
    host = HUB if host in HUBS else host
    if host == HUB and not path:
        raise UsageError(f"--registry {where}: Docker Hub needs a namespace", hint=f"for example {HUB}/acme")
    insecure = registries.local(host) or host in known.insecure
    proxy = _proxy(known, "https", host)
    scheme = "http" if insecure and not _encrypted(system, host, proxy) else "https"
    repository = f"{path}/{image}" if path else image
    authorities = (*(f for f in known.certificates.get(host, ()) if f.endswith(".crt")), *known.authorities)
    headers = {"Accept": ACCEPT, **_login(system, host, user)}
    proxy = _proxy(known, scheme, host)
    return Registry(system, host, scheme, repository, user, headers, authorities, insecure, proxy)


def _proxy(known: Registries, scheme: str, host: str) -> str:
    """Return the daemon's proxy for a registry, or an empty string. The builder pushes through the same one."""
    name = HUB_SERVER if host == HUB else host
    way = known.proxies.get(f"{scheme}_proxy", "")
    return "" if no_proxy.direct(name, known.proxies.get("no_proxy", "")) else way


def platform(fields: Mapping[str, Any]) -> str:
    """Return the platform of a manifest. Return an unknown platform under its own name."""
    name = "/".join(str(fields[k]) for k in ("os", "architecture", "variant") if fields.get(k))
    try:
        return table.normalise(name)
    except ValueError:
        return name


def _encrypted(system: System, host: str, proxy: str) -> bool:
    """Return whether an insecure registry uses TLS. Docker and BuildKit find this out in the same way."""
    try:
        system.fetch(f"https://{host}/v2/", "GET", {}, insecure=True, proxy=proxy)
    except ProvisionerError:
        return False
    return True


def _login(system: System, host: str, user: str) -> dict[str, str]:
    """Return the headers that log in to the registry as docker does. Empty if a credential helper keeps the login."""
    account = system.account(user)
    try:
        text = system.read(f"{store.of(system, account).docker}/config.json", user=user) if account else None
        word = json.loads(text or "{}")["auths"][HUB_LOGIN if host == HUB else host]["auth"]
        binascii.a2b_base64(word, strict_mode=True)
    except (ProvisionerError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {"Authorization": f"Basic {word}"} if word else {}
