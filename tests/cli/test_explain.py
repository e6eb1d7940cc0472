"""Errors that people search for are recognized, and the host decides which cause is the real one."""

import json
from pathlib import Path

import pytest

from provisioner.builder import resource as builder
from provisioner.cli import causes
from provisioner.cli.causes import Scene
from provisioner.cli.commands import explain
from provisioner.cli.cures import table
from provisioner.cli.options import Arguments
from provisioner.config.desired import Builder, Desired
from provisioner.engine import info
from provisioner.engine.endpoints import Endpoint
from provisioner.engine.facts import Facts
from provisioner.host import System
from provisioner.runs import compare
from tests.helpers import large, recorded

CHECKOUT = Path(__file__).parents[2]
# Each line as a program prints it.
LINES = {
    "exec /bin/sh: exec format error": "exec-format-error",
    "standard_init_linux.go:228: exec user process caused: exec format error": "exec-format-error",
    "/usr/bin/node: cannot execute binary file: Exec format error": "exec-format-error",
    "ERROR: Multi-platform build is not supported for the docker driver.": "docker-driver",
    "error: multiple platforms feature is currently not supported for docker driver. Please switch": "docker-driver",
    "ERROR: Cache export is not supported for the docker driver.": "docker-driver",
    "ERROR: docker exporter does not currently support exporting manifest lists": "manifest-lists",
    "no matching manifest for linux/arm64/v8 in the manifest list entries": "no-matching-manifest",
    "The requested image's platform (linux/arm64) does not match the detected host platform": "platform-mismatch",
    "failed to solve: snapshotter not loaded: overlay2: invalid argument": "snapshotter-not-loaded",
    "qemu: uncaught target signal 11 (Segmentation fault) - core dumped": "qemu-signal",
    'process "/dev/.buildkit_qemu_emulator /bin/sh -c x" did not complete successfully: exit code: 139': "qemu-signal",
    "dash: error while loading shared libraries: libc.so.6: ELF load command address/offset not page-aligned": (
        "native-crash"
    ),
    "sh: error while loading shared libraries: libc.so.6: ELF load command alignment not page-aligned": "native-crash",
    'ERROR: process "/bin/sh -c apt-get update" did not complete successfully: exit code: 139': "native-crash",
    "qemu-aarch64-static: Could not open '/lib/ld-linux-aarch64.so.1': No such file or directory": "foreign-loader",
    'ERROR: no builder "container-builder" found': "no-builder",
    "Error response from daemon: No such container: buildx_buildkit_container-builder0": "builder-gone",
    "tls: failed to verify certificate: x509: certificate signed by unknown authority": "unknown-authority",
    "http: server gave HTTP response to HTTPS client": "http-response",
    'Get "https://registry.test:5001/v2/": tls: first record does not look like a TLS handshake': "http-response",
    "image with reference x was found but does not match the specified platform: wanted": "no-matching-manifest",
    "proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused": "proxy",
    "dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: no such host": "name-resolution",
    "failed to copy: write /var/lib/buildkit/x: no space left on device": "disk-full",
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?": "daemon-down",
    "permission denied while trying to connect to the Docker daemon socket at unix:///x": "socket-permission",
    "docker: 'buildx' is not a docker command.": "no-buildx",
    "Error response from daemon: client version 1.24 is too old. Minimum supported API version is 1.44": "api-version",
    "toomanyrequests: You have reached your pull rate limit.": "rate-limit",
    "push access denied, repository does not exist or may require authorization: insufficient_scope": "not-logged-in",
}
PLAIN = {"offline": True, "config": None, "host": None, "context": None}
INFO = {
    "ServerVersion": "28.5.2",
    "Driver": "overlay2",
    "OSType": "linux",
    "Architecture": "x86_64",
    "DockerRootDir": "/",
}


@pytest.mark.parametrize("line", LINES)
def test_an_error_is_recognized_as_programs_word_it(line: str) -> None:
    assert [error.code for error, _ in table.recognized(f"#12 [2/5] RUN x\n{line}\n")] == [LINES[line]]


