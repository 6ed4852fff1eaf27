"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS."""

from __future__ import annotations

import contextlib
from base64 import b64decode, b64encode
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netforge.protocols.errors import LocalProtocolError, RemoteProtocolError
from netforge.protocols.sasl import (
    FIELD_CAP,
    MAX_ITERATIONS,
    MESSAGE_CAP,
    MIN_ITERATIONS,
    Challenge,
    NameGiven,
    Proved,
    ScramClient,
    ScramServer,
    Verifier,
    fake_verifier,
    make_nonce,
    make_verifier,
    saslprep,
)
from tests.protocols.sasl.conftest import converse

# RFC 7677, section 3
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


class Fixed(Random):
    """Randomness that is known."""

    def randbytes(self, n: int) -> bytes:
        return b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")[:n]


VERIFIER = make_verifier("pencil", Fixed(), MIN_ITERATIONS)
BINDINGS = {"tls-exporter": b"exporter" * 4, "tls-server-end-point": b"endpoint" * 4}


def server_of_the_rfc() -> ScramServer:
    return ScramServer("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")


def client(password: str = "pencil", **options: Any) -> ScramClient:
    return ScramClient("user", password, "rOprNGfwEbeRWgbNEkqO", **options)


def at_the_proof(**options: Any) -> ScramServer:
    """A server that waits for the proof."""
    server = ScramServer("server", **options)
    server.receive(CLIENT_FIRST)
    server.supply(VERIFIER)
    return server


def test_the_server_of_the_rfc() -> None:
    server = server_of_the_rfc()
    assert server.receive(None) == Challenge(b"")
    assert server.receive(CLIENT_FIRST) == NameGiven("user")
    assert server.supply(VERIFIER) == Challenge(SERVER_FIRST)
    assert server.receive(CLIENT_FINAL) == Proved("user", SERVER_FINAL)


@pytest.mark.parametrize("beside", [False, True])
def test_the_client_of_the_rfc(beside: bool) -> None:
    one = client()
    assert one.start() == CLIENT_FIRST
    assert one.receive(SERVER_FIRST) == CLIENT_FINAL
    if not beside:
        assert one.receive(SERVER_FINAL) == b""
    one.finish(SERVER_FINAL if beside else None)


def test_the_wrong_password_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="the proof is wrong") as caught:
        converse(client("pencils"), server_of_the_rfc(), VERIFIER)
    assert caught.value.reply == b"e=invalid-proof"


@pytest.mark.parametrize("kind", BINDINGS)
def test_plus_takes_each_kind_of_binding(kind: str) -> None:
    server = ScramServer("server", BINDINGS, plus=True)
    event = converse(client(bindings={kind: BINDINGS[kind]}, plus=True), server, VERIFIER)
    assert isinstance(event, Proved)


def test_a_client_prefers_the_exporter() -> None:
    assert client(bindings=BINDINGS, plus=True).start().startswith(b"p=tls-exporter,,")


def test_a_binding_of_another_connection_is_refused() -> None:
    server = ScramServer("server", {"tls-exporter": b"another" * 4}, plus=True)
    with pytest.raises(RemoteProtocolError, match="bindings differ") as caught:
        converse(client(bindings=BINDINGS, plus=True), server, VERIFIER)
    assert caught.value.reply == b"e=channel-bindings-dont-match"


def test_a_client_that_was_not_shown_plus_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="did not see -PLUS") as caught:
        converse(client(bindings=BINDINGS), ScramServer("server", BINDINGS), VERIFIER)
    assert caught.value.reply == b"e=server-does-support-channel-binding"


def test_a_client_that_could_and_a_server_that_cannot_bind() -> None:
    assert isinstance(converse(client(bindings=BINDINGS), ScramServer("server"), VERIFIER), Proved)


def test_a_client_that_cannot_and_a_server_that_could_bind() -> None:
    assert isinstance(converse(client(), ScramServer("server", BINDINGS), VERIFIER), Proved)


