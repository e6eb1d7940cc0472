"""What a switch of the store hides: refused, hidden, or carried over first; nothing is lost on the way back."""

import json
import re
import time

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent, started, steps, store
from tests.host.test_crash import KILLED
from tests.host.test_daemon_json import CONFIG, LONG, RUN, SLEEP, classic
from tests.hosts import Host

pytestmark = pytest.mark.host
COMPOSE = "com.docker.compose.project"
MAKE = f"""
set -e
{SLEEP}
for i in $(seq 10); do
    printf 'FROM keep:1\\nLABEL n=%s\\n' $i | DOCKER_BUILDKIT=0 docker build -q -t app:$i - >/dev/null
done
docker tag app:3 reg.example:5000/team/app:v3
cd /tmp; echo x > x; tar c x | docker import --platform linux/arm64 - far:1
sleep 1.1 # images are listed, and copied, newest second first: the large ones are the first two
head -c 40000000 /dev/urandom > x; tar c x | docker import - big:1
head -c 30000000 /dev/zero > x; tar c x | docker import - zero:1
docker volume create data
{RUN.format("web", "-v data:/data -p 127.0.0.1:8080:80 -e PASSWORD=secret --restart unless-stopped")}
{RUN.format("composed", f"--label {COMPOSE}=shop --label {COMPOSE}.working_dir=/srv/shop")}
docker create --name idle -v /cache app:1 /x
"""
TAGS = "docker images --format '{{.Repository}}:{{.Tag}}' | sort"
CONTAINERS = "docker ps -a --format '{{.Names}} {{.State}}' | grep -v buildx | sort"


def identities(host: Host) -> dict[str, object]:
    """What every tag is: its layers' content, its configuration, its platform."""
    tags = [t for t in host.sh(TAGS, check=True).stdout.split() if "moby/" not in t and "<none>" not in t]
    found = json.loads(host.run("docker", "image", "inspect", *tags, check=True).stdout)
    kept = ("RootFS", "Config", "Os", "Architecture", "Created")
    return {tag: {k: image.get(k) for k in kept} for tag, image in zip(tags, found, strict=True)}


@pytest.mark.parametrize("engine", ["trixie", "forky", "29"] if LONG else ["forky"])
def test_images_are_refused_carried_over_and_there_again_after_a_rollback(boot: Boot, engine: str) -> None:
    host = boot(engine, layers=LAYERS, agent=True)
    classic(host, engine)
    host.sh(MAKE, check=True, timeout=120)
    before, containers, since = identities(host), host.sh(CONTAINERS).stdout, started(host)
    assert len(before) == 15
    kubelet = "ctr --namespace=k8s.io images {}"
    host.sh(f"docker save keep:1 | {kubelet.format('import -')}", check=True)  # what a node's kubelet has in there
    theirs = host.sh(kubelet.format("list"), check=True).stdout
    assert "keep:1" in theirs

    refused = agent(host, "apply")
    assert refused.status == 5, refused.stderr
    reason = refused.document["left"][0]["blocked"][0]["message"]
    assert "hide 14 images" in reason
    assert "and 3 containers of the store in use (composed, web running), whose 1 anonymous volume" in reason

    host.put(CONFIG, "image_store: {existing: migrate}\nrestart: always\n")
    notes = agent(host, "plan").document["changes"][0]["notes"]
    assert any("cd /srv/shop && docker compose --project-name=shop up --detach" in n for n in notes), notes
    [web] = [n for n in notes if n.startswith("make again: web (of keep:1, with data)")]
    for word in ("--name=web", "--restart=unless-stopped", "--volume=data:/data", "--publish=127.0.0.1:8080:80"):
        assert word in web
    assert "secret" not in str(notes)
    carried = agent(host, "apply")
    assert carried.status == 5, carried.stderr
    assert "only images are carried over" in carried.document["left"][0]["blocked"][0]["message"]
    assert sum(s.startswith("copy ") for s in steps(carried)) == 15
    assert (started(host), host.sh(CONTAINERS).stdout) == (since, containers)

    host.sh("docker rm -f composed", check=True)
    host.put(CONFIG, "image_store: {existing: hide}\nrestart: always\n")
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert done.document["missing"] == ["web"]
    assert "io.containerd.snapshotter.v1" in store(host)
    after = identities(host)
    assert {t: i["RootFS"] for t, i in after.items()} == {t: i["RootFS"] for t, i in before.items()}  # type: ignore[index]
    host.sh(RUN.format("after", "--rm").replace(" 999", " 0"), check=True)

    for command in ("rollback", "remove"):
        notes = " ".join(agent(host, command, "--plan").document["notes"])
        assert "of the store in use" in notes
        assert "image IDs become digests of configurations again" in notes
    undone = agent(host, "rollback")
    assert undone.status == 0, undone.stderr
    assert re.search(r"note: 1\d images \(.*\) and \d containers of the store in use.* go out of sight", undone.stderr)
    assert "overlay2" in store(host)
    assert identities(host) == before
    assert host.sh(kubelet.format("list"), check=True).stdout == theirs
    assert host.sh(CONTAINERS).stdout.split("\n") == [c for c in containers.split("\n") if "composed" not in c]


