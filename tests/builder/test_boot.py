"""A builder that does not boot because a power cut has torn its image gets the image again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner.builder.boot import Boot
from provisioner.errors import CommandError
from provisioner.host import System
from tests.helpers.steps import quiet

BOOT, PULL = ("docker", "buildx", "inspect", "--bootstrap", "b"), ("docker", "pull", "moby/buildkit")


class Fake(System):
    """A host on which what runs during other steps runs when it is waited for."""

    @contextmanager
    def meanwhile(
        self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = ""
    ) -> Iterator[Callable[[], str]]:
        yield lambda: self.run(argv, timeout)


class Torn(Fake):
    """A host whose builder boots once its image has been pulled. Until then docker says ``words``."""

    words = ""

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        if argv == BOOT and self.words:
            raise CommandError(self.words)
        if argv == PULL:
            self.words = ""
        return ""


@pytest.mark.parametrize(
    ("words", "again"),
    [
        ("exec /usr/bin/buildkitd: exec format error", True),
        ("Container 5 is restarting, wait until the container is running", True),
        ("Error response from daemon: container 5 is not running", True),
        ("cannot exec in a stopped state: unknown / ERROR: exit code 126", True),
        ("ERROR: unable to upgrade to tcp, received 409", True),
        ("permission denied while trying to connect to the Docker daemon socket", False),
    ],
)
def test_an_image_is_pulled_again_where_the_container_ended_at_once(tmp_path: Path, words: str, again: bool) -> None:
    host = Torn(str(tmp_path), {})
    host.words = words
    step = Boot(BOOT, afresh=(PULL,))
    if again:
        step.do(host, quiet)
    else:
        with pytest.raises(CommandError, match="permission denied"):
            step.do(host, quiet)
    assert bool(host.words) is not again


class Leaving(Fake):
    """A host on which a container of the name passes after some attempts."""

    attempts = 0
    passes = 2
    waited = 0.0

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        assert argv == BOOT
        self.attempts += 1
        if self.attempts > self.passes:
            return ""
        raise CommandError('Conflict. The container name "/b" is already in use by container "5"')

    def pause(self, seconds: float) -> None:
        self.waited += seconds


def test_a_container_that_is_about_to_go_is_waited_for(tmp_path: Path) -> None:
    host, said = Leaving(str(tmp_path), {}), list[object]()
    Boot(BOOT).do(host, said.append)
    assert (host.attempts, host.waited) == (3, 3.0)
    assert "already in use" in str(said[0])


def test_a_container_that_stays_ends_the_boot(tmp_path: Path) -> None:
    host = Leaving(str(tmp_path), {})
    host.passes = 99
    with pytest.raises(CommandError, match="already in use"):
        Boot(BOOT).do(host, quiet)
    assert host.waited == 30
