"""Memory modules: what is missing is plugged as one, and one that is just what is too much is unplugged."""

from __future__ import annotations

from domain.quantities import MiB
from tests.nilometer.cli.calling import Desk
from tests.nilometer.drive.asking import drive, history, imported
from tests.nilometer.drive.peer import Peer, Reaction, guest


def peer_backends(peer: Peer) -> set[str]:
    """The modules that memory was made for, and not given back."""
    return {name.removesuffix("-memory") for name in peer.backends}


def test_a_module_is_plugged_and_unplugged(desk: Desk) -> None:
    with guest(virtio={}) as peer:
        grown = drive(desk, peer, "512MiB", "--pc-dimm")
        assert (grown.code, grown.json["granted"]) == (0, 256 * MiB), grown.err
        assert drive(desk, peer, "640MiB", "--pc-dimm").code == 0
        assert drive(desk, peer, "384MiB", "--pc-dimm").code == 0
        assert peer.modules.keys() == peer_backends(peer) == {"nilo-dimm1"}
    assert [message["execute"] for message in peer.received] == [
        *["object-add", "device_add"] * 2,
        "device_del",
        "object-del",
    ]
    assert history(desk) == imported(desk, "again")
    assert desk.call("audit").code == 0


def test_a_module_that_a_guest_would_not_see_is_refused(desk: Desk) -> None:
    with guest(virtio={}) as peer:
        answer = drive(desk, peer, "352MiB", "--pc-dimm")
        assert (answer.code, peer.received) == (2, [])
        assert "the nearest: 256MiB or 384MiB" in answer.err
        assert drive(desk, peer, "384MiB", "--pc-dimm").code == 0
        unfit = drive(desk, peer, "320MiB", "--pc-dimm")
    assert (unfit.code, "without one of its modules it has 256MiB" in unfit.err) == (2, True)


def test_where_no_slot_is_free_the_memory_that_was_prepared_is_given_back(desk: Desk) -> None:
    with guest(virtio={}) as peer:
        peer.reactions = [Reaction(), Reaction(error="a used vhost backend has no free memory slots left")]
        answer = drive(desk, peer, "512MiB", "--pc-dimm")
    assert (answer.code, answer.json["outcome"]) == (1, "rejected")
    assert [message["execute"] for message in peer.received] == ["object-add", "device_add", "object-del"]
    assert history(desk) == imported(desk, "again")
