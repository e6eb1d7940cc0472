# Copyright (c) the authors of provisioner
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for native nodes: which hosts of an inventory build for a host, and whose keys a node accepts."""

from __future__ import annotations

import hashlib
import re

# The platform that a machine, as `uname -m` prints it, builds best by itself.
OWN = {
    "x86_64": "linux/amd64",
    "aarch64": "linux/arm64",
    "armv7l": "linux/arm/v7",
    "ppc64le": "linux/ppc64le",
    "riscv64": "linux/riscv64",
    "s390x": "linux/s390x",
}
DEFAULT = ("linux/amd64", "linux/arm64")  # of the agent
LONGEST = 62
# What a key may do on a node: talk to Docker. It gets no shell, no terminal and no forwarding.
ALLOWED = 'restrict,command="docker system dial-stdio"'
MARK = "provisioner:"  # begins the comment of every key that the role writes


def native_nodes(native, host, groups, platforms=None, machine=""):
    """Return the nodes that build for a host, each with the platforms that it builds there."""
    wanted = [_plain(p) for p in platforms or DEFAULT]
    own = OWN.get(machine)
    found = {}
    for group in native:
        if group not in groups:
            raise ValueError(f"provisioner_native_nodes names the group {group}, which the inventory does not have")
        if host in groups[group]:
            continue
        for node in groups[group]:
            there = found.setdefault(node, [])
            there += [p for p in map(_plain, native[group]) if p in wanted and p != own and p not in there]
    nodes = [_node(node, there) for node, there in found.items() if there]
    # buildx takes the first node that has a platform, so that another order is another node for each host.
    first = int(hashlib.sha256(host.encode()).hexdigest(), 16) % len(nodes) if nodes else 0
    return nodes[first:] + nodes[:first]


def _node(host, platforms):
    """Return a node: its host, its name, and its entry in the builder's configuration."""
    name = node_name(host)
    return {"host": host, "name": name, "node": {"name": name, "endpoint": f"ssh://{name}", "platforms": platforms}}


def node_name(host):
    """Return the name of a host as a node: in builders, in ssh's configuration and in its container's name."""
    return "native-" + re.sub(r"[^a-z0-9._-]", "-", host.lower())[: LONGEST - len("native-")]


def authorized_keys(text, keys, hosts):
    """Return a node's authorized_keys.

    The lines of hosts in ``keys`` are replaced, those of other ``hosts`` stay, and those of all others go.
    """
    kept = [line for line in text.splitlines() if _host(line) in set(hosts) - set(keys)]
    new = filter(None, (_allowed(key, host) for host in keys for key in keys[host]))
    return "".join(f"{line}\n" for line in sorted([*kept, *new], key=_comment))


def _allowed(key, host):
    """Return the line for a key that a host has sent; empty if it is not one.

    A host may send anything. The comment, which says whose key is revoked with a host, is therefore made here.
    """
    words = key.split()
    if len(words) != 3 or not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
        return ""
    return f"{ALLOWED} {words[0]} {words[1]} {MARK}{host}:{words[2].rpartition(':')[2]}"


def _host(line):
    """Return the host in the comment of a key; empty if the role did not write the line."""
    comment = _comment(line)
    return comment[len(MARK) :].rpartition(":")[0] if comment.startswith(MARK) else ""


def _comment(line):
    return line.rpartition(" ")[2]


def _plain(platform):
    """Return a platform as the agent writes it."""
    whole = platform if "/" in platform else f"linux/{platform}"
    return "linux/arm64" if whole == "linux/arm64/v8" else whole


class FilterModule:
    """The filters, by name."""

    def filters(self):
        """Return the filters."""
        return {"native_nodes": native_nodes, "node_name": node_name, "authorized_keys": authorized_keys}
