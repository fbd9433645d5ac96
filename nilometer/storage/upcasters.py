"""Upcasters: how the data of an event that was stored in an older shape is brought to the next version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.identifiers import subject_id

Json = dict[str, Any]
Upcaster = Callable[[Json, str], Json]


def _define_vm_with_a_name(data: Json, stream: str) -> Json:
    """Version 1 had no name beside the id."""
    return data | {"name": subject_id(stream)}


def _move_without_a_mechanism(data: Json, stream: str) -> Json:
    """Version 1 did not record how the guest's own total follows a move."""
    return data | {"mechanism": None}


def _move_without_swings(data: Json, stream: str) -> Json:
    """Version 2 had one event for each move of a size that swings about its target."""
    return data | {"swings": None}


def _observation_without_mechanisms(data: Json, stream: str) -> Json:
    """Version 1 recorded neither how the guest's own total follows a device nor what the guest left offline."""
    devices = [device | {"mechanism": None} for device in data["devices"]]
    return data | {"devices": devices, "guest_offline": None}


def _move_without_polls(data: Json, stream: str) -> Json:
    """Version 3 recorded what was measured after moves of Dynamic Memory in an event of its own."""
    return data | {"moves": None, "newest": None, "tightest": None}


def _observation_without_a_stretch(data: Json, stream: str) -> Json:
    """Version 2 did not record over which polls a measure held."""
    return data | {"stretch": None}


def _host_without_its_list(data: Json, stream: str) -> Json:
    """Version 1 recorded neither what a host listed nor when it had the least left."""
    return data | {"listed": None, "tightest": None}


def _request_without_an_expectation(data: Json, stream: str) -> Json:
    """Version 1 did not record what the requester expected; and an answer was always known."""
    return data | {"expected": None}


def _import_without_remarks(data: Json, stream: str) -> Json:
    """Version 1 had no remarks on the records."""
    return data | {"remarks": []}


def _host_event_without_the_request(data: Json, stream: str) -> Json:
    """Version 1 did not record on the host's stream what was requested and granted."""
    return data | {"granted": None, "requested": None}


def _resize_without_the_size(data: Json, stream: str) -> Json:
    """Version 1 did not record the size that ``set-memory`` asked for."""
    return data | {"size": None}


UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = {
    ("host.memory-granted", 1): _host_event_without_the_request,
    ("host.memory-returned", 1): _host_event_without_the_request,
    ("host.observed", 1): _host_without_its_list,
    ("import.recorded", 1): _import_without_remarks,
    ("vm.change-requested", 1): _request_without_an_expectation,
    ("vm.command-refused", 1): _resize_without_the_size,
    ("vm.defined", 1): _define_vm_with_a_name,
    ("vm.memory-added", 1): _resize_without_the_size,
    ("vm.memory-configured", 1): _resize_without_the_size,
    ("vm.memory-moved", 1): _move_without_a_mechanism,
    ("vm.memory-moved", 2): _move_without_swings,
    ("vm.memory-removed", 1): _resize_without_the_size,
    ("vm.memory-moved", 3): _move_without_polls,
    ("vm.observed", 1): _observation_without_mechanisms,
    ("vm.observed", 2): _observation_without_a_stretch,
}
"""How the data of a (kind, version) is brought to the next version. It is given the stream's name too."""
