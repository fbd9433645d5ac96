"""``nilo key new``: a key to sign with."""

from __future__ import annotations

import click

from nilometer.cli.failures import OK, say
from nilometer.cli.options import common_options
from nilometer.cli.output import Output
from nilometer.cli.session import current_session
from nilometer.seal.keys import make_private_keys, write_key_file
from nilometer.textio.files import check_new
from nilometer.tlog.notes import Algorithm


@click.group("key", short_help="Make a key that signs a seal.")
def command() -> None:
    """Make a key that signs a seal, or that a witness signs with.

    \b
    Examples:
      nilo key new ledger.example.com/hyperv -o seal.key
      nilo key new witness.example.com/audit -o witness.key --witness
    """


@command.command("new")
@click.argument("name", metavar="NAME")
@click.option("-o", "--output", "file", metavar="FILE", required=True, help="The new file, for the private key.")
@click.option("--witness", is_flag=True, help="A key for nilo witness, which signs what others sealed.")
@click.option("--ml-dsa", is_flag=True, help="Beside Ed25519 also ML-DSA-44, which a quantum computer cannot forge.")
@common_options
def new(name: str, file: str, witness: bool, ml_dsa: bool) -> int:
    """Make a private key in a new file, and show its verifier key.

    The file's owner alone may read it. NAME is what signs, such as ledger.example.com/hyperv: it need not be an
    address. One key never serves two names.
    Who checks needs the verifier key, which is no secret: give it to them by a way that who owns the ledger cannot
    change. Keep the private key away from the ledger's database: beside it, it proves little.

    \b
    Examples:
      nilo key new ledger.example.com/hyperv -o seal.key
      nilo key new ledger.example.com/hyperv -o seal.key --ml-dsa --format json
    """
    out = Output(current_session().format)
    place = check_new(file)
    first = Algorithm.ED25519_COSIGNATURE if witness else Algorithm.ED25519
    keys = make_private_keys(name, [first, *([Algorithm.ML_DSA_44_COSIGNATURE] if ml_dsa else [])])
    write_key_file(place, [line for line, _ in keys])
    if out.json:
        out.write_document({"name": name, "file": file, "verifier_keys": [str(key) for _, key in keys]})
    else:
        for _, key in keys:
            out.write_line(str(key))
        say("note", f"the private key is in {file}; what was shown is the verifier key, for those who check")
    return OK
