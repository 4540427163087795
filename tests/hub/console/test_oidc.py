"""Signing in at the office's provider: who is let in, as what, and every way in which nobody is."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
import requests
from starlette.testclient import TestClient

from hub.access.accounts import add_user
from hub.access.oidc import provider as ours
from hub.access.oidc.accounts import add_oidc_user
from hub.app import create_app
from hub.console.words import words
from hub.pages import oidc
from hub.settings import SettingsError, load
from hub.store.db import open_db
from tests.brokers import free_port
from tests.hub.collectors import eventually
from tests.hub.console import seed
from tests.hub.console.conftest import HTML, sign_in
from tests.hub.console.fake import FakeHub
from tests.hub.oidc_provider import CLIENT, FAULTS, SECRET, SIGNED, Provider

HERE = "http://127.0.0.1:8700"
CLAIMS = (
    'role_claim = "realm_access.roles"\nplace_claim = "places"\n[oidc.roles]\n"vks-admin" = "admin"\nvks = "operator"\n'
)


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def provider(running: Provider) -> Provider:
    """It behaves, until a test tells it otherwise."""
    running.fault, running.calls_itself = "", running.issuer
    running.person = {"sub": "u-1", "preferred_username": "lan.anh"}
    running.asked.clear()
    return running


class Centre:
    """A console whose provider is that one, and a browser that is not signed in."""

    def __init__(self, folder: Path, db_path: Path, issuer: str, more: str = "") -> None:
        (folder / "secret").write_text(SECRET + "\n", "utf-8")
        (folder / "secret").chmod(0o600)
        (folder / "hub.toml").write_text(
            f'[oidc]\nissuer = "{issuer}"\nclient_id = "{CLIENT}"\npublic_url = "{HERE}/"\n'
            f'client_secret_file = "{folder}/secret"\n{more}',
            "utf-8",
        )
        self.path, self.now_s = db_path, 0.0
        app = create_app(db_path, load(folder / "hub.toml"), FakeHub(db_path), lambda: time.time() + self.now_s)
        self.browser = TestClient(app, base_url=HERE, headers=HTML, follow_redirects=False)

    def go(self, following: str = "") -> str:
        """To the provider and back as far as its answer: the address that the browser is sent to."""
        answer = self.browser.get("/login/oidc", params={"next": following} if following else {})
        assert answer.status_code == 303, answer.text
        back = requests.get(answer.headers["location"], allow_redirects=False, timeout=10)
        assert back.headers["location"].startswith(HERE + "/login/oidc/callback?")
        return back.headers["location"].removeprefix(HERE)

    def sign_in(self, following: str = "") -> Any:
        return self.browser.get(self.go(following))

    def rows(self, what: str) -> list[dict[str, Any]]:
        with sqlite3.connect(self.path) as db:
            found = db.execute("SELECT by, detail FROM audit WHERE what = ? ORDER BY id", (what,)).fetchall()
        return [{"by": by} | json.loads(detail) for by, detail in found]

    def account(self, name: str) -> tuple[str, list[str]]:
        """Role and codes of places."""
        with sqlite3.connect(self.path) as db:
            (role,) = db.execute("SELECT role FROM users WHERE name = ?", (name,)).fetchone()
            places = db.execute(
                "SELECT n.code FROM user_scopes s JOIN nodes n ON n.id = s.node WHERE s.user = ? ORDER BY 1", (name,)
            ).fetchall()
        return role, [place for (place,) in places]


@pytest.fixture
def centre(tmp_path: Path, db_path: Path, provider: Provider) -> Centre:
    """Only accounts that were made before."""
    return Centre(tmp_path, db_path, provider.issuer)


def made_before(path: Path, name: str = "lan.anh", role: str = "operator") -> None:
    db = open_db(path)
    add_oidc_user(db, name, role, by="test", now_s=1.0)
    db.close()


def refused(centre: Centre, answer: Any, reason: str) -> None:
    """One sentence on the screen in the reader's language, a row in the log, and nobody is signed in."""
    assert answer.status_code in (400, 403, 503), answer.text
    assert words("vi")(f"login.oidc.{reason}") in answer.text
    assert centre.browser.get("/triage").status_code == 303
    assert centre.rows("oidc_refused")[-1]["reason"] == reason


def turned_away(centre: Centre, answer: Any) -> None:
    """No sign-in has begun in this browser: a sentence, and no row, for any page elsewhere can bring that about."""
    assert answer.status_code == 400
    assert words("vi")("login.oidc.state") in answer.text
    assert centre.browser.get("/triage").status_code == 303


