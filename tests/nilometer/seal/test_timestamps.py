"""Time stamps of an authority, here OpenSSL's behind HTTP: asked for, stored, and checked against its certificate."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from nilometer.tlog.checkpoints import parse_checkpoint
from tests.needed import need
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.test_schemas import problems

CONFIG = """\
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[leaf]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
default_policy = 1.2.3.4
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """An authority, by its folder."""

    folder: Path
    url: str = ""
    answer: bytes | None = None
    """What it answers to everything, if it is out of order."""
    meanwhile: Callable[[], object] = lambda: None
    """Is done before it answers."""

    def run(self, *args: str) -> None:
        """Calls OpenSSL."""
        subprocess.run(
            [need("openssl", "no time stamps are made"), *args], cwd=self.folder, check=True, capture_output=True
        )

    @property
    def certificate(self) -> str:
        """The certificate that it is known by."""
        return str(self.folder / "root.pem")

    def stamp(self, query: bytes) -> bytes:
        """What it answers."""
        self.meanwhile()
        if self.answer is not None:
            return self.answer
        (self.folder / "query").write_bytes(query)
        self.run(
            "ts", "-reply", "-config", "config", "-queryfile", "query", "-out", "reply",
            "-signer", "leaf.pem", "-inkey", "leaf.key",
        )  # fmt: skip
        return (self.folder / "reply").read_bytes()


def make_authority(folder: Path) -> Authority:
    """An authority with a root of its own."""
    folder.mkdir()
    authority = Authority(folder)
    (folder / "config").write_text(CONFIG.format(folder=folder))
    (folder / "serial").write_text("01")
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "config")
    authority.run(
        "req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=root", "-extensions", "root"
    )
    authority.run(
        "req", "-x509", *new, "-keyout", "leaf.key", "-out", "leaf.pem", "-subj", "/CN=leaf", "-extensions", "leaf",
        "-CA", "root.pem", "-CAkey", "root.key",
    )  # fmt: skip
    return authority


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority."""
    return make_authority(tmp_path_factory.mktemp("other") / "authority")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Generator[Authority]:
    """An authority that listens."""
    authority = make_authority(tmp_path_factory.mktemp("authority") / "authority")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.path != "/tsr":
                self.send_error(404)
                return
            reply = authority.stamp(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        authority.url = f"http://127.0.0.1:{server.server_port}/tsr"
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield authority
        server.shutdown()
        thread.join()


@pytest.fixture
def authority(serving: Authority) -> Authority:
    """The same, in order."""
    serving.answer, serving.meanwhile = None, lambda: None
    return serving


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A ledger, and a key."""
    made = Desk(tmp_path).with_history()
    key = made.call("key", "new", "log.example", "-o", f"{tmp_path}/seal.key")
    made.write("seal.pub", key.out)
    return made


def seal(desk: Desk, authority: Authority) -> str:
    """What is said when it is sealed and stamped."""
    answer = desk.call("seal", "--key", f"{desk.folder}/seal.key", "--timestamp", authority.url)
    assert answer.code == 0, answer.err
    return answer.err


def verify(desk: Desk, *args: str) -> Any:
    """What is found, with its exit code."""
    answer = desk.call("verify", "--verifier-key", f"{desk.folder}/seal.pub", *args, "--format", "json")
    assert problems("verify", answer.json) == []
    return {**answer.json, "code": answer.code}


def test_a_time_stamp_says_when_a_checkpoint_existed(desk: Desk, authority: Authority) -> None:
    assert seal(desk, authority) == ""
    assert (verify(desk)["code"], verify(desk)["timestamps"], verify(desk)["timestamped"]) == (0, 1, None)
    found = verify(desk, "--timestamp-certificate", authority.certificate)
    assert (found["code"], found["timestamped"]["size"], found["timestamped"]["url"]) == (0, 9, authority.url)
    words = desk.call("verify", "--timestamp-certificate", authority.certificate).out
    assert "time stamp: log.example up to position 9, " in words
    # nothing new: it has one; more: another, and the stamped checkpoint is kept
    seal(desk, authority)
    desk.call("do", "add-memory", "web01", "2MiB")
    seal(desk, authority)
    found = verify(desk, "--timestamp-certificate", authority.certificate)
    assert (found["code"], found["timestamps"], found["checkpoints"], found["timestamped"]["size"]) == (0, 2, 2, 11)