def test_every_known_error_has_a_line_that_shows_it_and_a_last_cause_without_a_test() -> None:
    assert set(LINES.values()) == {error.code for error in table.ERRORS}
    assert len(table.ERRORS) >= 20
    for error in table.ERRORS:
        assert error.causes[-1].test == ""
        assert {c.test for c in error.causes if c.test} <= set(causes.TESTS)
        assert all(c.cure for c in error.causes)


@pytest.mark.parametrize("line", ["", "#5 exporting to image", "Successfully built 1234", "DONE 0.4s"])
def test_an_ordinary_line_is_no_error(line: str) -> None:
    assert not list(table.recognized(line))


def real(host: System, line: str) -> str:
    ((error, found),) = table.recognized(line)
    return causes.real(error, Scene(host, Desired(platforms=("linux/amd64",)), found)).test


def test_the_cause_is_the_one_that_the_host_shows(tmp_path: Path) -> None:
    host = System(str(tmp_path), {"HOME": "/root"}, "x86_64")
    line = "ERROR: Multi-platform build is not supported for the docker driver."
    with recorded.engine(tmp_path / "var/run/docker.sock", {"/info": INFO}):
        assert real(host, line) == "classic-store"
        assert real(host, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.") == ""
    assert real(host, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.") == "engine-down"


def test_a_platform_that_nobody_configured_is_the_cause_of_a_format_error(tmp_path: Path) -> None:
    host = System(str(tmp_path), {"HOME": "/root"}, "x86_64")
    assert real(host, "exec /bin/sh: exec format error (linux/arm64)") == "not-configured"
    assert real(host, "exec /bin/sh: exec format error (linux/amd64)") == ""


@pytest.mark.parametrize(("size", "cause"), [(4096, ""), (16384, "large-pages")])
def test_a_crash_of_a_native_program_is_due_to_pages_that_are_larger_than_4_kb(
    tmp_path: Path, size: int, cause: str
) -> None:
    line = 'process "/bin/sh -c true" did not complete successfully: exit code: 139'
    assert real(large.host(tmp_path, size), line) == cause


def test_words_and_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x\nexec /bin/sh: exec format error\n")
    for words in (["exec", "/bin/sh:", "exec format error"], [str(tmp_path / "log")]):
        answer = explain.run(System("/", {}), Arguments(message=words, format="text", **PLAIN))
        assert answer.status == 0
        assert answer.text.startswith("exec format error\n")
    answer = explain.run(System("/", {}), Arguments(message=["all", "well"], format="json", **PLAIN))
    assert '"status": "unknown"' in answer.text


def test_a_command_to_copy_is_told_from_what_else_to_do() -> None:
    message = ["docker: 'buildx' is not a docker command;", "client version 1.24 is too old"]
    answer = explain.run(System("/", {}), Arguments(message=message, format="text", **PLAIN))
    steps = ["    cure: type -a docker", "    cure: unset DOCKER_API_VERSION", "    do: upgrade the older of the two"]
    assert set(steps) <= set(answer.text.splitlines())
    [error, *_] = json.loads(explain.run(System("/", {}), Arguments(message=message, format="json", **PLAIN)).text)[
        "errors"
    ]
    assert error["causes"][-1]["cure"] == ["docker buildx version", "type -a docker"]


def test_the_page_of_the_documentation_is_made_from_the_table() -> None:
    assert (CHECKOUT / "docs" / "explain.md").read_text() == table.page()


class Unregistered(Scene):
    """A host on which nothing of a builder is as wanted."""

    def looked(self, resource: str) -> compare.Seen:
        where = Endpoint("default", "unix:///s", "default")
        seen = Facts(where, info.engine({}, where), "/s", (), "/d", False, (), {}, True)
        return ((resource, builder.want(self.wanted, seen), {}),)


def test_a_user_s_name_is_no_difference_of_the_proxies() -> None:
    wanted = Desired(builder=Builder(users=("root", "proxy")))
    options = wanted.builder._replace(driver_options={"env.HTTP_PROXY": "http://p", "env.http_proxy": "http://p"})
    for asked, told in ((wanted, False), (wanted._replace(builder=options), True)):
        scene = Unregistered(System("/", {}), asked, "")
        assert any("proxy" in d.key for d in scene.differs("builder"))
        assert causes.TESTS["builder-proxies"](scene) is told