def test_an_account_that_was_made_before_signs_in_and_goes_on_to_its_page(centre: Centre) -> None:
    made_before(centre.path)
    answer = centre.sign_in("/rooms?q=x")
    assert (answer.status_code, answer.headers["location"]) == (303, "/rooms?q=x")
    assert centre.browser.get("/rooms").status_code == 200
    assert {"by": "lan.anh", "through": "oidc"}.items() <= centre.rows("login")[-1].items()
    assert centre.rows("oidc_bound") == [{"by": "lan.anh", "user": "lan.anh", "subject": "u-1"}]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("issuer", "issuer"), ("audience", "audience"), ("for two, ours the second", "audience"), ("nonce", "nonce"),
        ("no nonce", "nonce"), ("expired", "expired"), ("none", "algorithm"), ("HS256", "algorithm"),
        ("other key", "signature"), ("unknown key", "signature"), ("no token", "token"), ("garbage", "token"),
        ("no subject", "token"), ("subject is no text", "token"), ("made tomorrow", "token"),
    ],
)  # fmt: skip
def test_a_token_that_is_not_what_it_should_be_lets_nobody_in(
    fault: str, reason: str, centre: Centre, provider: Provider
) -> None:
    made_before(centre.path)
    provider.fault = fault
    refused(centre, centre.sign_in(), reason)
    provider.fault = ""
    assert centre.sign_in().status_code == 303, "the fault was all that was wrong"


def test_every_fault_of_the_provider_is_tried() -> None:
    (marker,) = test_a_token_that_is_not_what_it_should_be_lets_nobody_in.pytestmark  # type: ignore[attr-defined]
    assert {fault for fault, _ in marker.args[1]} == {*FAULTS, *SIGNED}


def test_a_provider_that_calls_itself_otherwise_is_not_asked(centre: Centre, provider: Provider) -> None:
    provider.calls_itself = "https://elsewhere.example"
    refused(centre, centre.browser.get("/login/oidc"), "issuer")


def test_an_answer_belongs_to_the_browser_and_the_attempt_that_began_it(centre: Centre) -> None:
    made_before(centre.path)
    stolen = centre.go()
    centre.browser.cookies.clear()
    turned_away(centre, centre.browser.get(stolen))  # a victim is made to open the thief's answer
    first = centre.go()
    centre.go()
    refused(centre, centre.browser.get(first), "state")
    late = centre.go()
    centre.now_s += oidc.PENDING_S + 5
    turned_away(centre, centre.browser.get(late))
    centre.now_s = 0
    once = centre.go()
    kept = dict(centre.browser.cookies)
    assert centre.browser.get(once).status_code == 303
    centre.browser.cookies.clear()
    centre.browser.cookies.update({name: value for name, value in kept.items() if name == oidc.COOKIE})
    refused(centre, centre.browser.get(once), "denied")  # the provider gives a token for a code once
    for answer in ("/login/oidc/callback", "/login/oidc/callback?code=x&state=y"):
        turned_away(centre, centre.browser.get(answer))


