"""The bus on Redis: what becomes of it when Redis is slow, gone, or back."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import LogEvent, formatEvent

from netforge.shared.bus import redisbus, redissession
from tests.shared.bus.conftest import OnRedis, Redis, Station

pytestmark = pytest.mark.real


def told(events: list[LogEvent]) -> list[str]:
    """What the log was told of the bus."""
    return [formatEvent(event) for event in events if event.get("log_namespace") == "test.bus"]


async def refused(waiting: Deferred[Any]) -> str:
    """The message of the error."""
    with pytest.raises(ConnectionError) as error:
        await waiting
    return str(error.value)


def test_it_comes_back_by_itself(on_redis: OnRedis, redis: Redis, events: list[LogEvent]) -> None:
    async def scenario(station: Station) -> None:
        bus: Any = station.bus
        await station.subscribe("a")
        await station.subscribe("b", topic="other")
        bus.check()
        for _ in range(2):
            station.received.clear()
            redis.kill()
            await station.until(lambda: bus._session is None)
            expected = f"the bus cannot reach {redis.url}: "
            assert (await refused(bus.publish("topic", b"lost"))).startswith(expected)
            assert (await refused(bus.subscribe("topic", print))).startswith(expected)
            with pytest.raises(ConnectionError, match="cannot reach"):
                bus.check()
            await station.sleep(1)
            redis.start()
            await station.until(lambda: bus._session is not None)
            bus.check()
            await bus.publish("topic", b"1")
            await bus.publish("other", b"2")
            await station.rest()
            assert station.received == [("a", b"1"), ("b", b"2")]

    on_redis(scenario)
    lost, back, *again = [message.partition(": ")[0] for message in told(events)]
    assert (lost, back) == (f"the bus has lost {redis.url}", f"the bus has reached {redis.url} again")
    assert again == [lost, back]


def test_who_waits_is_told_when_redis_dies(on_redis: OnRedis, redis: Redis) -> None:
    async def scenario(station: Station) -> None:
        os.kill(redis.process.pid, signal.SIGSTOP)
        waiting: list[Deferred[Any]] = [station.bus.publish("topic", b"1"), station.bus.subscribe("topic", print)]
        await station.sleep(0.1)
        waiting += [station.bus.publish("topic", b"2")]
        assert not any(one.called for one in waiting)
        redis.kill()
        results = await DeferredList(waiting, consumeErrors=True)
        assert [result.check(ConnectionError) for _, result in results] == [ConnectionError] * 3

    on_redis(scenario)


def test_a_redis_that_hangs_is_given_up(
    on_redis: OnRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch, events: list[LogEvent]
) -> None:
    monkeypatch.setattr(redisbus, "PATIENCE", 0.3)

    async def scenario(station: Station) -> None:
        await station.subscribe("a")
        os.kill(redis.process.pid, signal.SIGSTOP)
        assert "Timeout" in await refused(station.bus.publish("topic", b"1"))
        await station.sleep(0.5)
        os.kill(redis.process.pid, signal.SIGCONT)
        await station.until(lambda: station.bus._session is not None)  # type: ignore[attr-defined]  # RedisBus's
        station.received.clear()
        await station.bus.publish("topic", b"2")
        await station.rest()
        assert station.received == [("a", b"2")]

    on_redis(scenario)
    assert len(told(events)) == 2


def test_what_waits_for_redis_is_bounded(on_redis: OnRedis, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redissession, "MOST_WAITING", 10)

    async def scenario(station: Station) -> None:
        first = station.bus.publish("topic", b"1234567890")
        assert await refused(station.bus.publish("topic", b"1")) == "Redis is too slow: 10 bytes wait for it"
        await first
        await station.bus.publish("topic", b"1234567890")

    on_redis(scenario)


def test_topics_that_nobody_listens_to_are_given_up(on_redis: OnRedis, redis: Redis) -> None:
    async def scenario(station: Station) -> None:
        one, two = await station.subscribe("a"), await station.subscribe("b")
        one.cancel()
        await station.rest()
        assert redis.ask("pubsub", "numsub", "topic").split() == ["topic", "1"]
        two.cancel()
        await station.rest()
        assert redis.ask("pubsub", "numsub", "topic").split() == ["topic", "0"]

    on_redis(scenario)


def test_a_topic_is_not_given_up_while_somebody_is_about_to_listen(on_redis: OnRedis) -> None:
    async def scenario(station: Station) -> None:
        one = await station.subscribe("a")
        joining = station.bus.subscribe("topic", lambda message: station.received.append(("b", message)))
        one.cancel()
        await joining
        await station.rest()
        await station.bus.publish("topic", b"1")
        await station.rest()
        assert station.received == [("b", b"1")]

    on_redis(scenario)


def test_a_topic_that_was_not_waited_for_is_given_up(on_redis: OnRedis, redis: Redis) -> None:
    async def scenario(station: Station) -> None:
        station.bus.subscribe("topic", print).addErrback(lambda failure: None).cancel()
        await station.rest()
        await station.rest()
        assert redis.ask("pubsub", "numsub", "topic").split() == ["topic", "0"]

    on_redis(scenario)


def test_a_stop_leaves_nothing_connected(on_redis: OnRedis, redis: Redis) -> None:
    stations = []

    async def scenario(station: Station) -> None:
        await station.subscribe("a")
        stations.append(station)
        assert len(redis.ask("client", "list").splitlines()) == 2 + 1

    on_redis(scenario)
    # Only who asks.
    assert len(redis.ask("client", "list").splitlines()) == 1
    results: list[Any] = []
    stations[0].bus.publish("topic", b"1").addBoth(results.append)
    assert "it was stopped" in results[0].getErrorMessage()


def test_a_redis_that_is_not_there_fails_the_start(on_redis: OnRedis, redis: Redis) -> None:
    async def scenario(station: Station) -> None:
        pytest.fail("it has started")

    redis.kill()
    with pytest.raises(ConnectionError, match=f"the bus cannot reach {redis.url}: .*[Cc]onnect"):
        on_redis(scenario)


def test_passwords_and_users(on_redis: OnRedis, redis: Redis) -> None:
    user = "--user ada on >hers ~* +@all resetchannels &chat.*"
    redis.restart("--requirepass", "secret", *user.split())
    hers = redis.url.replace("//", "//ada@")

    async def scenario(station: Station) -> None:
        await station.bus.publish("chat.a", b"1")

    async def refusing(station: Station) -> None:
        await station.bus.publish("chat.a", b"1")
        assert "Redis does not take the message" in await refused(station.bus.publish("topic", b"1"))
        await station.bus.publish("chat.a", b"1")

    on_redis(scenario, password="secret")
    on_redis(refusing, url=hers, password="hers")
    for url, password in ((redis.url, "wrong"), (redis.url, None), (hers, "secret")):
        with pytest.raises(ConnectionError) as error:
            on_redis(scenario, url=url, password=password)
        assert "wrong" not in str(error.value)
        assert "secret" not in str(error.value)


def test_over_a_unix_socket(on_redis: OnRedis, redis: Redis, tmp_path: Path) -> None:
    redis.restart("--unixsocket", str(tmp_path / "redis.sock"))

    async def scenario(station: Station) -> None:
        await station.subscribe("a")
        await station.bus.publish("topic", b"1")
        await station.rest()
        assert station.received == [("a", b"1")]

    on_redis(scenario, url=f"unix://{tmp_path}/redis.sock")


def test_over_tls(on_redis: OnRedis, redis: Redis, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=Redis", "-addext", "subjectAltName=IP:127.0.0.1"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    make: list[Any] = ["openssl", "req", *kind, "-keyout", key, "-out", certificate, *subject]
    subprocess.run(make, check=True, capture_output=True)
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-auth-clients", "no"]
    redis.restart("--port", "0", "--tls-port", str(redis.port), *files)
    url = redis.url.replace("redis:", "rediss:")

    async def scenario(station: Station) -> None:
        await station.subscribe("a")
        await station.bus.publish("topic", b"1")
        await station.rest()
        assert station.received == [("a", b"1")]

    with pytest.raises(ConnectionError, match="certificate verify failed"):
        on_redis(scenario, url=url)
    on_redis(scenario, url=f"{url}?ssl_ca_certs={certificate}")
