"""What is said of a witness that refuses: its own words, as words of somebody else."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from nilometer.tlog.checkpoints import SignedTreeHead, TreeHead
from nilometer.witness.asking import KnownWitness, WitnessError, ask_to_sign
from tests.nilometer.seal.sealed import KEY, NAME
from tests.nilometer.witness.test_witness import TREE


class Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(403)
        self.end_headers()
        self.wfile.write(b"unknown log\n  hint: rm -r '/'\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_what_a_witness_answers_is_quoted() -> None:
    """Else a line of its answer could stand as a line of ours."""
    head = TreeHead(NAME, 10, TREE.root(10))
    checkpoint = SignedTreeHead(head, (KEY.sign_head(head, 1),))
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            witness = KnownWitness("w", KEY.key, f"http://127.0.0.1:{server.server_port}")
            with pytest.raises(WitnessError) as refused:
                ask_to_sign(witness, checkpoint, TREE.subtree)
        finally:
            server.shutdown()
            thread.join()
    assert refused.value.message == "the witness w refuses (403): \"unknown log\\n  hint: rm -r '/'\""
    assert refused.value.hint.startswith("have the log's key written into the witness's policy")
