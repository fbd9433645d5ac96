"""The kinds of events: every event class, by the name and version under which it is stored."""

from __future__ import annotations

from typing import Final

from domain.events import (
    Event,
    HostCommandRefused,
    HostMemoryGranted,
    HostMemoryReturned,
    HostRegistered,
    HostRemoved,
    HostReserveSet,
    HostResized,
    VmCommandRefused,
    VmDefined,
    VmGuestConfigured,
    VmInUseReported,
    VmMemoryAdded,
    VmMemoryConfigured,
    VmMemoryRemoved,
    VmMoved,
    VmPaused,
    VmRebooted,
    VmRemoved,
    VmRestored,
    VmResumed,
    VmSaved,
    VmStarted,
    VmStopped,
)
from domain.observed.events import (
    HostInventoried,
    HostNotWatched,
    HostObserved,
    HostRetired,
    HostWatched,
    VmAnnotated,
    VmChangeRequested,
    VmCheckpoint,
    VmLost,
    VmMemoryMoved,
    VmMemoryShort,
    VmNotListed,
    VmObserved,
    VmRequestSettled,
    VmRetired,
)
from domain.observed.imports import BackupRestored, ImportBegun, ImportRecorded
from domain.policy_events import (
    GroupClosed,
    GroupMemoryGranted,
    GroupMemoryReturned,
    GroupOpened,
    HostRefusedByPolicy,
    PoliciesChanged,
    PoliciesGroupChanged,
    PolicyAdopted,
    PolicyRetired,
    VmMemoryAddedWithinPolicy,
    VmMemoryRemovedWithinPolicy,
    VmRefusedByPolicy,
)

DECIDED: Final[tuple[type[Event], ...]] = (
    VmDefined,
    VmMemoryConfigured,
    VmGuestConfigured,
    VmRemoved,
    VmStarted,
    VmRebooted,
    VmRestored,
    VmStopped,
    VmSaved,
    VmPaused,
    VmResumed,
    VmInUseReported,
    VmMemoryAdded,
    VmMemoryRemoved,
    VmMoved,
    VmCommandRefused,
    HostRegistered,
    HostResized,
    HostReserveSet,
    HostRemoved,
    HostMemoryGranted,
    HostMemoryReturned,
    HostCommandRefused,
)
"""What the ledger decides by the rules."""

BY_POLICIES: Final[tuple[type[Event], ...]] = (
    VmMemoryAddedWithinPolicy,
    VmMemoryRemovedWithinPolicy,
    VmRefusedByPolicy,
    HostRefusedByPolicy,
)
"""What policies refused of it, or granted less of."""

POLICIES: Final[tuple[type[Event], ...]] = (
    PolicyAdopted,
    PolicyRetired,
    PoliciesChanged,
    PoliciesGroupChanged,
    GroupOpened,
    GroupMemoryGranted,
    GroupMemoryReturned,
    GroupClosed,
)
"""Which policies the ledger keeps when it decides, and the books of the groups that they are about."""

OBSERVED: Final[tuple[type[Event], ...]] = (
    VmObserved,
    VmChangeRequested,
    VmMemoryMoved,
    VmRequestSettled,
    VmLost,
    VmNotListed,
    VmRetired,
    VmMemoryShort,
    VmAnnotated,
    VmCheckpoint,
    HostObserved,
    HostNotWatched,
    HostInventoried,
    HostRetired,
    HostWatched,
    BackupRestored,
    ImportBegun,
    ImportRecorded,
)
"""What hypervisors did, and the imports that reported it."""

EVENTS: Final[dict[tuple[str, int], type[Event]]] = {
    (kind.KIND, kind.VERSION): kind for kind in DECIDED + BY_POLICIES + OBSERVED + POLICIES
}
"""Every event class by (kind, version) as now written."""