def test_a_flag_that_was_changed_under_way_is_found() -> None:
    """Who turns y into n, to hide that -PLUS was hidden, is found by the proof."""
    one, server = client(bindings=BINDINGS), ScramServer("server", BINDINGS)
    first = one.start()
    assert first.startswith(b"y,")
    server.receive(b"n" + first[1:])
    with pytest.raises(RemoteProtocolError, match="bindings differ"):
        server.receive(one.receive(server.supply(VERIFIER).data))


@pytest.mark.parametrize(
    ("plus", "flag", "reply"),
    [
        (False, b"p=tls-exporter", b"e=channel-binding-not-supported"),
        (True, b"p=tls-unique", b"e=unsupported-channel-binding-type"),
        (True, b"p=\xff", b"e=unsupported-channel-binding-type"),
        (True, b"n", b"e=server-does-support-channel-binding"),
        (True, b"y", b"e=server-does-support-channel-binding"),
        (False, b"x", b"e=other-error"),
        (False, b"", b"e=other-error"),
    ],
)
def test_flags_that_do_not_fit_the_mechanism(plus: bool, flag: bytes, reply: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        ScramServer("server", BINDINGS, plus=plus).receive(flag + b",,n=user,r=abc")
    assert caught.value.reply == reply


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (b"", b"e=other-error"),
        (b"n,", b"e=other-error"),
        (b"n,user,n=user,r=abc", b"e=other-error"),
        (b"n,,r=abc,n=user", b"e=other-error"),
        (b"n,,n=user", b"e=other-error"),
        (b"n,,n=user,r=", b"e=other-error"),
        (b"n,,n=user,r=a\x7fc", b"e=other-error"),
        (b"n,,n=user,r=a c", b"e=other-error"),
        (b"n,,n=user,r=" + b"a" * 257, b"e=other-error"),
        (b"n,,m=x,n=user,r=abc", b"e=extensions-not-supported"),
        (b"n,,n=us=er,r=abc", b"e=invalid-username-encoding"),
        (b"n,,n=us=2cer,r=abc", b"e=invalid-username-encoding"),
        (b"n,a=x=,n=user,r=abc", b"e=invalid-username-encoding"),
        (b"n,,n=\xff,r=abc", b"e=invalid-encoding"),
        (b"n,,n=,r=abc", b""),
        (b"n,,n=" + b"a" * (FIELD_CAP + 1) + b",r=abc", b""),
        (b"n,,n=user,r=abc," + b"x" * MESSAGE_CAP, b""),
    ],
)
def test_first_messages_that_are_refused(message: bytes, reply: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        ScramServer("server").receive(message)
    assert caught.value.reply == reply


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "expected c="),
        (b"c=biws", "expected r="),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver", "expected p="),
        (b"c=bi*s,r=rOprNGfwEbeRWgbNEkqOserver,p=AAAA", "binding is not base64"),
        (b"c=\xc3\xa4,r=rOprNGfwEbeRWgbNEkqOserver,p=AAAA", "binding is not base64"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver,p=A", "proof is not base64"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver,p=AAAA,x=1", "something follows"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver,p=AAAA", "the proof is wrong"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver,p=" + b64encode(bytes(32)), "the proof is wrong"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver1,p=AAAA", "the nonce is not that"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqO,p=AAAA", "the nonce is not that"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqO\xc3\xa4,p=AAAA", "the nonce is not that"),
        (b"c=eSws,r=rOprNGfwEbeRWgbNEkqOserver,p=AAAA", "bindings differ"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver,m=1,p=AAAA", "mandatory extension"),
        (b"c=biws,r=rOprNGfwEbeRWgbNEkqOserver,,p=AAAA", "expected =..."),
        (b"\xff", "not UTF-8"),
        (b"c=" + b"A" * MESSAGE_CAP, "8192 are the most"),
    ],
)
def test_last_messages_that_are_refused(message: bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError, match=why):
        at_the_proof().receive(message)


