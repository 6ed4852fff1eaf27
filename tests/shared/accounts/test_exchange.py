"""SASL exchanges against accounts."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from netforge.plugin import ExchangeStep, Identity, IExchange, LoginRefused, TooManyFailures
from netforge.protocols.errors import RemoteProtocolError
from netforge.protocols.sasl import Credentials, ScramClient
from netforge.shared.accounts.database import SCRAM_EVERY
from tests.shared.accounts.conftest import CHEAP, PEER, Office, RunOffice

ADA = Credentials("ada", "pencil")
WRONG = Credentials("ada", "wrong")
BINDINGS = {"tls-exporter": b"exporter" * 4}
SUBJECT = "CN=ada"
EVERYBODY = frozenset({"staff"})


@pytest.fixture
def scram(office: Office) -> Office:
    """Accounts where ada has a verifier."""
    office.admin_does("set_password", "ada", "pencil", scram=True)
    office.network.run(SCRAM_EVERY)
    office.accounts.mechanisms(secure=True)
    office.network.run(1)
    return office


def test_what_is_advertised(office: Office) -> None:
    mechanisms = office.accounts.mechanisms
    assert mechanisms(secure=True) == ["PLAIN", "LOGIN"]
    assert mechanisms(secure=False) == []
    assert mechanisms(secure=True, certificate=True, binding=True) == ["EXTERNAL", "PLAIN", "LOGIN"]


def test_what_is_advertised_once_somebody_has_a_verifier(scram: Office) -> None:
    mechanisms = scram.accounts.mechanisms
    assert mechanisms(secure=True) == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
    assert mechanisms(secure=False) == ["SCRAM-SHA-256"]
    assert mechanisms(secure=True, certificate=True, binding=True) == [
        "EXTERNAL",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-256",
        "PLAIN",
        "LOGIN",
    ]


def test_the_last_verifier_takes_the_mechanism_away(scram: Office) -> None:
    scram.admin_does("set_password", "ada", "pencil", scram=False)
    scram.network.run(SCRAM_EVERY)
    scram.accounts.mechanisms(secure=True)
    scram.network.run(1)
    assert scram.accounts.mechanisms(secure=True) == ["PLAIN", "LOGIN"]


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_name_and_password(office: Office, mechanism: str) -> None:
    assert office.converse(mechanism, ADA) == Identity("ada", EVERYBODY, "password")
    with pytest.raises(LoginRefused):
        office.converse(mechanism, WRONG)


def test_plain_as_somebody_else(office: Office) -> None:
    with pytest.raises(LoginRefused):
        office.converse("PLAIN", Credentials("ada", "pencil", "bob"))
    assert office.converse("PLAIN", Credentials("ada", "pencil", "ada")).name == "ada"


def test_an_application_password_by_plain(office: Office) -> None:
    password = office.admin_does("add_application", "ada", "phone", ["mail"])
    assert office.converse("PLAIN", Credentials("ada", password)).method == "application password"


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_scram(database_settings: str, run_office: RunOffice, mechanism: str) -> None:
    office = run_office(CHEAP + database_settings)
    office.admin_does("add", "ada", "pencil", groups=["staff"], scram=True)
    office.network.run(SCRAM_EVERY)
    office.accounts.mechanisms(secure=True)
    office.network.run(1)
    bindings = BINDINGS if mechanism.endswith("PLUS") else None
    assert office.converse(mechanism, ADA, bindings) == Identity("ada", EVERYBODY, "scram")
    for wrong in (WRONG, Credentials("nobody", "pencil")):
        with pytest.raises(LoginRefused):
            office.converse(mechanism, wrong, bindings)
    shown = ("outcome", "account", "method", "reason")
    assert [[event[key] for key in shown] for event in office.told] == [
        ["success", "ada", "scram", ""],
        ["failure", "ada", "scram", "the proof is wrong"],
        ["failure", "nobody", "scram", "the proof is wrong"],
    ]


def test_a_new_password_makes_a_new_verifier(scram: Office) -> None:
    scram.admin_does("set_password", "ada", "paper")
    assert scram.converse("SCRAM-SHA-256", Credentials("ada", "paper")).name == "ada"
    with pytest.raises(LoginRefused):
        scram.converse("SCRAM-SHA-256", ADA)


def test_a_downgrade_is_refused(scram: Office) -> None:
    exchange = scram.accounts.exchange("SCRAM-SHA-256", PEER, scope="mail", bindings=BINDINGS)
    client = ScramClient("ada", "pencil", "nonce", bindings=BINDINGS)
    with pytest.raises(LoginRefused):
        scram.do(lambda: exchange.respond(client.start()))


def test_a_locked_account_is_refused_by_scram_only_after_the_proof(scram: Office) -> None:
    scram.admin_does("set_locked", "ada", True)
    with pytest.raises(LoginRefused):
        scram.converse("SCRAM-SHA-256", ADA)
    assert scram.told[-1]["reason"] == "the account is locked"


def test_unknown_names_have_a_salt_as_known_ones_do_and_keep_it(scram: Office, run_office: RunOffice) -> None:
    def salt(office: Office, name: str) -> tuple[bytes, ...]:
        exchange = office.accounts.exchange("SCRAM-SHA-256", PEER, scope="mail")
        first = f"n,,n={name},r=nonce".encode()
        step: ExchangeStep = office.do(lambda: exchange.respond(first))
        assert step.challenge is not None
        return tuple(step.challenge.split(b",")[1:])

    known, unknown = salt(scram, "ada"), salt(scram, "nobody")
    assert unknown == salt(scram, "NOBODY")
    assert known != unknown
    assert len(known[0]) == len(unknown[0])
    assert known[1] == unknown[1]
    scram.lab.stop()
    assert salt(run_office(CHEAP), "nobody") == unknown


def test_external(office: Office) -> None:
    office.admin_does("add_certificate", "ada", SUBJECT)
    assert office.converse("EXTERNAL", Credentials(), subject=SUBJECT) == Identity("ada", EVERYBODY, "certificate")
    assert office.converse("EXTERNAL", Credentials(authorization="ada"), subject=SUBJECT).name == "ada"
    for subject, other in [(None, ""), ("CN=bob", ""), (SUBJECT, "bob")]:
        with pytest.raises(LoginRefused):
            office.converse("EXTERNAL", Credentials(authorization=other), subject=subject)


def test_a_client_that_says_nothing_first_is_asked(office: Office) -> None:
    exchange = office.accounts.exchange("PLAIN", PEER, scope="mail")
    assert verifyObject(IExchange, exchange)
    assert exchange.mechanism == "PLAIN"
    assert office.do(lambda: exchange.respond(None)) == ExchangeStep(b"")
    assert office.do(lambda: exchange.respond(b"\0ada\0pencil")).identity.name == "ada"


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "plain", "", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])
def test_a_mechanism_that_is_not_there(office: Office, mechanism: str) -> None:
    with pytest.raises(ValueError, match="no mechanism"):
        office.accounts.exchange(mechanism, PEER, scope="mail", bindings=BINDINGS)


def test_plus_needs_a_binding(scram: Office) -> None:
    with pytest.raises(ValueError, match="no mechanism"):
        scram.accounts.exchange("SCRAM-SHA-256-PLUS", PEER, scope="mail")


def test_nonsense_is_a_failure_and_counts(office: Office) -> None:
    async def nonsense() -> None:
        await office.accounts.exchange("PLAIN", PEER, scope="mail").respond(b"nonsense")

    for _ in range(10):
        with pytest.raises(LoginRefused) as caught:
            office.do(nonsense)
        assert not isinstance(caught.value, TooManyFailures)
    assert office.told[-1]["reason"] == "expected two NULs between three fields, found 0"
    with pytest.raises(TooManyFailures):
        office.do(nonsense)


def test_guesses_by_scram_count_as_others_do(scram: Office) -> None:
    for _ in range(5):
        with pytest.raises(LoginRefused):
            scram.converse("SCRAM-SHA-256", WRONG)
        with pytest.raises(LoginRefused):
            scram.converse("PLAIN", WRONG)
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        with pytest.raises(TooManyFailures):
            scram.converse(mechanism, ADA)


def test_success_by_scram_does_not_count(scram: Office) -> None:
    for _ in range(15):
        assert scram.converse("SCRAM-SHA-256", ADA).name == "ada"


def test_the_client_can_tell_a_server_that_does_not_know_the_password(scram: Office) -> None:
    client = ScramClient("ada", "pencil", "nonce")
    exchange = scram.accounts.exchange("SCRAM-SHA-256", PEER, scope="mail")

    async def forged() -> None:
        step = await exchange.respond(client.start())
        client.receive(step.challenge)
        client.finish(b"v=" + b"A" * 43 + b"=")

    with pytest.raises(RemoteProtocolError, match="does not prove"):
        scram.do(forged)
