"""Which login a pull sends: docker itself and the agent, side by side, for each config.json and environment.

docker talks to a program that keeps what it sends in X-Registry-Auth.
"""

import base64
import json
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from tests.conftest import Boot

pytestmark = [pytest.mark.host, pytest.mark.timeout(300)]
KEPT = base64.b64encode(b"ci:s3cret").decode()
LOGIN = {"auth": KEPT}
ENV = "DOCKER_AUTH_CONFIG"
HUB, HERE = "https://index.docker.io/v1/", "registry.example:5000"
# By what it tries: the registry, what config.json holds, and the environment.
TABLE: Mapping[str, tuple[str, object, Mapping[str, str]]] = MappingProxyType({
    "nothing": (HERE, None, {}),
    "a login": (HERE, {"auths": {HERE: LOGIN}}, {}),
    "a login by address": (HERE, {"auths": {f"https://{HERE}/v1/": LOGIN}}, {}),
    "a login for a folder": (HERE, {"auths": {f"{HERE}/team": LOGIN}}, {}),
    "a login by address and an empty one": (HERE, {"auths": {f"https://{HERE}": LOGIN, HERE: {}}}, {}),
    "a login without a port": (HERE, {"auths": {"registry.example": LOGIN}}, {}),
    "a login of Docker Hub": (HUB, {"auths": {HUB: LOGIN}}, {}),
    "a login of docker.io": (HUB, {"auths": {"docker.io": LOGIN}}, {}),
    "a login of index.docker.io": (HUB, {"auths": {"index.docker.io": LOGIN}}, {}),
    "a name and a password": (HERE, {"auths": {HERE: {"username": "a", "password": "b"}}}, {}),
    "a token": (HERE, {"auths": {HERE: {"identitytoken": "t"}}}, {}),
    "a login and a token": (HERE, {"auths": {HERE: {**LOGIN, "identitytoken": "t"}}}, {}),
    "a token of the registry": (HERE, {"auths": {HERE: {"registrytoken": "t"}}}, {}),
    "a login in other letters": (HERE, {"AUTHS": {HERE: {"AUTH": KEPT}}}, {}),
    "a login that is no base64": (HERE, {"auths": {HERE: {"auth": "!!"}}}, {}),
    "a login in lines": (HERE, {"auths": {HERE: {"auth": f"{KEPT[:4]}\r\n{KEPT[4:]}\n"}}}, {}),
    "a login with a blank": (HERE, {"auths": {HERE: {"auth": f"{KEPT[:4]} {KEPT[4:]}"}}}, {}),
    "a login without a colon": (HERE, {"auths": {HERE: {"auth": base64.b64encode(b"ci").decode()}}}, {}),
    "a login and a field of another type": (HERE, {"auths": {HERE: LOGIN}, "psFormat": 5}, {}),
    "a login and more behind it": (HERE, json.dumps({"auths": {HERE: LOGIN}}) + " more", {}),
    "a broken file": (HERE, "{", {}),
    "a helper": (HERE, {"credsStore": "kept"}, {}),
    "a helper of this registry": (HERE, {"credHelpers": {HERE: "kept"}, "credsStore": "gone"}, {}),
    "a helper of another registry": (HERE, {"credHelpers": {"x": "gone"}, "auths": {HERE: LOGIN}}, {}),
    "no helper of this registry": (HERE, {"credHelpers": {HERE: ""}, "credsStore": "gone", "auths": {HERE: LOGIN}}, {}),
    "a helper with a token": (HERE, {"credsStore": "token"}, {}),
    "a helper without a login": (HERE, {"credsStore": "empty", "auths": {HERE: LOGIN}}, {}),
    "a helper that fails": (HERE, {"credsStore": "locked"}, {}),
    "a helper that says nothing": (HERE, {"credsStore": "silent"}, {}),
    "a helper that is not there": (HERE, {"credsStore": "gone"}, {}),
    "a helper of Docker Hub": (HUB, {"credHelpers": {HUB: "kept"}}, {}),
    "the environment": (HERE, None, {ENV: json.dumps({"auths": {HERE: LOGIN}})}),
    "the environment before a helper": (HERE, {"credsStore": "gone"}, {ENV: json.dumps({"auths": {HERE: LOGIN}})}),
    "the environment for another registry": (
        HERE, {"credsStore": "token"}, {ENV: json.dumps({"auths": {"x": LOGIN}})},
    ),
    "the environment by address": (HERE, None, {ENV: json.dumps({"auths": {f"https://{HERE}": LOGIN}})}),
    "the environment with a token": (
        HERE, None, {ENV: json.dumps({"auths": {HERE: {**LOGIN, "identitytoken": "t"}}})},
    ),
    "the environment and more behind it": (HERE, None, {ENV: json.dumps({"auths": {HERE: LOGIN}}) + "{}"}),
    "a broken environment": (HERE, {"auths": {HERE: LOGIN}}, {ENV: "{"}),
    "an environment of Docker Hub": (HUB, None, {ENV: json.dumps({"auths": {HUB: LOGIN}})}),
    "an environment of null": (HERE, {"auths": {HERE: LOGIN}}, {ENV: "null"}),
})  # fmt: skip
HELPERS = {
    "kept": """echo '{"ServerURL": "x", "Username": "helped", "Secret": "s"}'""",
    "token": """echo '{"ServerURL": "x", "Username": "<token>", "Secret": "s"}'""",
    "empty": "echo credentials not found in native keychain; exit 1",
    "locked": "echo the keychain is locked; exit 1",
    "silent": "exit 0",
}
LISTENER = """
import http.server, socketserver
class Engine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Api-Version", "1.44")
        self.end_headers()
    do_HEAD = do_GET
    def do_POST(self):
        with open("/tmp/sent", "w") as file:
            file.write(self.headers.get("X-Registry-Auth", ""))
        self.send_response(200)
        self.end_headers()
    def address_string(self):
        return ""
socketserver.ThreadingUnixStreamServer("/run/listener.sock", Engine).serve_forever()
"""
OURS = """
import base64, json, os, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.builder import credentials
from provisioner.host import System
host = System("/", os.environ)
account, image = host.account("root"), sys.argv[1]
said = credentials.header(host, account, image)
print(json.dumps(json.loads(base64.urlsafe_b64decode(said)) if said else {}))
"""
FIELDS = ("username", "password", "identitytoken", "registrytoken")


