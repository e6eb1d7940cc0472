"""Which engine counts, and how it is spoken to: docker itself and the agent, side by side in each home and environment.

The engine listens on its socket, and on TCP with its own TLS.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.conftest import Boot
from tests.helpers import certificates
from tests.hosts import Host

pytestmark = pytest.mark.host
DROP_IN = "/etc/systemd/system/docker.service.d/tls.conf"
FLAGS = (
    "-H tcp://127.0.0.1:2376 --tlsverify --tlscacert=/tls/ca.pem --tlscert=/tls/server.pem --tlskey=/tls/server-key.pem"
)
UNIT = f"[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd:// {FLAGS}\n"
CONFIG = "/home/someone/.docker/config.json"
TCP, CERTIFIED = "tcp://127.0.0.1:2376", {"DOCKER_CERT_PATH": "/tls"}
VERIFIED = {**CERTIFIED, "DOCKER_TLS_VERIFY": "1"}
# By what it tries: the environment, and what config.json holds (None: there is none).
TABLE: Mapping[str, tuple[Mapping[str, str], str | None]] = MappingProxyType({
    "nothing": ({}, None),
    "an empty address": ({"DOCKER_HOST": ""}, None),
    "an address in blanks": ({"DOCKER_HOST": " unix:///var/run/docker.sock "}, None),
    "a socket without a path": ({"DOCKER_HOST": "unix://"}, None),
    "a socket that is not there": ({"DOCKER_HOST": "unix:///run/no.sock"}, None),
    "TLS": ({"DOCKER_HOST": TCP, **VERIFIED}, None),
    "TLS without a port": ({"DOCKER_HOST": "tcp://127.0.0.1", **VERIFIED}, None),
    "TLS without a scheme": ({"DOCKER_HOST": "127.0.0.1:2376", **VERIFIED}, None),
    "TLS that verifies nothing": ({"DOCKER_HOST": TCP, **CERTIFIED, "DOCKER_TLS": "1"}, None),
    "no TLS": ({"DOCKER_HOST": TCP}, None),
    "TLS by another name than the certificate's": ({"DOCKER_HOST": "tcp://127.0.0.2:2376", **VERIFIED}, None),
    "TLS by another authority": ({"DOCKER_HOST": TCP, **VERIFIED, "DOCKER_CERT_PATH": "/other"}, None),
    "TLS without a certificate of ours": ({"DOCKER_HOST": TCP, **VERIFIED, "DOCKER_CERT_PATH": "/alone"}, None),
    "TLS without files": ({"DOCKER_HOST": TCP, **VERIFIED, "DOCKER_CERT_PATH": "/nowhere"}, None),
    "a context": ({"DOCKER_CONTEXT": "secure"}, None),
    "a context in config.json": ({}, '{"currentContext": "secure"}'),
    "a context in other letters": ({}, '{"CURRENTCONTEXT": "secure"}'),
    "a context and more behind it": ({}, '{"currentContext": "secure"} more'),
    "a context that is not there": ({"DOCKER_CONTEXT": "gone"}, None),
    "the default before config.json": ({"DOCKER_CONTEXT": "default"}, '{"currentContext": "secure"}'),
    "an address before a context": ({"DOCKER_HOST": "unix:///run/no.sock", "DOCKER_CONTEXT": "secure"}, None),
    "a broken config.json": ({}, "{"),
    "a config.json of another type": ({}, '{"currentContext": 5}'),
    "a config.json with one odd field": ({}, '{"currentContext": "secure", "psFormat": 5}'),
    "an empty config.json": ({}, ""),
})  # fmt: skip


@pytest.fixture
def host(boot: Boot, tmp_path: Path) -> Host:
    certificates.make(tmp_path)
    names = {
        "ca.pem": "ca.pem",
        "server.pem": "server.pem",
        "server-key.pem": "server-key.pem",
        "cert.pem": "client.pem",
        "key.pem": "client-key.pem",
    }
    files: dict[str, str] = {f"/tls/{name}": (tmp_path / file).read_text() for name, file in names.items()}
    files |= {f"/other/{name}": (tmp_path / names[name]).read_text() for name in ("cert.pem", "key.pem")}
    files |= {"/other/ca.pem": (tmp_path / "other.pem").read_text(), "/alone/ca.pem": (tmp_path / "ca.pem").read_text()}
    found = boot("forky", agent=True, files={**files, DROP_IN: UNIT})
    found.sh("useradd --create-home --groups docker someone", check=True)
    found.sh(
        f"docker context create secure --docker host={TCP},ca=/tls/ca.pem,cert=/tls/cert.pem,key=/tls/key.pem",
        user="someone",
        check=True,
    )
    return found


def test_the_engine_that_docker_would_talk_to_is_the_one_that_counts(host: Host) -> None:
    differing = {}
    for name, (environ, config) in TABLE.items():
        host.sh(f"rm -f {CONFIG}")
        if config is not None:
            host.put(CONFIG, config)
        env = {"HOME": "/home/someone", **environ}
        theirs = host.run("docker", "version", "--format={{.Server.Version}}", user="someone", env=env)
        ours = host.run("provisioner", "detect", "--format=json", user="someone", env=env)
        version = json.loads(ours.stdout)["engine"]["version"] if ours.status == 0 else ""
        if (theirs.status == 0, theirs.stdout.strip()) != (ours.status == 0, version):
            differing[name] = (theirs.stdout, theirs.stderr, ours.status, ours.stderr)
    assert not differing


def test_an_engine_with_tls_that_is_spoken_to_without_it_says_so(host: Host) -> None:
    said = host.run("provisioner", "detect", env={"DOCKER_HOST": TCP})
    assert said.status == 69
    assert "this engine speaks TLS only" in said.stderr
    assert "DOCKER_TLS_VERIFY" in said.stderr


STORES: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "nothing": {},
    "docker's folder": {"DOCKER_CONFIG": "/home/someone/d"},
    "docker's folder with a slash": {"DOCKER_CONFIG": "/home/someone/e/"},
    "buildx's folder": {"BUILDX_CONFIG": "/home/someone/b"},
    "both": {"DOCKER_CONFIG": "/home/someone/f", "BUILDX_CONFIG": "/home/someone/c"},
    "empty ones": {"DOCKER_CONFIG": "", "BUILDX_CONFIG": ""},
})  # fmt: skip
WHERE = """
import os, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.builder import store
from provisioner.host import System
host = System("/", os.environ)
print(store.of(host, host.account(host.user)).instance_file(sys.argv[1]))
"""


def test_buildx_keeps_its_builders_where_it_is_looked_for(host: Host) -> None:
    differing = {}
    for number, (name, environ) in enumerate(STORES.items()):
        env = {"HOME": "/home/someone", **environ}
        host.run("docker", "buildx", "create", f"--name=b{number}", user="someone", env=env, check=True)
        ours = host.run("python3", "-I", "-c", WHERE, f"b{number}", user="someone", env=env, check=True).stdout.strip()
        if host.get(ours) is None:
            differing[name] = ours
    assert not differing


PLUGIN = "/usr/libexec/docker/cli-plugins/docker-buildx"
OWN = f'#!/bin/sh\necho own >&2\nexec {PLUGIN} "$@"\n'
WRAPPED = '#!/bin/sh\nBUILDX_CONFIG=/home/someone/wrapped exec /usr/libexec/docker/cli "$@"\n'
HOME_S = "/home/someone/.docker/cli-plugins/docker-buildx"
# By what it tries: the files that are put, a command, and whether buildx is started without docker.
PLUGINS: Mapping[str, tuple[Mapping[str, str], str, bool]] = MappingProxyType({
    "the package's": ({}, "true", True),
    "one in the home": ({HOME_S: OWN}, "true", True),
    "one in another folder": (
        {"/opt/p/docker-buildx": OWN, CONFIG: '{"cliPluginsExtraDirs": ["/opt/p"]}'}, "true", True
    ),
    "a broken one in the home": ({HOME_S: "#!/bin/sh\nexit 3\n"}, "true", False),
    "a broken config.json": ({CONFIG: "{"}, "true", True),
    "a script for docker": ({"/usr/local/bin/wrapper": WRAPPED}, "mv /usr/bin/docker /usr/libexec/docker/cli; "
                            "cp /usr/local/bin/wrapper /usr/bin/docker", False),
    "no plug-in": ({}, f"mv {PLUGIN} /opt/buildx", False),
})  # fmt: skip
UNDONE = (
    f"rm -rf {HOME_S} {CONFIG} /opt/p; test ! -e /usr/libexec/docker/cli || mv /usr/libexec/docker/cli /usr/bin/docker;"
    f" test ! -e /opt/buildx || mv /opt/buildx {PLUGIN}"
)
STARTED = """
import json, os, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.host import System
seen = []
sys.addaudithook(lambda event, args: seen.append(args[1]) if event == "subprocess.Popen" else None)
ran = System("/", os.environ).ask("docker", *sys.argv[1:])
print(json.dumps([ran.status, ran.stdout, ran.error, [words[0] for words in seen]]))
"""


@pytest.mark.parametrize(
    "words", [("buildx", "version"), ("--host", "unix:///run/docker.sock", "buildx", "ls")], ids=str
)
def test_buildx_is_started_without_docker_where_docker_does_nothing_else(host: Host, words: tuple[str, ...]) -> None:
    differing = {}
    for name, (files, makes, direct) in PLUGINS.items():
        for path, text in files.items():
            host.put(path, text, 0o755)
        host.sh(f"{makes}; chown -R someone /home/someone", check=True)
        theirs = host.run("docker", *words, user="someone", env={"HOME": "/home/someone"})
        ran = host.run(
            "python3", "-I", "-c", STARTED, *words, user="someone", env={"HOME": "/home/someone"}, check=True
        )
        status, out, error, programs = json.loads(ran.stdout)
        last = programs[-1].rpartition("/")[2]
        said, by_docker = (set(text.split("\n")) for text in (error, theirs.stderr))  # both warn of a broken file
        if (status, out, said) != (theirs.status, theirs.stdout, by_docker):
            differing[name] = (theirs, ran.stdout)
        if (last == "docker-buildx") != direct:
            differing[f"{name}: what was started"] = (programs, error)
        host.sh(UNDONE, check=True)
    assert not differing
