"""Read a user's kubeconfig: which cluster its current context leads to, and how the user signs in there.

buildx always uses the current context of one file, so this module does the same.
"""

import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from provisioner import libraries
from provisioner.builder import store
from provisioner.errors import ClusterError, ProvisionerError
from provisioner.model import ClusterAccess, Reader

DEFAULT = "~/.kube/config"
ASKED = json.dumps(
    {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "spec": {"interactive": False}}
)
SIGN_IN = 30  # seconds for a sign-in plug-in


def access(host: Reader, path: str, user: str, context: str = "") -> ClusterAccess:
    """Return how ``user`` reaches the cluster of a kubeconfig's current context.

    Args:
        path: The kubeconfig; empty means ``~/.kube/config``.
        context: The context that must be current; empty allows any.

    Raises:
        ClusterError: The file is wrong. The message says why and what to do.
    """
    account = host.account(user)
    file = store.kubeconfig(path or DEFAULT, account.home if account else host.home)
    found = _parsed(host, file, user)
    current = str(found.get("current-context") or "")
    if context and current != context:
        hint = f"kubectl --kubeconfig {file} config use-context {context}"
        reason = f"{file}: the current context is {current or 'not set'}, and builder.context asks for {context}"
        raise ClusterError(reason, hint=hint)
    try:
        chosen = _named(found["contexts"], current)["context"]
        cluster = _named(found["clusters"], chosen["cluster"])["cluster"]
        who = _named(found.get("users") or (), chosen.get("user") or "").get("user") or {}
        return _access(host, _Files(host, file, user), chosen, cluster, who)
    except (KeyError, TypeError, AttributeError, StopIteration, binascii.Error, UnicodeDecodeError):
        reason = f"{file}: the current context {current or '(none)'} does not lead to a cluster"
        raise ClusterError(reason, hint=f"kubectl --kubeconfig {file} config view --minify") from None


class _Files:
    """The files that a kubeconfig names. Their paths are relative to it, and they are read as its user."""

    def __init__(self, host: Reader, kubeconfig: str, user: str) -> None:
        self.host, self.kubeconfig, self.user = host, kubeconfig, user

    def text(self, section: Mapping[str, Any], key: str) -> str:
        """Return the content of ``KEY-data``, or of the file that ``KEY`` names; empty if neither is set."""
        if data := section.get(f"{key}-data"):
            return binascii.a2b_base64(data).decode("ascii")
        return self.file(str(section.get(key) or ""))

    def file(self, path: str) -> str:
        """Return the text of a file; empty if the path is empty."""
        if not path:
            return ""
        path = path if path.startswith("/") else f"{self.kubeconfig.rpartition('/')[0]}/{path}"
        text = self.host.read(path, user=self.user)
        if text is None:
            raise ClusterError(f"{self.kubeconfig}: there is no file {path}", hint="put it there, or embed it")
        return text


def _access(
    host: Reader, files: _Files, chosen: Mapping[str, Any], cluster: Mapping[str, Any], who: Mapping[str, Any]
) -> ClusterAccess:
    if cluster.get("proxy-url"):
        hint = "without it, Deployments and pods are compared as well"
        raise ClusterError(f"{files.kubeconfig}: proxy-url is not supported here, only by docker buildx", hint=hint)
    made = ClusterAccess(
        server=str(cluster["server"]),
        namespace=str(chosen.get("namespace") or "default"),
        source=files.kubeconfig,
        authority=files.text(cluster, "certificate-authority"),
        certificate=files.text(who, "client-certificate"),
        key=files.text(who, "client-key"),
        token=str(who.get("token") or files.file(str(who.get("tokenFile") or ""))).strip(),
        server_name=str(cluster.get("tls-server-name") or ""),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
    )
    if not (made.token or made.certificate) and who.get("exec"):
        return _signed_in(host, made, who["exec"], files.user)
    return made


def _signed_in(host: Reader, made: ClusterAccess, plugin: Mapping[str, Any], user: str) -> ClusterAccess:
    """Run the plug-in that signs the user in, as that user, and use the token or certificate that it prints."""
    version = str(plugin.get("apiVersion") or "client.authentication.k8s.io/v1")
    asked = ASKED.replace("client.authentication.k8s.io/v1", version)
    env = [f"{e['name']}={e['value']}" for e in plugin.get("env") or ()]
    argv = (str(plugin["command"]), *map(str, plugin.get("args") or ()))
    ran = host.ask("env", *env, f"KUBERNETES_EXEC_INFO={asked}", *argv, timeout=SIGN_IN, user=user)
    try:
        status = json.loads(ran.stdout)["status"] if ran.status == 0 else {}
    except (ValueError, KeyError, TypeError):
        status = {}
    token, certificate = str(status.get("token") or ""), str(status.get("clientCertificateData") or "")
    if not token and not certificate:
        said = ran.error.strip().splitlines()
        reason = f"{made.source}: {argv[0]} did not sign {user} in ({said[-1] if said else 'it printed no credential'})"
        raise ClusterError(reason, hint=f"run it as {user}: {' '.join(argv)}")
    return made._replace(token=token, certificate=certificate, key=str(status.get("clientKeyData") or ""))


def _parsed(host: Reader, file: str, user: str) -> Mapping[str, Any]:
    try:
        text = host.read(file, user=user)
    except ProvisionerError as e:
        raise ClusterError(e.message, hint=e.hint) from None
    if text is None:
        hint = f"put the kubeconfig of {user} there, or name it in builder.kubeconfig"
        raise ClusterError(f"{file}: there is no such file, so no cluster is known", hint=hint)
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError, RecursionError):
        libraries.find()
    try:
        from provisioner.text import strict_yaml  # this import needs PyYAML
    except ModuleNotFoundError as e:
        hint = "install it: apt-get install python3-yaml"
        raise ClusterError(f"{file}: cannot be read without the Python module {e.name}", hint=hint) from None
    found, _, broken = strict_yaml.judge(text)
    if broken:
        raise ClusterError(f"{file}: {broken.message} (line {broken.line})", hint=broken.hint)
    return found


def _named(found: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next(entry for entry in found if entry["name"] == name)