def test_openssl_checks_what_is_stored(desk: Desk, authority: Authority) -> None:
    seal(desk, authority)
    with closing(sqlite3.connect(f"{desk.folder}/ledger.db")) as connection:
        (answer,) = connection.execute("SELECT answer FROM seal_timestamps").fetchone()
        (note,) = connection.execute("SELECT note FROM seal_checkpoints").fetchone()
    (authority.folder / "stored").write_bytes(answer)
    (authority.folder / "text").write_text(parse_checkpoint(note).head.text)
    authority.run("ts", "-verify", "-data", "text", "-in", "stored", "-CAfile", "root.pem")


def test_another_authority_or_another_checkpoint_is_a_violation(
    desk: Desk, authority: Authority, other: Authority
) -> None:
    seal(desk, authority)
    found = verify(desk, "--timestamp-certificate", other.certificate)
    assert (found["code"], found["timestamped"], found["findings"][0]["about"]) == (1, None, "timestamp")
    assert found["findings"][0]["message"].endswith("none of the named certificates confirms its signature")
    desk.call("do", "add-memory", "web01", "2MiB")
    seal(desk, authority)
    for change in (
        "answer = (SELECT answer FROM seal_timestamps WHERE number = 1)",
        "answer = zeroblob(40)",
        "answer = 'x'",
        "answer = substr(answer, 1, 400)",
    ):
        with closing(sqlite3.connect(f"{desk.folder}/ledger.db")) as connection, connection:
            connection.execute(f"UPDATE seal_timestamps SET {change} WHERE number = 2")
        found = verify(desk, "--timestamp-certificate", authority.certificate)
        assert (found["code"], found["timestamped"]["size"]) == (1, 9)


def test_a_time_stamp_of_a_checkpoint_that_is_not_there_is_not_checked_and_that_is_said(
    desk: Desk, authority: Authority
) -> None:
    seal(desk, authority)
    with closing(sqlite3.connect(f"{desk.folder}/ledger.db")) as connection, connection:
        connection.execute("UPDATE seal_timestamps SET number = 7")
    assert verify(desk)["code"] == 0
    found = verify(desk, "--timestamp-certificate", authority.certificate)
    assert (found["code"], found["timestamped"], found["findings"][0]["message"]) == (
        3,
        None,
        f"the time stamp from {authority.url} is of a checkpoint that is not kept: it was not checked",
    )


def test_a_time_stamp_that_comes_after_a_newer_seal_is_not_stored(desk: Desk, authority: Authority) -> None:
    """The newer seal removed the checkpoint, which had none yet."""

    def seal_more() -> None:
        assert desk.process("do", "add-memory", "web01", "2MiB").code == 0
        assert desk.process("seal", "--key", f"{desk.folder}/seal.key").code == 0

    authority.meanwhile = seal_more
    assert "warning: another program sealed the ledger before the time stamp came" in seal(desk, authority)
    assert verify(desk)["timestamps"] == 0
    authority.meanwhile = lambda: None
    assert seal(desk, authority) == ""
    found = verify(desk, "--timestamp-certificate", authority.certificate)
    assert (found["code"], found["timestamps"], found["timestamped"]["size"]) == (0, 1, 11)


