"""The tests on the page about testing."""

from docs.examples.test_checks import (
    test_a_plugin_of_your_own,
    test_a_protocol,
    test_a_protocol_that_never_closes,
    test_a_service,
)
from docs.examples.test_hello import test_hello
from docs.examples.test_network import test_echo, test_links_and_the_clock, test_what_a_simulation_does_not_have
from docs.examples.test_real_server import test_a_client
from docs.examples.test_strangers import test_amp, test_treq

__all__ = [
    "test_a_client",
    "test_a_plugin_of_your_own",
    "test_a_protocol",
    "test_a_protocol_that_never_closes",
    "test_a_service",
    "test_amp",
    "test_echo",
    "test_hello",
    "test_links_and_the_clock",
    "test_treq",
    "test_what_a_simulation_does_not_have",
]
