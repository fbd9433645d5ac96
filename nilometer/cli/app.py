"""``nilo`` itself: finds the command that is meant and loads it.

Nothing heavy is imported here: ``nilo --help`` and a mistyped command answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

from nilometer.cli.failures import run_guarded
from nilometer.cli.groups import LazyGroup
from nilometer.cli.options import outermost_options

SECTIONS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "Record changes": {
        "run": ("writing.run", "Decide and record each command of a script."),
        "do": ("writing.do", "Decide and record one command."),
        "record": ("writing.record", "Record what another tool did to an observed VM."),
        "annotate": ("writing.annotate", "Add a reason, a ticket or an approval to a request of the past."),
        "backup": ("writing.backup", "Copy the whole ledger into a file, and check the copy."),
        "restore": ("writing.restore", "Copy a backup into a new ledger, and check it."),
        "repair": ("writing.repair", "Say what can be mended of damaged events; mend it in a copy."),
    },
    "Resize running guests": {
        "drive": ("driving.drive", "Resize a running guest of QEMU, and record what came of it."),
    },
    "Ask before": {
        "can": ("planning.can", "Ask whether a command would be granted."),
        "plan": ("planning.plan", "Plan commands that reach a goal, with what each is granted."),
        "apply": ("planning.apply", "Do what a plan says, if nothing that it read has moved."),
        "policy": ("policies.group", "Policies of your own: check them, and what they mean."),
    },
    "Look at what is recorded": {
        "view": ("reading.view", "Show the memory that each guest sees, now or in the past."),
        "log": ("reading.log", "List events: what happened, and who requested it."),
        "show": ("reading.show", "Show one change in full: request, evidence, outcome."),
        "diff": ("reading.diff", "Show what changed between two moments."),
        "short": ("reading.short", "Show which VMs are short of memory, and why."),
        "report": ("reading.report", "Write a report that anyone can open, in one file."),
        "serve": ("serving.command", "Show the report live, in a browser."),
        "info": ("reading.info", "Show facts about a ledger: its id, events, time span."),
        "export": ("reading.export", "Write the history as CloudEvents, one per line."),
    },
    "Judge it": {
        "audit": ("audit.command", "Judge a history: every event against every rule."),
        "prove": ("prove.command", "Prove that no command can break the rules."),
        "replay": ("reading.replay", "Rebuild all views from the events and compare them."),
    },
    "Show that nothing was changed": {
        "key": ("sealing.key", "Make a key that signs a seal."),
        "seal": ("sealing.seal", "Seal new events: hash them, and sign a checkpoint."),
        "verify": ("sealing.verify", "Verify a seal: is this what was written?"),
        "witness": ("sealing.witness", "Sign the checkpoints of others, in another department."),
        "evidence": ("sealing.evidence", "Write a folder that an auditor checks alone."),
    },
    "Bring in what others recorded": {
        "collector": ("importing.collector", "Write the module that collects from a Hyper-V host."),
        "import-hyperv": ("importing.import_hyperv", "Import what Hyper-V hosts reported."),
        "import-qemu": ("importing.import_qemu", "Import recordings of QEMU."),
        "import": ("importing.import_", "Copy an exported history into an empty ledger."),
    },
}
"""Every command under its heading, in the order in which one needs them: its module, and what it does."""

HELP: Final = ["-h", "--help"]
SETTINGS: Final = {"help_option_names": HELP, "max_content_width": 100}


class Nilo(LazyGroup):
    """The outermost group: errors end as messages and exit codes, never as tracebacks."""

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Runs the command that the arguments name, and leaves the process with its exit code."""
        if "_NILO_COMPLETE" in os.environ:  # a shell asks for completions
            super().main(args, prog_name, **extra)

        def run() -> object:
            given = sys.argv[1:] if args is None else list(args)
            with self.make_context(prog_name or "nilo", given, **extra) as context:
                return self.invoke(context)

        raise SystemExit(run_guarded(run))


def _version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"nilo {version('nilometer')}")
        context.exit()


@click.group(cls=Nilo, sections=SECTIONS, context_settings=SETTINGS)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@outermost_options
def nilo() -> None:
    """Keep a ledger of every memory change of Hyper-V hosts and VMs.

    Nilometer decides commands by Hyper-V's rules and records its decisions; what real hypervisors did is imported and
    recorded as it was observed. Only nilo drive sends anything to a hypervisor.

    \b
    Examples:
      nilo run month-end.jsonl
      nilo view --at "2026-11-23 09:00"
    """