def test_a_code_without_its_verifier_is_worth_nothing(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    made_before(centre.path)
    back = centre.go()
    entry = centre.browser.app.state.oidc  # type: ignore[attr-defined]
    real = entry.unseal
    monkeypatch.setattr(entry, "unseal", lambda text: ours.Pending(real(text).state, real(text).nonce, "x" * 43))
    refused(centre, centre.browser.get(back), "denied")


def test_whoever_the_provider_refuses_is_refused(centre: Centre) -> None:
    query = parse_qs(urlsplit(centre.go()).query)
    answer = centre.browser.get("/login/oidc/callback", params={"error": "access_denied", "state": query["state"][0]})
    refused(centre, answer, "denied")
    assert centre.rows("oidc_refused")[-1]["detail"] == "access_denied"


def test_no_provider_takes_over_an_account_with_a_password(centre: Centre, provider: Provider) -> None:
    provider.person["preferred_username"] = "thu.ha"
    refused(centre, centre.sign_in(), "local")
    sign_in(centre.browser)
    assert centre.browser.get("/triage").status_code == 200


def test_a_name_belongs_to_the_first_person_who_came_with_it(centre: Centre, provider: Provider) -> None:
    made_before(centre.path)
    assert centre.sign_in().status_code == 303
    centre.browser.cookies.clear()
    provider.person["sub"] = "u-2"
    refused(centre, centre.sign_in(), "taken")
    provider.person = {"sub": "u-1", "preferred_username": "renamed.since"}
    assert centre.sign_in().status_code == 303


def test_whoever_was_made_anew_at_the_provider_is_let_in_once_the_account_is(
    centre: Centre, provider: Provider
) -> None:
    made_before(centre.path)
    assert centre.sign_in().status_code == 303
    made_before(centre.path)  # once more: it lets go of the person of before, and of the sessions
    assert centre.browser.get("/triage").status_code == 303
    provider.person["sub"] = "u-2"
    assert centre.sign_in().status_code == 303
    centre.browser.cookies.clear()
    provider.person["sub"] = "u-1"
    refused(centre, centre.sign_in(), "taken")


def test_an_account_that_is_given_a_password_is_no_longer_the_providers(centre: Centre) -> None:
    made_before(centre.path)
    assert centre.sign_in().status_code == 303
    db = open_db(centre.path)
    add_user(db, "lan.anh", "mot cau rat dai 7", "viewer")
    db.close()
    refused(centre, centre.sign_in(), "local")
    form = {"name": "lan.anh", "password": "mot cau rat dai 7"}
    assert centre.browser.post("/login", data=form).status_code == 303


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nobody.knows", "no_account"), ("Ông Ba", "name"), (7, "name"), (None, "name"), ("x" * 100, "name")],
)
def test_who_has_no_account_is_told_so(name: object, reason: str, centre: Centre, provider: Provider) -> None:
    provider.person["preferred_username"] = name
    refused(centre, centre.sign_in(), reason)


def test_a_disabled_account_stays_so(centre: Centre) -> None:
    made_before(centre.path)
    assert centre.sign_in().status_code == 303
    with sqlite3.connect(centre.path) as db:
        db.execute("UPDATE users SET disabled = 1 WHERE name = 'lan.anh'")
    refused(centre, centre.sign_in(), "disabled")


def test_there_is_no_password_for_such_an_account(centre: Centre) -> None:
    made_before(centre.path)
    for password in ("oidc$given$", "", "x" * 20):
        assert centre.browser.post("/login", data={"name": "lan.anh", "password": password}).status_code == 401


def test_claims_give_role_and_places_and_take_them_away(tmp_path: Path, db_path: Path, provider: Provider) -> None:
    centre = Centre(tmp_path, db_path, provider.issuer, CLAIMS)
    provider.person |= {"realm_access": {"roles": ["vks", "else"]}, "places": ["14797"]}
    assert centre.sign_in().status_code == 303
    assert centre.account("lan.anh") == ("operator", ["14797"])
    provider.person |= {"realm_access": {"roles": ["vks", "vks-admin"]}, "places": "*"}
    assert centre.sign_in().status_code == 303
    assert centre.account("lan.anh") == ("admin", [])
    assert centre.browser.get("/audit").status_code == 200
    for places, roles, reason in (
        ("*", [], "no_role"), ("*", ["someone-else"], "no_role"), ([], ["vks"], "no_place"),
        (["no-such-place"], ["vks"], "no_place"), (None, ["vks"], "no_place"),
    ):  # fmt: skip
        provider.person |= {"realm_access": {"roles": ["vks"]}, "places": ["14797"]}
        assert centre.sign_in().status_code == 303
        provider.person |= {"realm_access": {"roles": roles}, "places": places}
        refused(centre, centre.sign_in(), reason)  # which also looks that the session of before has ended
        assert centre.account("lan.anh") == ("operator", ["14797"]), "nothing is half done"
    provider.person = {
        "sub": "u-9",
        "preferred_username": "thu.ha",
        "realm_access": {"roles": ["vks-admin"]},
        "places": "*",
    }
    refused(centre, centre.sign_in(), "local")


def test_the_second_step_is_the_providers_business(tmp_path: Path, db_path: Path, provider: Provider) -> None:
    more = "[web]\nrequire_totp_for_admins = true\n"
    centre = Centre(tmp_path, db_path, provider.issuer, more)
    made_before(centre.path, role="admin")
    assert centre.sign_in().status_code == 303
    assert centre.browser.get("/audit").status_code == 200, (
        "nothing has to be set up first, there is no password to do it"
    )
    page = centre.browser.get("/account").text
    assert words("vi")("account.vouched") in page
    assert "/account/password" not in page


