"""``Listen``: a string, a table, and what a host reads them by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, create_model

from netforge.plugin import Field, Internet, Listen, Settings, Unix
from netforge.plugin.listen import ListenerTable
from netforge.plugin.settings import Reading


class Serving(Settings):
    """Something that serves."""

    listen: Listen = Field(Listen("tcp:7"), description="where")
    more: list[Listen] = Field([Listen("udp:7"), Listen("tcp:8", {"count": True})], description="where else")


Counted: type[BaseModel] = create_model("Counted", __base__=ListenerTable, count=(bool, False))

READING = Reading(Path("/etc/forge"), Counted)


def errors_of(call: Callable[[], object]) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(ValidationError) as caught:
        call()
    return {error["loc"]: error["msg"] for error in caught.value.errors()}


def test_a_string_is_the_shorthand_of_a_table_with_an_address() -> None:
    assert Serving.model_validate({"listen": "udp:7"}).listen == Listen("udp:7")
    assert Serving.model_validate({"listen": {"address": "udp:7"}}).listen == Listen("udp:7")


def test_a_table_holds_the_keys_of_the_installed_layers() -> None:
    table = {"listen": {"address": "tcp:7", "count": True}}
    listen = Serving.model_validate(table, context=READING).listen
    assert (listen.address, dict(listen.keys)) == (Internet("tcp", "0.0.0.0", 7), {"count": True})


def test_a_table_has_no_further_keys_where_no_layer_is_installed() -> None:
    errors = errors_of(lambda: Serving.model_validate({"listen": {"address": "tcp:7", "count": True}}))
    assert list(errors) == [("listen", "count")]


def test_wrong_keys_are_named_below_the_place_of_their_listener() -> None:
    table = {"more": ["tcp:1", {"adress": "tcp:2", "count": "maybe"}, {"address": "tcp:99999"}, 5, "tcp:x"]}
    errors = errors_of(lambda: Serving.model_validate(table, context=READING))
    assert list(errors) == [
        ("more", 1, "address"),
        ("more", 1, "count"),
        ("more", 1, "adress"),
        ("more", 2, "address"),
        ("more", 3),
        ("more", 4),
    ]
    assert errors["more", 2, "address"] == "Value error, expected a port from 0 to 65535, found '99999'"
    assert errors["more", 3] == "Value error, expected an address or a table with one"


def test_a_wrong_address_in_code_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="expected a port"):
        Listen("tcp:99999")


def test_listeners_are_equal_by_address_and_keys() -> None:
    assert Listen("tcp:7") == Listen(Internet("tcp", "0.0.0.0", 7), {})
    assert Listen("tcp:7") != Listen("tcp:8")
    assert Listen("tcp:7") != Listen("tcp:7", {"count": True})


def test_equal_listeners_have_one_hash_whatever_their_keys_hold() -> None:
    keys = {"names": ["a", "b"]}
    assert hash(Listen("tcp:7", keys)) == hash(Listen("tcp:7", {"names": ["a", "b"]}))
    assert len({Listen("tcp:7"), Listen("tcp:7"), Listen("tcp:7", keys)}) == 2


@pytest.mark.parametrize(("text", "datagram"), [("tcp:7", False), ("udp:7", True), ("unix:x", False), ("fd:3", False)])
def test_a_listener_is_shown_as_its_address_and_knows_its_kind(text: str, datagram: bool) -> None:
    listen = Listen(text)
    assert listen.datagram is datagram
    assert Listen(str(listen)) == listen


def test_a_listener_never_changes() -> None:
    listen: Any = Listen("tcp:7")
    with pytest.raises(AttributeError):
        listen.address = Internet("tcp", "0.0.0.0", 8)


def test_a_unix_path_counts_from_the_folder_of_the_file_also_in_a_table_and_a_default() -> None:
    class Default(Settings):
        """A default."""

        listen: Listen = Field(Listen("unix:default.sock"), description="where")

    table = {"listen": "unix:a.sock", "more": [{"address": "unix:b.sock"}, "unix:/run/c.sock"]}
    read = Serving.model_validate(table, context=READING)
    assert read.listen.address == Unix(Path("/etc/forge/a.sock"))
    assert [one.address for one in read.more] == [Unix(Path("/etc/forge/b.sock")), Unix(Path("/run/c.sock"))]
    assert Default.model_validate({}, context=READING).listen.address == Unix(Path("/etc/forge/default.sock"))


def test_free_ports_are_read_as_0_and_keep_host_and_keys() -> None:
    reading = Reading(Path("/"), Counted, free_ports=True)
    table = {"listen": {"address": "tcp:127.0.0.1:7", "count": True}, "more": ["udp6:9", "unix:/x", "fd:3"]}
    read = Serving.model_validate(table, context=reading)
    assert read.listen == Listen("tcp:127.0.0.1:0", {"count": True})
    assert [str(one) for one in read.more] == ["udp6:[::]:0", "unix:/x", "fd:3"]
    assert Serving.model_validate({}, context=reading).listen == Listen("tcp:0")
    assert [str(one) for one in Serving.model_validate({}, context=reading).more] == ["udp:0.0.0.0:0", "tcp:0.0.0.0:0"]


def test_settings_are_dumped_as_a_file_would_have_them() -> None:
    settings = Serving(more=[Listen("tcp:127.0.0.1:7", {"count": True})])
    dumped = {"listen": "tcp:0.0.0.0:7", "more": [{"address": "tcp:127.0.0.1:7", "count": True}]}
    assert settings.model_dump() == dumped
    assert settings.model_dump(mode="json") == dumped


def test_the_json_schema_is_a_string_or_a_table_with_an_address() -> None:
    properties = Serving.model_json_schema()["properties"]
    schema = properties["listen"]
    string, table = schema["anyOf"]
    assert string["type"] == "string"
    assert (table["type"], table["required"]) == ("object", ["address"])
    assert schema["default"] == "tcp:0.0.0.0:7"
    assert properties["more"]["default"] == ["udp:0.0.0.0:7", {"address": "tcp:0.0.0.0:8", "count": True}]
    assert schema["description"] == "where"
