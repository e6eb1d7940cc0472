"""Summarize a fleet: each host once, by its newest result, and everything that is not a result."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise

from provisioner.fleet.builds import HOW, Build
from provisioner.fleet.results import Finding, Host, Problem

AHEAD = 300  # seconds that a host's clock may be ahead before we report it
NAMED = 1000  # problems of each kind that are listed; further ones are only counted

DUPLICATE = "an older result of a host that has a newer one"
FUTURE = "a time in the future: the host's clock is wrong"
SHARED = "a name that several hosts bear"
CLONED = "one machine-id under several names: a clone, or a host that has been renamed"
ABSENT = "an expected host without any result"

# The states of a host, most urgent first.
RANK = {"failed": 0, "drift": 1, "blocked": 2, "unknown": 3}  # states of findings
STATES = ("failed", "cut off", "drift", "blocked", "unknown", "silent", "in sync")


class Fleet:
    """The results of many hosts, collected by ``add``. ``now`` and ``silent_after`` are in seconds."""

    def __init__(self, now: int, silent_after: int) -> None:
        self.now = now
        self.silent_after = silent_after
        self.results = 0
        self._hosts: dict[tuple[str, str], Host] = {}
        self.hosts: list[Host] = []
        self.problems: Counter[str] = Counter()
        self.named: dict[str, list[str]] = {}

    def add(self, found: Iterable[Host | Problem]) -> "Fleet":
        """Add results and problems."""
        for item in found:
            if isinstance(item, Problem):
                self.problem(*item)
            else:
                self.results += 1
                self._add(item)
        return self

    def problem(self, kind: str, place: str) -> None:
        """Count a problem, and list its place up to the limit."""
        self.problems[kind] += 1
        places = self.named.setdefault(kind, [])
        if len(places) < NAMED:
            places.append(place)

    def expect(self, names: Iterable[str]) -> None:
        """Report which of these hosts have no result."""
        there = {host.name for host in self._hosts.values()}
        for name in names:
            if name and name not in there:
                self.problem(ABSENT, name)

    def close(self) -> "Fleet":
        """Finish after the last result: sort the hosts by name, and find problems that concern several hosts."""
        self.hosts = sorted(self._hosts.values())
        self._hosts.clear()  # of a large fleet, this is a fifth of the memory
        for name, group in groupby(self.hosts, key=lambda host: host.name):
            if (count := sum(1 for _ in group)) > 1:
                self.problem(SHARED, f"{name} ({count})")
        cloned = {one for one, other in pairwise(sorted(host.id for host in self.hosts)) if one == other} - {""}
        for host in self.hosts:
            if host.id in cloned:
                self.problem(CLONED, host.name)
            if self._ahead(host):
                self.problem(FUTURE, host.name)
        return self

    def state(self, host: Host) -> str:
        """Return the state of a host, one of STATES. Silence comes first: an old result may no longer be true."""
        if host.time < self.now - self.silent_after:
            return "silent"
        states = {f.state for f in host.like.findings} if host.like.findings else ()
        if "failed" in states:
            return "failed"
        if host.like.interrupted:
            return "cut off"
        return next((s for s in ("drift", "blocked", "unknown") if s in states), "in sync")

    def states(self) -> dict[str, int]:
        """Return how many hosts are in each state."""
        counted = Counter(self.state(host) for host in self.hosts)
        return {state: counted[state] for state in STATES}

    def findings(self) -> list[tuple[Finding, int, int]]:
        """Return each finding, how many hosts have it, and since when. Most frequent first.

        The time is that of the first host, in seconds since 1970; 0 means unknown.
        """
        count: Counter[Finding] = Counter()
        oldest: dict[Finding, int] = {}
        for finding, since in self._each():
            count[finding] += 1
            if since and since < oldest.get(finding, since + 1):
                oldest[finding] = since
        return sorted(((f, n, oldest.get(f, 0)) for f, n in count.items()), key=lambda row: (-row[1], row[0]))

    def builds(self) -> list[tuple[Build, int]]:
        """Return who builds each platform, and for how many hosts. By platform; nodes first, then the most frequent."""
        alike = Counter(id(host.like) for host in self.hosts)  # which hosts share: a million of them have few
        likes = {id(host.like): host.like for host in self.hosts}
        count: Counter[Build] = Counter()
        for key, hosts in alike.items():
            count.update(dict.fromkeys(likes[key].builds, hosts))
        order = {how: i for i, how in enumerate(HOW)}
        return sorted(count.items(), key=lambda row: (row[0].platform, order.get(row[0].how, 9), -row[1], row[0]))

    @property
    def missing(self) -> int:
        """How many expected hosts have no result."""
        return self.problems[ABSENT]

    def _each(self) -> Iterator[tuple[Finding, int]]:
        """Return each finding of each host once, even if several engines of a host share it."""
        for like in (host.like for host in self.hosts if host.like.findings):
            yield from dict(zip(like.findings, like.since, strict=True)).items()

    def _add(self, host: Host) -> None:
        """Add a host's result and keep the newest.

        A result with a time in the future loses to any other, because it would otherwise stay the newest for years.
        """
        key = (host.id, host.name)
        there = self._hosts.get(key)
        if there is not None:
            self.problem(DUPLICATE, host.name)
        if there is None or (not self._ahead(host), host.time) >= (not self._ahead(there), there.time):
            self._hosts[key] = host

    def _ahead(self, host: Host) -> bool:
        return host.time > self.now + AHEAD
