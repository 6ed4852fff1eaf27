"""Where keys and array elements stand, by example and against tomllib."""

from __future__ import annotations

import contextlib
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netforge.host.settings.positions import Key, Position, scan


def places(text: str) -> dict[Key, tuple[int, str]]:
    """Line and text of everything in *text*, once tomllib has agreed that there is nothing else."""
    found = scan(text)
    assert set(found) == set(walk(tomllib.loads(text)))
    return {key: (place.line, text[place.start : place.end]) for key, place in found.items()}


def walk(value: Any, path: Key = ()) -> dict[Key, Any]:
    """Every key and index below *value*, with what stands there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below: dict[Key, Any] = {}
    for step, part in inside:
        below[*path, step] = part
        below |= walk(part, (*path, step))
    return below


def test_nothing() -> None:
    assert scan("") == {}
    assert scan(" \t\n# a comment = 1\r\n# [no] end") == {}


def test_a_position_counts_lines_from_one_and_characters_from_zero() -> None:
    assert scan("# é🎈\n  port = 1 # b = 2\n") == {("port",): Position(line=2, start=7, end=11)}


def test_key_styles() -> None:
    text = 'bare-_1=1\n"a \\"= \\u00e9"=2\n\'c:\\d " #\'=3\n\'\'=4\n1234 = 5\n"\\\\" = 6'
    assert places(text) == {
        ("bare-_1",): (1, "bare-_1"),
        ('a "= é',): (2, '"a \\"= \\u00e9"'),
        ('c:\\d " #',): (3, "'c:\\d \" #'"),
        ("",): (4, "''"),
        ("1234",): (5, "1234"),
        ("\\",): (6, '"\\\\"'),
    }


def test_dotted_keys_stand_each_at_its_own_part() -> None:
    text = "a . \"b.c\"\t.'d' = 1\na.e = 2\n3.14 = 3"
    assert places(text) == {
        ("a",): (1, "a"),
        ("a", "b.c"): (1, '"b.c"'),
        ("a", "b.c", "d"): (1, "'d'"),
        ("a", "e"): (2, "e"),
        ("3",): (3, "3"),
        ("3", "14"): (3, "14"),
    }
    assert scan(text)["a",].start == 0, "the first mention"


def test_tables_stand_at_their_first_mention() -> None:
    text = '[services.echo]\nport = 7\n[ services . "a b" ] # why\nport=8\n[services]\nall=true'
    assert places(text) == {
        ("services",): (1, "services"),
        ("services", "echo"): (1, "echo"),
        ("services", "echo", "port"): (2, "port"),
        ("services", "a b"): (3, '"a b"'),
        ("services", "a b", "port"): (4, "port"),
        ("services", "all"): (6, "all"),
    }


def test_arrays_of_tables() -> None:
    text = (
        "[[fruit]]\nname=1\n[fruit.variety]\nx=1\n[[fruit.colour]]\n[[fruit.colour]]\n"
        "[[fruit]]\n[[ fruit.colour ]]\nx.y=1\n[fruit.colour.z]"
    )
    assert places(text) == {
        ("fruit",): (1, "fruit"),
        ("fruit", 0): (1, "fruit"),
        ("fruit", 0, "name"): (2, "name"),
        ("fruit", 0, "variety"): (3, "variety"),
        ("fruit", 0, "variety", "x"): (4, "x"),
        ("fruit", 0, "colour"): (5, "colour"),
        ("fruit", 0, "colour", 0): (5, "colour"),
        ("fruit", 0, "colour", 1): (6, "colour"),
        ("fruit", 1): (7, "fruit"),
        ("fruit", 1, "colour"): (8, "colour"),
        ("fruit", 1, "colour", 0): (8, "colour"),
        ("fruit", 1, "colour", 0, "x"): (9, "x"),
        ("fruit", 1, "colour", 0, "x", "y"): (9, "y"),
        ("fruit", 1, "colour", 0, "z"): (10, "z"),
    }


@pytest.mark.parametrize(
    "value",
    [
        *("1", "+1_000", "0xdead_beef", "6.26e-34", "-inf", "nan", "true"),
        *("1979-05-27", "07:32:00.5", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00-07:00", "1979-05-27 07:32:00"),
        *('""', "''", '"]#,}=\\\\"', '"\\"]"', "'\\'", "'\"'", '"\'"'),
        *('""""""', "''''''", '"""a""b"c\\"""d"""', "'''a''b'c'''", '"""""two"""', "'''''two'''"),
        *('"""a""""', '"""a"""""', "'''a''''", "'''a'''''", '""""""""', "''''''''", '"""\\\\"""', "'''\\'''"),
        *('"""\n[no]\r\nno = 1 # "\n"""', '"""a\\\n  b\\\r\n  """', "'''\n[no]\nno = 1 # '\n'''"),
        *("[]", "{}", "[ ]", "{ }", "[\n#]\n]"),
    ],
)
def test_values_are_stepped_over_whole(value: str) -> None:
    text = f"a = [{value},{value} ]\nb = {value}#\nc={{d={value},e = {value} }}\nf = 1"
    line = 1 + value.count("\n")
    assert {key: place for key, place in places(text).items() if len(key) < 3} == {
        ("a",): (1, "a"),
        ("a", 0): (1, value),
        ("a", 1): (line, value),
        ("b",): (2 * line, "b"),
        ("c",): (3 * line, "c"),
        ("c", "d"): (3 * line, "d"),
        ("c", "e"): (4 * line - 1, "e"),
        ("f",): (5 * line - 1, "f"),
    }


