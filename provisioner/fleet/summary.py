"""What a fleet's results come to: each host once, by its newest result, and everything that was no result."""

from collections import Counter
from collections.abc import Iterable, Iterator

from provisioner.fleet.read import Finding, Host, Problem

AHEAD = 300  # seconds that a clock may be ahead before anybody calls it wrong
NAMED = 1000  # problems of a kind that are named one by one; the rest is counted

DUPLICATE = "an older result of a host that has a newer one"
FUTURE = "a time in the future: the host's clock is wrong"
SHARED = "a name that several hosts bear"
CLONED = "one machine-id under several names: a clone, or a host that has been renamed"
ABSENT = "an expected host without any result"

# What a host can be, in the order in which somebody has to look.
RANK = {"failed": 0, "drift": 1, "blocked": 2, "unknown": 3}  # of findings
STATES = ("failed", "cut off", "drift", "blocked", "unknown", "silent", "in sync")


class Fleet:
    """Filled by ``add``. ``now`` and ``silent_after`` are seconds."""

    def __init__(self, now: int, silent_after: int) -> None:
        self.now = now
        self.silent_after = silent_after
        self.results = 0
        self._hosts: dict[tuple[str, str], Host] = {}
        self.hosts: list[Host] = []
        self.problems: Counter[str] = Counter()
        self.named: dict[str, list[str]] = {}

    def add(self, found: Iterable[Host | Problem]) -> "Fleet":
        """Take in results and problems."""
        for item in found:
            if isinstance(item, Problem):
                self.problem(*item)
            else:
                self.results += 1
                self._add(item)
        return self

    def problem(self, kind: str, place: str) -> None:
        """Count a problem, and name it while there is room."""
        self.problems[kind] += 1
        places = self.named.setdefault(kind, [])
        if len(places) < NAMED:
            places.append(place)

    def expect(self, names: Iterable[str]) -> None:
        """Say which of these hosts have no result at all."""
        there = {host.name for host in self._hosts.values()}
        for name in names:
            if name and name not in there:
                self.problem(ABSENT, name)

    def close(self) -> "Fleet":
        """Nothing more comes: order the hosts by name, and judge what can only be judged of the whole."""
        self.hosts = sorted(self._hosts.values(), key=lambda host: (host.name, host.id))
        names = Counter(host.name for host in self._hosts.values())
        for name, count in names.items():
            if count > 1:
                self.problem(SHARED, f"{name} ({count})")
        machines = Counter(host.id for host in self._hosts.values() if host.id)
        for host in self.hosts:
            if machines[host.id] > 1:
                self.problem(CLONED, host.name)
            if self._ahead(host):
                self.problem(FUTURE, host.name)
        return self

    def state(self, host: Host) -> str:
        """One of STATES. Silence first, because what a silent host said is no longer known to be so."""
        if host.time < self.now - self.silent_after:
            return "silent"
        states = {f.state for f in host.findings}
        if "failed" in states:
            return "failed"
        if host.interrupted:
            return "cut off"
        return next((s for s in ("drift", "blocked", "unknown") if s in states), "in sync")

    def states(self) -> dict[str, int]:
        """How many hosts are in each state."""
        counted = Counter(self.state(host) for host in self._hosts.values())
        return {state: counted[state] for state in STATES}

    def findings(self) -> list[tuple[Finding, int, int]]:
        """Each finding with how many hosts have it and since when the first one does (0: not known), most first."""
        count: Counter[Finding] = Counter()
        oldest: dict[Finding, int] = {}
        for finding, since in self._each():
            count[finding] += 1
            if since and since < oldest.get(finding, since + 1):
                oldest[finding] = since
        return sorted(((f, n, oldest.get(f, 0)) for f, n in count.items()), key=lambda row: (-row[1], row[0]))

    @property
    def missing(self) -> int:
        """How many expected hosts have no result at all."""
        return self.problems[ABSENT]

    def _each(self) -> Iterator[tuple[Finding, int]]:
        """Each finding of each host once, even if the engines of a host have it in common."""
        for host in self._hosts.values():
            yield from dict(zip(host.findings, host.since, strict=True)).items()

    def _add(self, host: Host) -> None:
        """A time in the future is no time: such a result gives way to any other, or it would count for years."""
        key = (host.id, host.name)
        there = self._hosts.get(key)
        if there is not None:
            self.problem(DUPLICATE, host.name)
        if there is None or (not self._ahead(host), host.time) >= (not self._ahead(there), there.time):
            self._hosts[key] = host

    def _ahead(self, host: Host) -> bool:
        return host.time > self.now + AHEAD
