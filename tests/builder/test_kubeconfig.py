"""Which cluster a kubeconfig leads to: its current context, certificates, tokens and sign-in plug-ins."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioner.builder import kubeconfig
from provisioner.errors import ClusterError
from provisioner.host import System

CLUSTER = {"server": "https://127.0.0.1:6443"}


def config(user: dict[str, Any], cluster: dict[str, Any] | None = None, current: str = "builds") -> dict[str, Any]:
    """Return a kubeconfig with two contexts. The second one is the current context."""
    contexts = [
        {"name": "other", "context": {"cluster": "nowhere", "user": "me"}},
        {"name": "builds", "context": {"cluster": "c", "user": "me", "namespace": "ci"}},
    ]
    clusters = [{"name": "c", "cluster": {**CLUSTER, **(cluster or {})}}]
    users = [{"name": "me", "user": user}]
    return {"current-context": current, "contexts": contexts, "clusters": clusters, "users": users}


def host(root: Path, found: Any, **files: str) -> System:
    """Return a host whose root user has a kubeconfig, and other files in its folder."""
    folder = root / "root/.kube"
    folder.mkdir(parents=True)
    (folder / "config").write_text(found if isinstance(found, str) else json.dumps(found))
    for name, text in files.items():
        (folder / name).write_text(text)
    return System(root=str(root), environ={"HOME": "/root"})


def test_the_current_context_leads_to_its_cluster_and_namespace(tmp_path: Path) -> None:
    found = config({"client-certificate": "cert", "client-key-data": base64.b64encode(b"KEY").decode()})
    access = kubeconfig.access(host(tmp_path, yaml.safe_dump(found), cert="CERT"), "~/.kube/config", "root", "builds")
    assert (access.server, access.namespace) == (CLUSTER["server"], "ci")
    assert (access.certificate, access.key, access.source) == ("CERT", "KEY", "/root/.kube/config")


def test_a_token_may_lie_in_a_file(tmp_path: Path) -> None:
    word = "abc"
    found = host(tmp_path, config({"tokenFile": "t"}), t=f"{word}\n")
    assert kubeconfig.access(found, "", "root").token == word


def test_a_plug_in_signs_the_user_in(tmp_path: Path) -> None:
    script = 'read -r x < /dev/null; printf \'{"status": {"token": "%s"}}\' "$WORD"'
    plugin: dict[str, Any] = {
        "command": "/bin/sh",
        "args": ["-c", script],
        "env": [{"name": "WORD", "value": "from-plug-in"}],
    }
    here = System(environ={"HOME": "/root"})
    (tmp_path / "config").write_text(json.dumps(config({"exec": plugin})))
    assert kubeconfig.access(here, f"{tmp_path}/config", "root").token == plugin["env"][0]["value"]


@pytest.mark.parametrize(
    ("found", "asked", "words"),
    [
        (config({}), "prod", "the current context is builds, and builder.context asks for prod"),
        (config({}, current="other"), "", "the current context other does not lead to a cluster"),
        (config({}, {"proxy-url": "http://p"}), "", "proxy-url"),
        (config({"client-certificate": "gone"}), "", "there is no file /root/.kube/gone"),
        ("a: [", "", "/root/.kube/config: expected the node content"),
        (config({"exec": {"command": "/bin/false"}}), "", "/bin/false did not sign root in"),
    ],
)
def test_what_is_wrong_with_it_is_said_in_a_sentence(tmp_path: Path, found: Any, asked: str, words: str) -> None:
    with pytest.raises(ClusterError) as e:
        kubeconfig.access(host(tmp_path, found), "", "root", asked)
    assert words in e.value.message


def test_without_a_kubeconfig_no_cluster_is_known(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="there is no such file"):
        kubeconfig.access(System(root=str(tmp_path), environ={}), "", "root")
