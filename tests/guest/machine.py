"""A guest that runs: QEMU with a Debian kernel, a virtio-mem device, a balloon, slots for DIMMs, and two QMP sockets.

    with Machine(folder) as machine:
        machine.agent.hold("a", 250)

`folder/qmp.sock` is for who is tested, `folder/second.sock` for who looks on.
"""

from __future__ import annotations

import subprocess
from functools import cached_property
from typing import TYPE_CHECKING, Self

from tests.guest.lines import Agent, Monitor
from tests.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = ROOT / "build" / "guest"
BOOT_MEBIBYTES = 256


class Machine:
    """One QEMU process and the connections to it; closed, nothing of it is left."""

    def __init__(self, folder: Path, *options: str, device_mebibytes: int = 512) -> None:
        """Boots a guest. `options` are more of QEMU's own; the agent's port answers once the guest is up."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.qmp = folder / "qmp.sock"
        command = [
            *["qemu-system-x86_64", "-nodefaults", "-display", "none", "-smp", "1", "-cpu", "qemu64"],
            *["-M", "q35,accel=tcg", "-m", f"{BOOT_MEBIBYTES}M,maxmem=2G,slots=4"],
            *["-uuid", "6d1c3f1e-3a0b-4c65-9a57-6f0d0f5f7c01", "-serial", f"file:{folder}/console.log"],
            *["-kernel", str(IMAGE / "vmlinuz"), "-initrd", str(IMAGE / "initrd.gz")],
            *["-append", "console=ttyS0 quiet panic=1 swiotlb=noforce memhp_default_state=online_movable"],
            *["-chardev", f"socket,id=agent,path={folder}/agent.sock,server=on,wait=off"],
            *["-device", "virtio-serial-pci", "-device", "virtserialport,chardev=agent,name=nilometer.agent"],
            *["-object", f"memory-backend-ram,id=backend,size={device_mebibytes}M,reserve=off"],
            *["-device", "virtio-mem-pci,id=vm0,memdev=backend,requested-size=0"],
            *["-device", "virtio-balloon-pci,id=balloon"],
            *["-qmp", f"unix:{self.qmp},server=on,wait=off", "-qmp", f"unix:{folder}/second.sock,server=on,wait=off"],
            *options,
        ]
        with (folder / "qemu.log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @cached_property
    def agent(self) -> Agent:
        """The guest's own program; the first use waits until the guest is up."""
        return Agent(self.folder / "agent.sock")

    @cached_property
    def monitor(self) -> Monitor:
        """The second QMP connection."""
        return Monitor(self.folder / "second.sock")

    def restart_guest(self) -> None:
        """Lets the guest boot anew in the same QEMU; returns once it is up."""
        self.agent.ask("reboot")
        self.__dict__.pop("agent").close()
        self.agent.memory()

    def close(self) -> None:
        """Ends QEMU, whatever its guest does."""
        self._process.kill()
        self._process.wait()
        for name in ("agent", "monitor"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
