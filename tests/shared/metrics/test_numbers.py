"""Metrics of prometheus-client, as the rest of netforge sees them."""

from __future__ import annotations

import pytest
from twisted.logger import LogEvent
from zope.interface.verify import verifyObject

from netforge.plugin import IMetrics
from netforge.shared.metrics.numbers import SECONDS, Numbers


@pytest.fixture
def numbers() -> Numbers:
    return Numbers()


def shown(numbers: Numbers, name: str) -> dict[str, float]:
    """The samples whose names begin so, by name and labels."""
    lines = numbers.show("")[1].decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith(name) and "_created" not in line)
    return {sample: float(value) for sample, value in found.items()}


def test_they_are_metrics(numbers: Numbers) -> None:
    assert verifyObject(IMetrics, numbers)


def test_a_counter_counts_by_labels(numbers: Numbers) -> None:
    counter = numbers.counter("netforge_things_total", "Things", ["kind", "place"])
    counter.labels("a", "here").inc()
    counter.labels("a", "here").inc(2.5)
    counter.labels("b", "there").inc()
    assert shown(numbers, "netforge_things") == {
        'netforge_things_total{kind="a",place="here"}': 3.5,
        'netforge_things_total{kind="b",place="there"}': 1,
    }


def test_a_gauge_is_set_changed_read_and_forgotten(numbers: Numbers) -> None:
    gauge = numbers.gauge("netforge_level", "Level", ["of"])
    gauge.labels("a").set(5)
    gauge.labels("a").inc()
    gauge.labels("a").dec(3)
    gauge.labels("b").set_function(lambda: 7)
    assert shown(numbers, "netforge_level") == {'netforge_level{of="a"}': 3, 'netforge_level{of="b"}': 7}
    gauge.remove("a")
    assert shown(numbers, "netforge_level") == {'netforge_level{of="b"}': 7}


def test_a_gauge_that_cannot_be_read_is_not_a_number_and_hides_no_other(
    numbers: Numbers, events: list[LogEvent]
) -> None:
    numbers.gauge("netforge_broken", "Broken").set_function(lambda: 1 / 0)
    numbers.gauge("netforge_whole", "Whole").set(1)
    assert str(shown(numbers, "netforge_broken")) == "{'netforge_broken': nan}"
    assert shown(numbers, "netforge_whole") == {"netforge_whole": 1}
    assert events[0]["log_failure"].check(ZeroDivisionError)
    assert events[0]["name"] == "netforge_broken"


def test_a_histogram_has_buckets_for_seconds_unless_told_otherwise(numbers: Numbers) -> None:
    numbers.histogram("netforge_wait_seconds", "Wait").observe(0.3)
    numbers.histogram("netforge_size_bytes", "Size", buckets=[10, 100]).observe(11)
    wait = shown(numbers, "netforge_wait_seconds")
    assert len([name for name in wait if "bucket" in name]) == len(SECONDS) + 1
    assert (wait['netforge_wait_seconds_bucket{le="0.25"}'], wait['netforge_wait_seconds_bucket{le="0.5"}']) == (0, 1)
    size = shown(numbers, "netforge_size_bytes")
    assert (size['netforge_size_bytes_bucket{le="10.0"}'], size['netforge_size_bytes_bucket{le="100.0"}']) == (0, 1)
    assert size["netforge_size_bytes_sum"] == 11


def test_the_same_name_is_the_same_metric(numbers: Numbers) -> None:
    assert numbers.counter("netforge_a_total", "A", ["x"]) is numbers.counter("netforge_a_total", "Again", ("x",))
    assert numbers.gauge("netforge_b", "B") is numbers.gauge("netforge_b", "B")
    assert numbers.histogram("netforge_c", "C") is numbers.histogram("netforge_c", "C")


def test_a_name_is_of_one_kind_with_one_set_of_labels(numbers: Numbers) -> None:
    numbers.counter("netforge_a_total", "A", ["x", "y"])
    expected = "netforge_a_total is a counter with the labels x, y already, so it cannot be a {}"
    for make, words in (
        (lambda: numbers.gauge("netforge_a_total", "A", ["x", "y"]), "gauge with the labels x, y"),
        (lambda: numbers.counter("netforge_a_total", "A"), r"counter with the labels \(none\)"),
    ):
        with pytest.raises(ValueError, match=expected.format(words)):
            make()
    with pytest.raises(ValueError, match="Duplicated"):
        numbers.gauge("netforge_a", "A")


def test_the_process_is_measured(numbers: Numbers) -> None:
    assert shown(numbers, "process_open_fds")["process_open_fds"] > 2
    assert shown(numbers, "process_resident_memory_bytes")["process_resident_memory_bytes"] > 1e6


def test_the_format_is_the_one_that_is_asked_for(numbers: Numbers) -> None:
    kind, text = numbers.show("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    assert text.endswith(b"# EOF\n")
    kind, text = numbers.show("*/*")
    assert kind.startswith("text/plain; version=0.0.4")
    assert not text.endswith(b"# EOF\n")


def test_two_hosts_in_one_process_share_nothing(numbers: Numbers) -> None:
    numbers.gauge("netforge_own", "Own").set(1)
    assert shown(Numbers(), "netforge_own") == {}