def test_an_account_that_had_a_second_step_here_keeps_it(centre: Centre) -> None:
    secret = pyotp.random_base32()
    with sqlite3.connect(centre.path) as db:
        db.execute("INSERT INTO totp (user, secret, since_s) VALUES ('lan.anh', ?, 1)", (secret,))
    made_before(centre.path)
    answer = centre.sign_in("/rooms")
    assert answer.headers["location"] == "/login/code?next=%2Frooms"
    assert centre.browser.get("/triage").status_code == 303
    given = {"code": pyotp.TOTP(secret).now(), "next": "/rooms"}
    assert centre.browser.post("/login/code", data=given).headers["location"] == "/rooms"
    assert centre.browser.get("/rooms").status_code == 200


def test_a_session_that_a_provider_vouched_for_ends_after_a_shift(centre: Centre) -> None:
    made_before(centre.path)
    assert centre.sign_in().status_code == 303
    for _ in range(11):
        centre.now_s += 3600
        assert centre.browser.get("/triage").status_code == 200
    centre.now_s += 3700
    assert centre.browser.get("/triage").status_code == 303


def test_a_provider_with_a_new_key_is_asked_for_it(centre: Centre, provider: Provider) -> None:
    made_before(centre.path)
    assert centre.sign_in().status_code == 303
    assert provider.asked.count("/keys") == 1
    provider.new_key()
    centre.browser.cookies.clear()
    refused(centre, centre.sign_in(), "signature")  # the keys were fetched a moment ago: not at everyone's bidding
    centre.now_s += ours.KEYS_AGAIN_S + 1
    assert centre.sign_in().status_code == 303
    assert provider.asked.count("/keys") == 2


def test_without_the_provider_passwords_work(tmp_path: Path, db_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    centre = Centre(tmp_path, db_path, f"http://127.0.0.1:{free_port()}")
    page = centre.browser.get("/login").text
    assert words("vi")("login.oidc.button") in page
    for _ in range(3):
        answer = centre.browser.get("/login/oidc")
        assert answer.status_code == 503
        assert words("vi")("login.oidc.unreachable") in answer.text
    assert len([text for text in caplog.messages if "does not answer" in text]) == 1
    assert centre.rows("oidc_refused") == []
    sign_in(centre.browser)
    assert centre.browser.get("/triage").status_code == 200


def test_where_no_provider_is_set_there_is_none(stranger: TestClient) -> None:
    assert "/login/oidc" not in stranger.get("/login").text
    for path in ("/login/oidc", "/login/oidc/callback?code=x&state=y"):
        assert stranger.get(path).status_code == 404
    code = (
        "import sys, hub.main, hub.app, hub.runtime.service; sys.exit(bool({'authlib', 'requests'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_settings_that_do_not_fit_together_are_one_sentence(tmp_path: Path) -> None:
    good = 'issuer = "https://id.example"\nclient_id = "x"\npublic_url = "https://vks.example"\n'
    for text, says in (
        (good.replace("https://id", "http://id"), "issuer must be https://"),
        (good.replace("https://vks", "ftp://vks"), "public_url must be"),
        (good.replace('"x"', '""'), "client_id must be given"),
        (good + 'role_claim = "roles"\n', "given together"),
        (good + 'role_claim = "r"\nplace_claim = "p"\n[oidc.roles]\nx = "king"\n', "unknown are king"),
    ):
        (tmp_path / "hub.toml").write_text("[oidc]\n" + text, "utf-8")
        with pytest.raises(SettingsError) as caught:
            load(tmp_path / "hub.toml")
        assert len(caught.value.problems) == 1
        assert says in caught.value.problems[0]


def test_a_provider_by_others_is_understood(tmp_path: Path, db_path: Path) -> None:
    port = free_port()
    person = {"sub": "u-77", "preferred_username": "lan.anh", "vai_tro": "vks", "dia_ban": ["14797"]}
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port),
               "--require-nonce", "true", "--user-claims", json.dumps(person)]  # fmt: skip
    more = 'role_claim = "vai_tro"\nplace_claim = "dia_ban"\n[oidc.roles]\nvks = "operator"\n'
    centre = Centre(tmp_path, db_path, f"http://127.0.0.1:{port}", more)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(lambda: centre.browser.get("/login/oidc").status_code == 303, "it listens")
            url = centre.browser.get("/login/oidc").headers["location"]
            back = requests.post(url, data={"sub": "u-77"}, allow_redirects=False, timeout=10)
            answer = centre.browser.get(back.headers["location"].removeprefix(HERE))
        finally:
            process.terminate()
    assert answer.status_code == 303, answer.text
    assert centre.account("lan.anh") == ("operator", ["14797"])
    assert centre.browser.get("/triage").status_code == 200
    assert seed.PASSWORD not in answer.text
