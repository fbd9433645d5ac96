"""Who is answered, and who is not."""

from __future__ import annotations

import socket
import time

import pytest

from nilometer.cli.serving.guard import POLICY
from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.serving.conftest import Shop
from tests.nilometer.cli.serving.serving import serving

pytestmark = pytest.mark.xdist_group("serving")

TOKEN = "correct-horse-battery-staple"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
HTML = {"Accept": "text/html,*/*"}


@pytest.mark.parametrize("path", ["/", "/api/info", "/metrics", "/nothing", "/assets/report.js", "/assets/none", "/e8"])
def test_every_answer_tells_the_browser_to_be_strict(shop: Shop, path: str) -> None:
    headers = shop.server.ask(path).headers
    assert headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_pages_have_no_script_and_no_style_of_their_own(shop: Shop) -> None:
    for path in ("/", "/vm-lab.vm0", "/host-lab", "/compare", "/findings", "/rules", "/vms"):
        page = shop.server.ask(path).text
        scripts = [
            part for part in page.split("<script")[1:] if 'type="application/json"' not in part.partition(">")[0]
        ]
        assert all(part.startswith(' src="/assets/') for part in scripts)
        assert "<style" not in page
        assert " style=" not in page


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "localhost.", "[::2]"])
def test_a_page_that_was_led_here_by_another_name_is_not_answered(shop: Shop, host: str) -> None:
    assert shop.server.ask("/api/info", headers={"Host": host}).status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1234", "127.0.0.1", "[::1]:80"])
def test_its_own_names_are_known(shop: Shop, host: str) -> None:
    assert shop.server.ask("/metrics", headers={"Host": host}).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_nothing_can_be_changed(shop: Shop, method: str) -> None:
    assert shop.server.ask("/api/info", method=method, body="{}").status == 405


def test_a_token_in_an_address_is_refused(shop: Shop) -> None:
    assert shop.server.ask("/api/info?token=x").status == 400


def test_with_a_token_only_who_has_it_is_answered(desk: Desk) -> None:
    # given a server with a token
    desk.with_history()
    (desk.folder / "token.txt").write_text(f"{TOKEN}\n")
    with serving(desk, "--token-file", "token.txt") as server:
        # then a program needs it in a header, and nothing of it leaks
        refused = server.ask("/api/info")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert TOKEN not in refused.text
        assert server.ask("/metrics", headers={"Authorization": f"Bearer {TOKEN}x"}).status == 401
        assert server.ask("/metrics", headers={"Authorization": f"Basic {TOKEN}"}).status == 401
        assert server.ask("/metrics", headers=BEARER).status == 200
        # and a browser is asked for it once
        assert server.ask("/vm-web01", headers=HTML).headers["location"] == "/sign-in"
        assert 'type="password"' in server.ask("/sign-in", headers=HTML).text
        began = time.monotonic()
        wrong = server.ask("/sign-in", method="POST", body="token=guess", headers=HTML)
        assert wrong.headers["location"] == "/sign-in?again"
        assert time.monotonic() - began >= 1
        right = server.ask("/sign-in", method="POST", body=f"token={TOKEN}", headers=HTML)
        cookie = right.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
        assert TOKEN not in cookie
        session = {"Cookie": cookie.partition(";")[0]}
        assert server.ask("/", headers={**HTML, **session}).status == 200
        assert server.ask("/", headers={**HTML, "Cookie": "nilo=guess"}).status == 303
        code, _, err = server.end()
    assert (code, TOKEN in err) == (0, False)


def test_on_another_address_a_token_is_made_and_shown_once(desk: Desk) -> None:
    desk.with_history()
    with serving(desk, "--listen", "0.0.0.0") as server:
        assert server.ask("/api/info", headers={"Host": "127.0.0.1"}).status == 401
        assert server.ask("/api/info", headers={"Host": "evil.example"}).status == 421
        code, _, err = server.end()
    assert code == 0
    assert err.count("the token is ") == 1
    assert "not encrypted" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"short", "16 characters or more"),
        (b"\xff\xfe" * 20, "it is not a text"),
        (b"two words of it here", "no spaces"),
    ],
)
def test_a_file_that_holds_no_token_is_refused(desk: Desk, content: bytes, message: str) -> None:
    desk.with_history()
    (desk.folder / "token.txt").write_bytes(content)
    called = desk.call("serve", "--token-file", str(desk.folder / "token.txt"))
    assert called.code == 2
    assert message in called.err
    assert "secrets.token_urlsafe" in called.err


def test_a_port_in_use_is_told_at_once(desk: Desk) -> None:
    desk.with_history()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        called = desk.call("serve", "--port", str(other.getsockname()[1]))
    assert called.code == 2
    assert "is in use\nhint: --port 0 takes a free one" in called.err


def test_an_address_that_is_none_is_told(desk: Desk) -> None:
    assert "'nilo.example.com' is not an address" in desk.call("serve", "--listen", "nilo.example.com").err
    assert "has no address 192.0.2.1" in desk.call("serve", "--listen", "192.0.2.1", "--port", "0").err


def test_without_a_ledger_there_is_nothing_to_serve(desk: Desk) -> None:
    called = desk.call("serve", "--port", "0")
    assert called.code == 2
    assert "there is no ledger" in called.err