def test_a_store_without_room_for_the_images_is_held(boot: Boot) -> None:
    moved = {"/etc/containerd/config.toml": 'version = 2\nroot = "/srv/small"\n'}
    host = boot("forky", layers=LAYERS, agent=True, files={**moved, CONFIG: "image_store: {existing: hide}\n"})
    host.sh("mount -t tmpfs -o size=400m tmpfs /srv/small", check=True)
    reasons = {h["message"] for c in agent(host, "plan").document["changes"] for h in c["blocked"]}
    assert reasons == {"/srv/small has 419 MB free of the 537 MB that the images need there"}
    host.sh("mount -o remount,size=800m /srv/small", check=True)
    assert [h for c in agent(host, "plan").document["changes"] for h in c["blocked"]] == []
    host.sh("head -c 200000000 /dev/urandom > /tmp/x; tar c /tmp/x | docker import - load:1", check=True)
    host.put(CONFIG, "image_store: {existing: migrate}\n")
    [reason] = {h["message"] for c in agent(host, "plan").document["changes"] for h in c["blocked"]}
    assert reason.startswith("/srv/small has 839 MB free of the 937 MB")
    host.sh("mount -o remount,size=2g /srv/small; mount -t tmpfs -o size=100m tmpfs /var/lib/docker/tmp", check=True)
    [reason] = {h["message"] for c in agent(host, "plan").document["changes"] for h in c["blocked"]}
    assert reason.startswith("/var/lib/docker/tmp has 105 MB free of the 200 MB that the engine needs there to put")
    host.sh("systemctl restart containerd docker", check=True)  # containerd opened its files below the mount
    assert agent(host, "apply", "--only=image-store", "--restart=always").status == 5
    host.sh("mount -o remount,size=1g /var/lib/docker/tmp", check=True)
    freed = agent(host, "apply", "--only=image-store", "--restart=always")
    assert freed.status == 0, freed.stderr
    assert [w["reason"] for w in freed.document["put_off"]] == [reason] * len(freed.document["put_off"]) != []


def test_what_a_kill_leaves_is_finished_by_the_next_run(boot: Boot) -> None:
    host = boot("forky", layers=LAYERS, agent=True)
    host.sh(MAKE, check=True, timeout=120)
    host.sh("docker rm -f $(docker ps -aq)", check=True)
    before = identities(host)
    host.put(CONFIG, "image_store: {existing: migrate}\n")
    running = host.start("script", "-qefc", "provisioner apply", "/terminal")
    copied = "ctr -n moby images ls -q | wc -l"
    host.sh(KILLED, f"test $({copied}) -ge 4", check=True)
    running.communicate()
    time.sleep(0.2)
    there = int(host.sh(copied).stdout)
    bars = [line for line in (host.get("/terminal") or b"").split(b"\r") if line.startswith(b"big:1 [###")]
    assert bars, host.get("/terminal")
    assert all(b" MB\x1b[K" in bar for bar in bars)
    done = agent(host, "apply")
    assert done.status == 0, done.stderr
    assert "[#" not in done.stderr
    assert "cut off" in done.stderr
    assert 0 < sum(s.startswith("copy ") for s in steps(done)) <= 15 - there
    assert identities(host).keys() == before.keys()
    assert host.sh(RUN.format("after", "--rm").replace(" 999", " 0")).status == 0
