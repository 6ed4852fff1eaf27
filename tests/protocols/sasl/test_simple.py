"""PLAIN, LOGIN and EXTERNAL."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.sasl import (
    FIELD_CAP,
    MECHANISMS,
    CertificateClaimed,
    Challenge,
    ExternalClient,
    ExternalServer,
    LoginClient,
    LoginServer,
    PasswordGiven,
    PlainClient,
    PlainServer,
    saslprep,
)
from tests.protocols.sasl.conftest import converse


def test_plain_in_one_message() -> None:
    # RFC 4616, section 4
    assert PlainServer().receive(b"\0tim\0tanstaaftanstaaf") == PasswordGiven("tim", "tanstaaftanstaaf")


def test_plain_as_somebody_else() -> None:
    event = PlainServer().receive(b"Ursel\0Kurt\0xipj3plmq")
    assert event == PasswordGiven("Kurt", "xipj3plmq", "Ursel")


def test_plain_without_a_first_response() -> None:
    server = PlainServer()
    assert server.receive(None) == Challenge(b"")
    assert server.receive(b"\0tim\0secret") == PasswordGiven("tim", "secret")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "found 0"),
        (b"tim\0secret", "found 1"),
        (b"\0tim\0secret\0", "found 3"),
        (b"\0\0secret", "the name is empty"),
        (b"\0\xc2\xad\0secret", "the name is empty"),
        (b"\0ti\x07m\0secret", r"cannot be prepared: U\+0007"),
        (b"\0tim\0", "the password is empty"),
        (b"\0tim\0\xff", "the password is not UTF-8"),
        (b"\0\xff\0secret", "the name is not UTF-8"),
        (b"\xff\0tim\0secret", "the authorization identity is not UTF-8"),
        (b"\0tim\0" + b"a" * (FIELD_CAP + 1), "the password has 1025 bytes; 1024 are the most"),
        (b"\0" + b"a" * (FIELD_CAP + 1) + b"\0secret", "the name has 1025 bytes"),
        (b"a" * (FIELD_CAP + 1) + b"\0tim\0secret", "the authorization identity has 1025 bytes"),
    ],
)
def test_what_plain_refuses(message: bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError, match=why):
        PlainServer().receive(message)


def test_plain_takes_as_much_as_the_cap_allows() -> None:
    event = PlainServer().receive(b"\0tim\0" + b"a" * FIELD_CAP)
    assert isinstance(event, PasswordGiven)
    assert len(event.password) == FIELD_CAP


def test_a_plain_client_cannot_say_nul() -> None:
    with pytest.raises(LocalProtocolError, match="NUL"):
        PlainClient("tim", "se\0cret")


def test_login_asks_for_name_and_password() -> None:
    server = LoginServer()
    assert server.receive(None) == Challenge(b"Username:")
    assert server.receive(b"tim") == Challenge(b"Password:")
    assert server.receive(b"secret") == PasswordGiven("tim", "secret")


def test_login_takes_a_name_that_comes_with_the_mechanism() -> None:
    server = LoginServer()
    assert server.receive(b"tim") == Challenge(b"Password:")
    assert server.receive(b"secret") == PasswordGiven("tim", "secret")


@pytest.mark.parametrize(
    ("name", "password", "why"),
    [
        (b"", b"secret", "the name is empty"),
        (b"\xff", b"secret", "the name is not UTF-8"),
        (b"tim", b"", "the password is empty"),
        (b"tim", b"sec\0ret", "a NUL"),
        (b"tim", b"a" * (FIELD_CAP + 1), "the password has 1025 bytes"),
    ],
)
def test_what_login_refuses(name: bytes, password: bytes, why: str) -> None:
    server = LoginServer()
    with pytest.raises(RemoteProtocolError, match=why):
        server.receive(name)
        server.receive(password)


def test_external() -> None:
    assert ExternalServer().receive(b"") == CertificateClaimed()
    assert ExternalServer().receive(b"fred") == CertificateClaimed("fred")
    server = ExternalServer()
    assert server.receive(None) == Challenge(b"")
    assert server.receive(b"") == CertificateClaimed()


@pytest.mark.parametrize("message", [b"\xff", b"a\0b", b"a" * (FIELD_CAP + 1)])
def test_what_external_refuses(message: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="the authorization identity"):
        ExternalServer().receive(message)


@pytest.mark.parametrize("client", [PlainClient("tim", "secret"), ExternalClient()])
def test_clients_refuse_a_second_challenge(client: PlainClient | ExternalClient) -> None:
    client.start()
    with pytest.raises(RemoteProtocolError, match="no second challenge"):
        client.receive(b"")


def test_a_login_client_refuses_a_third_challenge() -> None:
    client = LoginClient("tim", "secret")
    assert [client.start(), client.receive(b"User Name\0"), client.receive(b"Pass?")] == [None, b"tim", b"secret"]
    with pytest.raises(RemoteProtocolError, match="no third challenge"):
        client.receive(b"")


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(PlainServer().receive(b"\0tim\0secret"))


FIELDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=FIELD_CAP // 4)


@given(FIELDS, FIELDS, FIELDS)
def test_what_a_plain_client_says_a_server_understands(name: str, password: str, authorization: str) -> None:
    try:
        expected = saslprep(name)
    except ValueError:
        expected = ""
    server, client = PlainServer(), PlainClient(name, password, authorization)
    if expected:
        assert converse(client, server) == PasswordGiven(expected, password, authorization)
    else:
        with pytest.raises(RemoteProtocolError):
            converse(client, server)


@given(FIELDS)
def test_what_a_login_client_says_a_server_understands(password: str) -> None:
    assert converse(LoginClient("tim", password), LoginServer()) == PasswordGiven("tim", password)


@given(st.sampled_from([PlainServer, LoginServer, ExternalServer]), st.lists(st.none() | st.binary(), max_size=4))
def test_servers_answer_or_refuse_whatever_comes(
    kind: type[PlainServer | LoginServer | ExternalServer], messages: list[bytes | None]
) -> None:
    server = kind()
    with contextlib.suppress(RemoteProtocolError):
        for message in messages:
            if not isinstance(server.receive(message), Challenge):
                break


def test_the_table_has_the_strongest_first() -> None:
    assert list(MECHANISMS) == ["EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"]
    assert [name for name, one in MECHANISMS.items() if one.reveals] == ["PLAIN", "LOGIN"]
    assert [name for name, one in MECHANISMS.items() if one.verifier] == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
    assert [name for name, one in MECHANISMS.items() if one.binding] == ["SCRAM-SHA-256-PLUS"]
    assert [name for name, one in MECHANISMS.items() if one.certificate] == ["EXTERNAL"]