def login(text: str) -> dict[str, str]:
    """Return the fields of a login that are not empty."""
    found = json.loads(text or "{}")
    return {name: found[name] for name in FIELDS if found.get(name)}


def test_a_pull_is_asked_for_with_the_login_that_docker_sends(boot: Boot) -> None:
    host = boot("forky", agent=True)
    host.put("/listener.py", LISTENER)
    host.sh("systemd-run --quiet python3 -I /listener.py", check=True)
    host.wait("the listener", lambda: host.sh("test -S /run/listener.sock").status == 0)
    for name, script in HELPERS.items():
        host.put(f"/usr/local/bin/docker-credential-{name}", f"#!/bin/sh\n{script}\n", 0o755)
    differing = {}
    for name, (registry, config, environ) in TABLE.items():
        host.sh("rm -f /root/.docker/config.json /tmp/sent", check=True)
        if config is not None:
            host.put("/root/.docker/config.json", config if isinstance(config, str) else json.dumps(config))
        image = "library/x" if registry == HUB else f"{registry}/x"
        pulled = host.run("docker", "-H", "unix:///run/listener.sock", "pull", image, env=environ)
        sent = host.get("/tmp/sent")
        theirs = None if sent is None else login(base64.urlsafe_b64decode(sent + b"==").decode())
        ours = login(host.run("python3", "-I", "-c", OURS, image, env=environ, check=True).stdout)
        if ours != theirs:
            differing[name] = (theirs, ours, pulled.stderr)
    assert not differing, json.dumps(differing, indent=1)
