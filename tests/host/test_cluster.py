"""A builder on a real Kubernetes cluster: made, drifted by hand, repaired, removed."""

from collections.abc import Iterator

import pytest

from tests import cluster
from tests.cluster import Cluster
from tests.helpers.builders import prepare

pytestmark = [pytest.mark.host, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ground() -> Iterator[Cluster]:
    """A control host, which builds, and two nodes."""
    with cluster.start("one", "two", two={"pool": "second"}) as made:
        yield made


def test_buildx_by_itself_builds_in_a_pod(ground: Cluster) -> None:
    host = ground.control
    prepare(host)
    host.sh("docker buildx create --name plain --driver kubernetes", check=True)
    built = host.sh("docker buildx build --builder plain --progress=plain /b", timeout=180)
    assert built.status == 0, built.stderr + ground.story()
    [pod] = ground.pods()
    assert pod["spec"]["nodeName"] in ground.nodes
    assert ground.get("/apis/apps/v1/namespaces/default/deployments")["items"]
    host.sh("docker buildx rm plain", check=True)
    host.wait("its pod's end", lambda: not ground.pods())