def test_arrays_over_lines() -> None:
    text = 'a = [ # ]\n  [1, 2,], # one\n\n  # "none\n  "x" # [\n  , { b = [\n3] },\n]\nc = 4'
    assert places(text) == {
        ("a",): (1, "a"),
        ("a", 0): (2, "[1, 2,]"),
        ("a", 0, 0): (2, "1"),
        ("a", 0, 1): (2, "2"),
        ("a", 1): (5, '"x"'),
        ("a", 2): (6, "{ b = [\n3] }"),
        ("a", 2, "b"): (6, "b"),
        ("a", 2, "b", 0): (7, "3"),
        ("c",): (9, "c"),
    }


def test_inline_tables() -> None:
    text = "[t]\nlisten = [{address = 'tcp:7', tls.on=true}, {tls = { on = { } }}]"
    assert places(text) == {
        ("t",): (1, "t"),
        ("t", "listen"): (2, "listen"),
        ("t", "listen", 0): (2, "{address = 'tcp:7', tls.on=true}"),
        ("t", "listen", 0, "address"): (2, "address"),
        ("t", "listen", 0, "tls"): (2, "tls"),
        ("t", "listen", 0, "tls", "on"): (2, "on"),
        ("t", "listen", 1): (2, "{tls = { on = { } }}"),
        ("t", "listen", 1, "tls"): (2, "tls"),
        ("t", "listen", 1, "tls", "on"): (2, "on"),
    }


def test_only_line_feeds_end_lines() -> None:
    text = "a = '\u2028\u0085'\r\nb = [\r\n1]\nc = 1"
    assert places(text) == {("a",): (1, "a"), ("b",): (2, "b"), ("b", 0): (3, "1"), ("c",): (4, "c")}


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ("{a=", "}"), ("[{a=", "}]")])
def test_what_tomllib_could_nest_can_be_scanned(opens: str, closes: str) -> None:
    for depth in range(1000, 0, -10):
        text = f"a={opens * depth}0{closes * depth}"
        with contextlib.suppress(RecursionError):
            tomllib.loads(text)
            break
    assert depth > 50
    assert len(scan(text)) == 1 + depth * len(closes)