def test_a_time_stamp_that_cannot_be_had_is_a_warning_and_is_asked_for_again(
    desk: Desk, authority: Authority, tmp_path: Path
) -> None:
    earlier = authority.stamp(_query(authority))
    for answer, words in ((b"x", "is not a time stamp"), (earlier, "is the time stamp of something else")):
        authority.answer = answer
        assert f"warning: the answer of {authority.url} {words}" in seal(desk, authority)
    assert verify(desk, "--timestamp-certificate", authority.certificate)["code"] == 3
    authority.answer = None
    assert seal(desk, authority) == ""
    assert verify(desk, "--timestamp-certificate", authority.certificate)["code"] == 0
    assert desk.call("backup", f"{tmp_path}/backup.db").code == 0
    copied = ("--ledger", f"sqlite:///{tmp_path}/backup.db", "--timestamp-certificate", authority.certificate)
    assert verify(desk, *copied)["timestamped"]["size"] == 9


def _query(authority: Authority) -> bytes:
    authority.run("ts", "-query", "-data", "config", "-sha256", "-cert", "-out", "other.query")
    return (authority.folder / "other.query").read_bytes()


def test_what_is_not_a_url_or_not_a_certificate_is_refused(desk: Desk) -> None:
    refused = desk.call("seal", "--key", f"{desk.folder}/seal.key", "--timestamp", "freetsa")
    assert (refused.code, refused.err.splitlines()[0]) == (2, "error: 'freetsa' is not a URL of http or https")
    assert desk.call("info", "--format", "json").json["sealed"] is None


@pytest.mark.parametrize("url", ["http://a b/", "http://[::1", "http://tsa.example:99999/", "http://tsa.example:0/"])
def test_a_url_that_nothing_can_be_asked_by_is_refused_before_anything_is_sealed(desk: Desk, url: str) -> None:
    refused = desk.call("seal", "--key", f"{desk.folder}/seal.key", "--timestamp", url)
    assert (refused.code, refused.err.splitlines()[0]) == (2, f"error: {url!r} is not a URL of http or https")
    assert desk.call("info", "--format", "json").json["sealed"] is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("log.example+5+x", "there is no certificate in PEM"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "there is no certificate in PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "a certificate in it is cut off or damaged"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "a certificate in it is cut off or damaged"),
    ],
)
def test_a_file_that_is_no_certificate_says_so_in_a_line(desk: Desk, text: str, why: str) -> None:
    file = desk.write("tsa.pem", text)
    refused = desk.call("verify", "--timestamp-certificate", file)
    hint = "hint: name a file with the certificate of who made the time stamps, in PEM"
    assert (refused.code, refused.err) == (2, f"error: {file}: {why}\n{hint}\n")


def test_an_authority_that_cannot_be_asked_is_a_warning_with_place_reason_and_hint(
    desk: Desk, authority: Authority
) -> None:
    again = "hint: the checkpoint is sealed without one; the same command asks again"
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}/tsr"
    for url, why, hint in (
        (closed, "nothing listens there (connection refused)", again),
        ("http://tsa.invalid/", "no such host is known", again),
        (authority.url.replace("http:", "https:"), "it does not speak TLS; is the URL one of http?", again),
        (
            authority.url.replace("/tsr", "/other"),
            "it answered with HTTP status 404",
            f"{again}; is this the URL of a time stamp authority (RFC 3161)?",
        ),
    ):
        assert seal(desk, replace(authority, url=url)) == f"warning: {url} gave no time stamp: {why}\n{hint}\n"


def test_without_what_checks_them_it_says_what_to_install(desk: Desk) -> None:
    (desk.folder / "rfc3161_client.py").write_text("raise ImportError('it is not here')\n")
    answer = desk.process(
        "seal", "--key", f"{desk.folder}/seal.key", "--timestamp", "http://127.0.0.1:9/",
        env={"PYTHONPATH": str(desk.folder)},
    )  # fmt: skip
    assert (answer.code, "pip install 'nilometer[timestamp]'" in answer.err) == (2, True), answer.err
    assert desk.call("info", "--format", "json").json["sealed"] is None
