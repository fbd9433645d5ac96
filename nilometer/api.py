"""The list of public names, each with its home: what ``from nilometer import …`` gives.

A name is public because it stands here, as itself (``import X as X``). Add one here, and nowhere else.
"""

from domain.commands import AddMemory as AddMemory
from domain.commands import Command as Command
from domain.commands import ConfigureGuest as ConfigureGuest
from domain.commands import ConfigureMemory as ConfigureMemory
from domain.commands import DefineVm as DefineVm
from domain.commands import Grow as Grow
from domain.commands import MoveVm as MoveVm
from domain.commands import Pause as Pause
from domain.commands import RebootGuest as RebootGuest
from domain.commands import Reclaim as Reclaim
from domain.commands import RegisterHost as RegisterHost
from domain.commands import RemoveHost as RemoveHost
from domain.commands import RemoveMemory as RemoveMemory
from domain.commands import RemoveVm as RemoveVm
from domain.commands import ReportInUse as ReportInUse
from domain.commands import ResizeHost as ResizeHost
from domain.commands import Restore as Restore
from domain.commands import Resume as Resume
from domain.commands import Save as Save
from domain.commands import SetMemory as SetMemory
from domain.commands import SetReserve as SetReserve
from domain.commands import Start as Start
from domain.commands import Stop as Stop
from domain.decision import Code as Code
from domain.decision import Outcome as Outcome
from domain.envelope import Envelope as Envelope
from domain.envelope import Metadata as Metadata
from domain.errors import InputError as InputError
from domain.errors import InternalError as InternalError
from domain.errors import NilometerError as NilometerError
from domain.errors import UnknownHost as UnknownHost
from domain.errors import UnknownVm as UnknownVm
from domain.events import Event as Event
from domain.guests import Guest as Guest
from domain.identifiers import HostId as HostId
from domain.identifiers import StreamName as StreamName
from domain.identifiers import UtcTime as UtcTime
from domain.identifiers import VmId as VmId
from domain.settings import ConfigVersion as ConfigVersion
from domain.settings import HostVersion as HostVersion
from domain.settings import MemorySetting as MemorySetting
from domain.settings import Mode as Mode
from domain.shapes import parse_size as parse_size
from nilometer.errors import LedgerError as LedgerError
from nilometer.importers.importing import ImportedFile as ImportedFile
from nilometer.importers.importing import ImportStopped as ImportStopped
from nilometer.importers.importing import import_hyperv as import_hyperv
from nilometer.importers.importing import import_qemu as import_qemu
from nilometer.ledger.ledger import Ledger as Ledger
from nilometer.ledger.requests import Fact as Fact
from nilometer.ledger.requests import Observation as Observation
from nilometer.ledger.requests import Request as Request
from nilometer.ledger.requests import Result as Result