@pytest.mark.parametrize("text", ["=", "a = ", "a = [", "a = {", "[", "[[a", "a.", '"', "a = '", "\ufeff", "é = 1"])
def test_what_is_not_toml_is_an_error_or_nothing_but_never_a_loop(text: str) -> None:
    try:
        scan(text)
    except ValueError as error:
        assert "TOML" in str(error)


@settings(deadline=None)
@given(st.text(alphabet="a.=[]{},#\"'\\ \n\r1é"))
def test_any_text_comes_to_an_end(text: str) -> None:
    try:
        found = scan(text)
    except ValueError:
        found = {}
        with pytest.raises(tomllib.TOMLDecodeError):
            tomllib.loads(text)
    assert all(0 <= place.start <= place.end <= len(text) for place in found.values())


# A writer of documents. It draws what to write and in which style, and marks what it has written where.


class Mark(NamedTuple):
    """Stands before and after what the scanner should find for the key."""

    key: Key


Pieces: TypeAlias = list[str | Mark]

NAMES = st.sampled_from(["a", "b", "c-d", "_", "1", "true", "inf"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
SCALARS = st.sampled_from(
    [
        *("0", "-1_0", "0o7", "1e3", "-0.5", "inf", "+nan", "true", "false"),
        *("1979-05-27", "07:32:00", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00.25-07:00"),
        *("''", '""', "'# \"'", "'\\'", '"]\\\\"', '"\\"}"', '"é = [\\u00e9]"'),
    ]
)
LINES = st.lists(
    st.sampled_from(["a", "é", "#", "[x]\n", "k = 1\n", "\n", "\\\\", "\\\n ", '\\"', '"', '""', "'", "''"]), max_size=6
)
SPACES = st.sampled_from(["", "", " ", "\t", "  "])
BREAKS = st.sampled_from(["", "", " ", "\n", "\n\n", " # [a]\n  ", "# 'b = 1\n#\n"])
ENDS = st.sampled_from(["\n", "\n\n", " # ] } ' = \"\n", "#\n", "\n  # [c]\n\t"])


class Writer:
    """Writes pieces of a document at the keys that it is given. Depths say how many levels may follow."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def names(self, least: int, most: int) -> list[str]:
        return self.draw(st.lists(NAMES, min_size=least, max_size=most, unique=True))

    def name(self, name: str) -> str:
        styles = [json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")]
        styles += ['"' + "".join(f"\\U{ord(character):08x}" for character in name) + '"']
        styles += [name] * 3 if re.fullmatch("[A-Za-z0-9_-]+", name) else []
        styles += [f"'{name}'"] if name.isprintable() and "'" not in name else []
        return self.draw(st.sampled_from(styles))

    def key(self, table: Key, path: Key, *last: Mark) -> Pieces:
        """Write *path* below *table*, with dots between the names. An index is not written."""
        pieces: Pieces = [self.draw(SPACES)]
        for size, name in enumerate(path, 1):
            if isinstance(name, str):
                marks = [Mark((*table, *path[:size])), *(last if size == len(path) else ())]
                dot = "." + self.draw(SPACES) if size > 1 else ""
                pieces += [dot, *marks, self.name(name), *marks, self.draw(SPACES)]
        return pieces

    def pairs(self, table: Key, depth: int, names: list[str]) -> Iterator[Pieces]:
        """Write a value for each name, or several if dots follow it, in any order."""
        paths = [path for name in names for path in self.dotted((name,), depth)]
        for path in self.draw(st.permutations(paths)):
            yield [*self.key(table, path), "=", self.draw(SPACES), *self.value((*table, *path), depth)]

    def dotted(self, path: Key, depth: int) -> Iterator[Key]:
        if depth and self.draw(st.integers(0, 3)) == 3:
            for name in self.names(1, 2):
                yield from self.dotted((*path, name), depth - 1)
        else:
            yield path

    def value(self, path: Key, depth: int) -> Pieces:
        kinds = ["scalar", "lines"] + ["array", "inline table"] * (depth > 0)
        match self.draw(st.sampled_from(kinds)):
            case "array":
                return self.array(path, depth - 1)
            case "inline table":
                return self.inline_table(path, depth - 1)
            case "lines":
                return [self.lines()]
        return [self.draw(SCALARS)]

    def lines(self) -> str:
        quote = self.draw(st.sampled_from(["'", '"']))
        text = ""
        for part in self.draw(LINES):
            text += " " + part if text[-1:] == part[0] == quote else part  # three in a row would close it
        return quote * 3 + text + quote * 3

    def array(self, array: Key, depth: int) -> Pieces:
        pieces: Pieces = ["[", self.draw(BREAKS)]
        size = self.draw(st.integers(0, 3))
        for index in range(size):
            mark = Mark((*array, index))
            comma = "," if index < size - 1 else self.draw(st.sampled_from(["", ","]))
            pieces += [mark, *self.value(mark.key, depth), mark, self.draw(BREAKS), comma, self.draw(BREAKS)]
        return [*pieces, "]"]

    def inline_table(self, table: Key, depth: int) -> Pieces:
        pieces: Pieces = []
        for pair in self.pairs(table, depth, self.names(0, 2)):
            pieces += [*([","] if pieces else []), *pair, self.draw(SPACES)]
        return ["{", self.draw(SPACES), *pieces, "}"]

    def table(self, table: Key, depth: int, header: Pieces) -> tuple[Pieces, list[Pieces]]:
        """Write the table's own section, and those below it, which may come in any order."""
        names = self.names(0, 3)
        first, second = sorted(self.draw(st.tuples(*[st.integers(0, len(names))] * 2))) if depth else [len(names)] * 2
        own = [*header]
        for pair in self.pairs(table, 2, names[:first]):
            own += [*pair, self.draw(ENDS)]
        below: list[Pieces] = []
        for name in names[first:second]:
            path = (*table, name)
            section, sections = self.table(path, depth - 1, ["[", *self.key((), path), "]", self.draw(ENDS)])
            unsaid = sections and "=" not in section and self.draw(st.booleans())
            below += sections if unsaid else [section, *sections]
        below += [self.array_of_tables((*table, name), depth - 1) for name in names[second:]]
        return own, self.draw(st.permutations(below))

    def array_of_tables(self, array: Key, depth: int) -> Pieces:
        pieces: Pieces = []
        for index in range(self.draw(st.integers(1, 3))):
            mark = Mark((*array, index))
            own, below = self.table(mark.key, depth, ["[[", *self.key((), array, mark), "]]", self.draw(ENDS)])
            pieces += own + [piece for section in below for piece in section]
        return pieces


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[Key, Position]]:
    """A text, and where each key and each element is first mentioned in it."""
    own, below = Writer(draw).table((), 2, [draw(BREAKS)])
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    text, starts, marked = "", dict[Mark, int](), dict[Key, Position]()
    for piece in [*own, *(piece for section in below for piece in section)]:
        if isinstance(piece, str):
            text += piece.replace("\n", newline)
        elif piece in starts:
            start = starts.pop(piece)
            marked.setdefault(piece.key, Position(text.count("\n", 0, start) + 1, start, len(text)))
        else:
            starts[piece] = len(text)
    return text, marked


@settings(deadline=None)  # how long it takes says more about the machine
@given(documents())
def test_everything_that_tomllib_reads_has_its_position(document: tuple[str, dict[Key, Position]]) -> None:
    text, marked = document
    values = walk(tomllib.loads(text))
    found = scan(text)
    assert set(found) == set(values)
    assert found == marked
    for key, place in found.items():
        if isinstance(key[-1], str):
            assert tomllib.loads(text[place.start : place.end] + " = 1") == {key[-1]: 1}
