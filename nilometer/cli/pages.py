"""``docs/cli.md``: the help of every command, as it is printed. ``python -m nilometer.cli.pages`` prints the page."""

from __future__ import annotations

from collections.abc import Iterator

import click

from nilometer.cli.app import HELP, nilo

WIDTH = 100
HEAD = """\
# The command line

The help of every command. This page is generated: `python -m nilometer.cli.pages > docs/cli.md`.

Exit codes: **0** done as requested, or yes · **1** not granted in full (`run`, `do`, `record`, `drive`, `apply`), no
(`can`, `plan`, `policy`), not mended (`repair`), violated (`audit`, `verify`), refuted (`prove`), different (`replay`,
`diff --exit-code`) · **2** wrong usage or unreadable input · **3** not known (`can`, `plan`, `policy`, `drive`,
`prove`, `verify`, `audit` with `--strict` or `--require`), or no proof in time (`do --proof`) · **130** interrupted.

What `--format json` prints has a JSON Schema in [nilometer/schemas](../nilometer/schemas), one file a document:

| command | schemas |
|---|---|
| `run`, `do`, `record`, `apply` | `answer`; a line that `run` reads is a `script-line` |
| `annotate` · `backup`, `restore` · `repair` · `drive` | `annotation` · `backup` · `repair` · `drive` |
| `can` · `can fail`, `can --survive` · `plan` | `can` · `can-fail` · `plan` |
| `policy` | `policy-check`, `policy-adopt`, `policy-list`, `policy-retire`, `policy-test` |
| `view` · `view --over-time` | `view` · `figures` |
| `log`, `show`, `export` · `log --asked` · `log --moments` | `event`, `unreadable-event` · `request` · `moment` |
| `diff` · `short` · `info` · `replay` | `diff` · `short` · `info` · `replay` |
| `audit` · `audit --share` · `prove` · `prove --explain` | `audit` · `audit-share` · `prove` · `prove-explain` |
| `key new` · `seal` · `verify` · `evidence` | `key` · `seal` · `verify` · `evidence` |
| `collector` (a line of its spool) | `spool-line` |
| `import-hyperv` · `import-qemu` · `import` | `import-hyperv` · `import-qemu` · `import` |
"""


def page() -> str:
    """The whole page."""
    context = click.Context(nilo, info_name="nilo", terminal_width=WIDTH, help_option_names=HELP)
    return HEAD + "".join(_sections(nilo, context))


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    yield f"\n## {context.command_path}\n\n```\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from _sections(inner, click.Context(inner, info_name=name, parent=context, terminal_width=WIDTH))


if __name__ == "__main__":
    click.echo(page(), nl=False)
