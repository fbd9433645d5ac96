"""Guests: what the driver inside the VM can do, and how memory leaves it."""

from __future__ import annotations

from enum import StrEnum

from domain.rule import rule


class Guest(StrEnum):
    """The operating system in the VM, by what its memory driver can do."""

    WINDOWS = "windows"
    """Windows 10, Windows Server 2016 and later."""
    WINDOWS_LEGACY = "windows-legacy"
    """Windows before that, with integration services."""
    LINUX = "linux"
    """Linux 5.11 and later: ballooned pages leave the guest's own total."""
    LINUX_LEGACY = "linux-legacy"
    """Linux before 5.11: ballooned pages stay in the guest's total."""
    UNENLIGHTENED = "unenlightened"
    """No Dynamic Memory driver: nested virtualization on, hibernation, an unsupported system."""


class Mechanism(StrEnum):
    """How memory is taken from a running guest."""

    HOT_REMOVE = "hot-remove"
    BALLOON = "balloon"
    BALLOON_ADJUSTED = "balloon-adjusted"
    NONE = "none"


@rule
def removal_mechanism(guest: Guest) -> Mechanism:
    """How memory leaves this guest: Windows 10/2016 gives it up for good, older ones and Linux lend it to a balloon."""
    if guest is Guest.WINDOWS:
        return Mechanism.HOT_REMOVE
    if guest is Guest.LINUX:
        return Mechanism.BALLOON_ADJUSTED
    if guest is Guest.WINDOWS_LEGACY or guest is Guest.LINUX_LEGACY:
        return Mechanism.BALLOON
    return Mechanism.NONE


@rule
def resizes_at_runtime(guest: Guest) -> bool:
    """A running static VM can be resized only if the driver in its guest knows runtime memory resize."""
    return guest is Guest.WINDOWS or guest is Guest.LINUX or guest is Guest.LINUX_LEGACY


@rule
def pages_out(guest: Guest) -> bool:
    """Dynamic Memory may push this guest to page: only the old Windows balloon takes memory that is in use."""
    return guest is Guest.WINDOWS_LEGACY
