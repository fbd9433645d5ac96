"""The hosts that ``--cluster`` names: the members of a failover cluster, as they report it, or a list of hosts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from domain.errors import InputError
from domain.observed.host import ObservedHost
from nilometer.cli.names import find_host, match_host_case
from nilometer.suggesting import did_you_mean
from projections.fleet import Fleet


@dataclass(frozen=True, slots=True)
class NamedHosts:
    """The hosts that were named, each once, in that order."""

    hosts: tuple[str, ...]
    by_cluster: dict[str, list[str]]
    """The members of each cluster among the names."""


def find_members(names: str, fleet: Fleet) -> NamedHosts:
    """The hosts that a list names: hosts, and clusters by the name that their hosts report, in any case.

    Raises ``InputError`` for an empty list, for a name that a host and a cluster have, and for one that is not known.
    """
    words = [name.strip() for name in names.split(",") if name.strip()]
    if not words:
        raise InputError("--cluster names no host", hint="name its hosts: --cluster hv01,hv02")
    clusters = _find_clusters(fleet)
    found: list[str] = []
    by_cluster: dict[str, list[str]] = {}
    for word in words:
        matching = [name for name in clusters if name.casefold() == word.casefold()]
        host = match_host_case(word, fleet)
        if not matching and fleet.hosts and host not in fleet.hosts:
            known = {*fleet.hosts, *clusters}
            reported = f"clusters: {', '.join(clusters)}" if clusters else "no host reports a cluster"
            near = did_you_mean(word, known, f"{reported}; nilo view lists the hosts")
            raise InputError(f"there is no host and no cluster {word!r}", hint=near)
        if matching and host in fleet.hosts:
            members = ",".join(member for name in matching for member in clusters[name])
            raise InputError(f"{word!r} is a host and a cluster", hint=f"name the cluster's hosts: --cluster {members}")
        if not matching:
            found.append(find_host(host, fleet.hosts))
        for name in matching:
            by_cluster[name] = clusters[name]
            found += clusters[name]
    return NamedHosts(tuple(dict.fromkeys(found)), by_cluster)


def _find_clusters(fleet: Fleet) -> dict[str, list[str]]:
    """The clusters that hosts report, each with its hosts. A host that is gone for good is in none."""
    clusters: defaultdict[str, list[str]] = defaultdict(list)
    for id in sorted(fleet.hosts):
        subject = fleet.hosts[id].subject
        if isinstance(subject, ObservedHost) and subject.cluster is not None and subject.retired_since is None:
            clusters[subject.cluster].append(id)
    return dict(sorted(clusters.items()))