def test_a_captured_proof_is_of_no_use_in_another_exchange() -> None:
    with pytest.raises(RemoteProtocolError, match="nonce"):
        at_the_proof().receive(CLIENT_FINAL)
    # Nor where the client's nonce is the same, and the server's, by a miracle, too but for the password.
    other = make_verifier("pencil", Random(1), MIN_ITERATIONS)
    server = server_of_the_rfc()
    server.receive(CLIENT_FIRST)
    server.supply(other)
    with pytest.raises(RemoteProtocolError, match="proof"):
        server.receive(CLIENT_FINAL)


def test_optional_extensions_are_passed_over() -> None:
    server = ScramServer("server")
    assert server.receive(b"n,,n=user,r=abc,x=1,y=2") == NameGiven("user")


def test_names_with_commas_and_equal_signs() -> None:
    one = ScramClient("a=,b", "pencil", "nonce", authorization="c,=")
    assert one.start() == b"n,a=c=2C=3D,n=a=3D=2Cb,r=nonce"
    event = converse(one, ScramServer("server"), VERIFIER)
    assert isinstance(event, Proved)
    assert (event.name, event.authorization) == ("a=,b", "c,=")


def test_steps_out_of_turn_are_our_own_fault() -> None:
    server = ScramServer("server")
    with pytest.raises(LocalProtocolError):
        server.supply(VERIFIER)
    server.receive(CLIENT_FIRST)
    with pytest.raises(LocalProtocolError):
        server.receive(CLIENT_FIRST)
    server.supply(VERIFIER)
    with pytest.raises(LocalProtocolError):
        server.supply(VERIFIER)
    with pytest.raises(RemoteProtocolError):
        server.receive(b"")
    with pytest.raises(LocalProtocolError):
        server.receive(CLIENT_FINAL)


@pytest.mark.parametrize(
    ("challenge", "why"),
    [
        (b"r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", "does not continue ours"),
        (b"r=another,s=W22Z,i=4096", "does not continue ours"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=4095", "expected 4096 to 1000000 iterations, not 4095"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=1000001", "not 1000001"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=-5000", "not a number"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=" + b"9" * 5000, "not a number"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=", "not a number"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,s=W2,i=4096", "salt is not base64"),
        (b"r=rOprNGfwEbeRWgbNEkqO1,i=4096", "expected s="),
        (b"m=1,r=rOprNGfwEbeRWgbNEkqO1,s=W22Z,i=4096", "mandatory extension"),
        (b"e=other-error", "expected r="),
        (b"\xff", "not UTF-8"),
    ],
)
def test_challenges_that_a_client_refuses(challenge: bytes, why: str) -> None:
    with pytest.raises(RemoteProtocolError, match=why):
        client().receive(challenge)


@pytest.mark.parametrize(
    ("final", "why"),
    [
        (b"v=AAAA", "does not prove"),
        (b"v=" + b64encode(bytes(32)), "does not prove"),
        (b"e=invalid-proof", "the server refuses: b'invalid-proof'"),
        (b"", "expected v="),
    ],
)
def test_a_client_does_not_believe_a_server_without_proof(final: bytes, why: str) -> None:
    one = client()
    one.receive(SERVER_FIRST)
    with pytest.raises(RemoteProtocolError, match=why):
        one.finish(final)


def test_a_client_does_not_believe_a_success_that_comes_early() -> None:
    with pytest.raises(RemoteProtocolError, match="has not proved"):
        client().finish()
    with pytest.raises(RemoteProtocolError, match="does not prove"):
        client().finish(b"v=AAAA")
    one = client()
    one.receive(SERVER_FIRST)
    with pytest.raises(RemoteProtocolError, match="has not proved"):
        one.finish()


def test_plus_needs_a_binding() -> None:
    with pytest.raises(LocalProtocolError, match="tls-exporter or tls-server-end-point"):
        client(plus=True)


def test_a_client_cannot_have_any_name() -> None:
    with pytest.raises(LocalProtocolError, match="cannot be prepared"):
        ScramClient("us\ner", "pencil", "nonce")


def test_a_verifier_is_kept_as_text() -> None:
    text = str(VERIFIER)
    assert text.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert Verifier.parse(text) == VERIFIER
    assert text.split("$")[2].split(":", maxsplit=1)[0] not in repr(VERIFIER)


@pytest.mark.parametrize("text", ["", "SCRAM-SHA-256$4096:AAAA$AAAA", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA", "a$b:c$d:e"])
def test_what_is_no_verifier(text: str) -> None:
    with pytest.raises(ValueError, match="not a verifier of SCRAM-SHA-256"):
        Verifier.parse(text)


def test_a_fake_verifier_is_always_the_same_for_a_name_and_a_secret() -> None:
    fake = fake_verifier("nobody", b"secret")
    assert fake == fake_verifier("nobody", b"secret")
    others = [fake_verifier("somebody", b"secret"), fake_verifier("nobody", b"Secret")]
    assert len({one.salt for one in [fake, *others]}) == 3
    real = make_verifier("x", Random(0))
    assert (len(fake.salt), len(fake.stored_key), fake.iterations) == (
        len(real.salt),
        len(real.stored_key),
        real.iterations,
    )
    with pytest.raises(RemoteProtocolError, match="the proof is wrong"):
        converse(client(), ScramServer("server"), fake)


def test_a_nonce_is_new_each_time() -> None:
    random = Random(0)
    nonces = {make_nonce(random) for _ in range(100)}
    assert len(nonces) == 100
    assert {len(one) for one in nonces} == {24}


def test_the_most_iterations_are_bounded() -> None:
    assert MAX_ITERATIONS <= 1_000_000


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=100)


@given(NAMES, NAMES, NAMES | st.just(""), st.booleans(), st.booleans())
def test_client_and_server_understand_each_other(
    name: str, password: str, authorization: str, plus: bool, binding: bool
) -> None:
    try:
        prepared = saslprep(name)
    except ValueError:
        return
    bindings = BINDINGS if plus or binding else {}
    verifier = make_verifier(password, Random(0), MIN_ITERATIONS)
    # Both sides have bindings only where they use them: otherwise, rightly, one misses -PLUS.
    one = ScramClient(name, password, "c", authorization=authorization, bindings=bindings, plus=plus)
    server = ScramServer("s", bindings if plus else {}, plus=plus)
    if prepared:
        event = converse(one, server, verifier)
        assert isinstance(event, Proved)
        assert (event.name, event.authorization) == (prepared, authorization)
    else:
        with pytest.raises(RemoteProtocolError, match="the name is empty"):
            converse(one, server, verifier)


@given(st.data())
def test_any_change_under_way_is_found(data: st.DataObject) -> None:
    """Whatever byte of whatever message is changed, never do both sides believe in each other."""
    victim = data.draw(st.integers(0, 3), "message")

    def tampered(number: int, message: bytes) -> bytes:
        if number != victim:
            return message
        at = data.draw(st.integers(0, len(message) - 1), "byte")
        new = data.draw(st.integers(0, 255).filter(lambda byte: byte != message[at]), "value")
        return message[:at] + bytes([new]) + message[at + 1 :]

    one, server = client(), server_of_the_rfc()
    with contextlib.suppress(RemoteProtocolError):
        server.receive(tampered(0, one.start()))
        challenge = server.supply(VERIFIER).data
        event = server.receive(tampered(2, one.receive(tampered(1, challenge))))
        assert isinstance(event, Proved)
        one.finish(tampered(3, event.data))
        pytest.fail("nobody noticed")


@given(st.lists(st.none() | st.binary(max_size=80), max_size=3))
def test_a_server_answers_or_refuses_whatever_comes(messages: list[bytes | None]) -> None:
    server = ScramServer("server", BINDINGS)
    with contextlib.suppress(RemoteProtocolError):
        for message in messages:
            if isinstance(server.receive(message), NameGiven):
                server.supply(VERIFIER)
