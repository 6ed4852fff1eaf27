"""Reading a settings file and what it includes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netforge.host.settings import read_document, read_table, read_text
from netforge.host.settings.document import Document, dotted

# ``folder`` makes the temporary folder the working directory.
pytestmark = pytest.mark.usefixtures("folder")


def read(**files: str) -> Document:
    """Write files, ``a__b=...`` as ``a/b.toml``, and read ``forge.toml``."""
    for name, text in files.items():
        path = Path(f"{name.replace('__', '/')}.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return read_document(Path("forge.toml"))


def problems(document: Document) -> list[str]:
    return [str(problem) for problem in document.problems]


def services(document: Document) -> dict[str, Any]:
    assert problems(document) == []
    found: dict[str, Any] = document.tree["services"]
    return found


def test_a_file_is_its_tables() -> None:
    document = read(forge="[netforge]\nstate = 's'\n[services.echo]\nidle = 3\n")
    assert document.tree == {"netforge": {"state": "s"}, "services": {"echo": {"idle": 3}}}
    assert document.folder == Path.cwd()
    assert document.where(("services", "echo", "idle")) == "forge.toml:4"
    assert document.where(("services", "echo", "listen")) == "forge.toml:3", "the table, where the key is missing"
    assert document.where(("nothing",)) == "forge.toml"


def test_a_missing_file_is_an_os_error() -> None:
    with pytest.raises(FileNotFoundError):
        read_document(Path("missing.toml"))


def test_a_file_elsewhere_is_named_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "forge.toml").write_text("x =")
    monkeypatch.chdir("here")
    [problem] = read_document(tmp_path / "forge.toml").problems
    assert problem.where == f"{tmp_path}/forge.toml"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[services.echo]\nidle = \n", "forge.toml:2: not TOML: Invalid value, column 8"),
        ("a = 1\nb = 2\nc 3\n", "forge.toml:3: not TOML: Expected '=' after a key in a key/value pair, column 3"),
        ("a = 1\na = 2\n", "forge.toml:2: not TOML: Cannot overwrite a value, column 6"),
        ("a = [1", "forge.toml: not TOML: Unclosed array (at end of document)"),
    ],
)
def test_a_syntax_error_has_its_line_and_column(text: str, expected: str) -> None:
    assert problems(read(forge=text)) == [expected]


def test_a_file_that_is_not_utf_8_says_where() -> None:
    Path("forge.toml").write_bytes(b'a = "gr\xfc\xdfe"\n')
    assert problems(read_document(Path("forge.toml"))) == ["forge.toml: not UTF-8 at byte 7, as TOML must be"]


def test_a_file_may_begin_with_a_byte_order_mark() -> None:
    Path("forge.toml").write_bytes(b"\xef\xbb\xbf[services.a]\nsize = 1\n")
    document = read_document(Path("forge.toml"))
    assert (document.problems, services(document)) == ([], {"a": {"size": 1}})
    assert document.where(("services", "a", "size")) == "forge.toml:2"


def test_brackets_without_end_are_an_error_of_the_file() -> None:
    assert problems(read(forge="x = " + "[" * 100_000)) == ["forge.toml: brackets are nested too deeply"]


def test_lines_may_end_in_cr_lf() -> None:
    Path("forge.toml").write_bytes(b'[services.echo]\r\nquotes = "a"\r\nidle = 3\r\n')
    document = read_document(Path("forge.toml"))
    assert services(document) == {"echo": {"quotes": "a", "idle": 3}}
    assert document.where(("services", "echo", "idle")) == "forge.toml:3"


def test_an_included_file_adds_its_entries_and_counts_paths_from_itself() -> None:
    document = read(forge='include = "sub/more.toml"\n[services.a]\n', sub__more="[services.b]\n[shared.bus]\n")
    assert services(document) == {"a": {}, "b": {}}
    assert document.folder_of(("services", "a")) == Path.cwd()
    assert document.folder_of(("services", "b", "quotes")) == Path.cwd() / "sub"
    assert document.where(("shared", "bus")) == "sub/more.toml:2"


def test_includes_are_a_name_or_a_list_with_stars_for_many_in_order() -> None:
    document = read(
        forge='include = ["conf.d/*.toml", "last.toml"]\n',
        last="[services.last]",
        **{"conf.d__2": "[services.two]", "conf.d__1": "[services.one]", "conf.d__10": "[services.ten]"},
    )
    assert list(services(document)) == ["one", "ten", "two", "last"]


def test_a_pattern_that_fits_nothing_includes_nothing() -> None:
    assert services(read(forge='include = "conf.d/*.toml"\n[services.a]')) == {"a": {}}


def test_included_files_include_relative_to_themselves() -> None:
    document = read(forge='include = "a/a.toml"\n', a__a='include = "b/b.toml"\n[services.a]', a__b__b="[services.b]\n")
    assert list(services(document)) == ["a", "b"]


def test_a_missing_include_is_said_with_its_line() -> None:
    document = read(forge='\ninclude = [\n  "there.toml",\n  "missing.toml",\n]\n', there="")
    assert problems(document) == ["forge.toml:4: include: missing.toml: no such file"]


def test_an_include_that_cannot_be_read_is_said_with_its_line() -> None:
    Path("folder.toml").mkdir()
    document = read(forge='\ninclude = "folder.toml"\n')
    assert problems(document) == ["forge.toml:2: include: cannot read folder.toml: Is a directory"]


@pytest.mark.parametrize("value", ["5", "[1]", '["a", 1]', "{a = 1}"])
def test_an_include_of_another_type_says_what_it_should_be(value: str) -> None:
    document = read(forge=f"# first\ninclude = {value}\n")
    assert problems(document) == ["forge.toml:2: include: expected a file name or a list of them, with * for many"]


@pytest.mark.parametrize("spelling", ["forge.toml", "../{}/forge.toml", "sub/../forge.toml", "link.toml"])
def test_a_circle_of_includes_is_an_error_however_it_is_spelt(tmp_path: Path, spelling: str) -> None:
    Path("link.toml").symlink_to("forge.toml")
    Path("sub").mkdir()
    name = spelling.format(tmp_path.name)
    document = read(forge='include = "a.toml"\n', a=f'\ninclude = "{name}"\n[services.a]')
    assert problems(document) == [
        f"a.toml:2: include: {name}: was read already; include a file once, and never from itself"
    ]


def test_a_file_that_is_read_by_a_link_does_not_include_itself() -> None:
    Path("link.toml").symlink_to("forge.toml")
    Path("forge.toml").write_text('include = "forge.toml"')
    [problem] = read_document(Path("link.toml")).problems
    assert problem.where == "link.toml:1"


def test_a_file_that_two_files_include_is_read_once() -> None:
    document = read(
        forge='include = ["a.toml", "b.toml"]', a='include = "c.toml"', b='include = "c.toml"', c="[services.c]"
    )
    assert problems(document) == [
        "b.toml:1: include: c.toml: was read already; include a file once, and never from itself"
    ]


def test_a_pattern_passes_over_the_file_that_it_stands_in() -> None:
    document = read(forge='include = "*.toml"\n[services.a]', other="[services.b]")
    assert list(services(document)) == ["a", "b"]


@pytest.mark.parametrize("header", ["[services.echo]", "[shared.bus]", "[netforge]"])
def test_an_entry_in_two_files_names_both_places(header: str) -> None:
    document = read(forge=f'include = "more.toml"\n{header}\n', more=f"\n\n{header}\n")
    assert problems(document) == [f"more.toml:3: {header[1:-1]}: is in forge.toml:2 already"]


@pytest.mark.parametrize(("forge", "more"), [("services = 5", "[services.a]"), ("[services.a]", "services = 5")])
def test_a_group_that_is_no_table_is_an_error_beside_one_that_is(forge: str, more: str) -> None:
    document = read(forge=f'include = "more.toml"\n{forge}', more=more)
    place = "forge.toml:2" if "5" in forge else "more.toml:1"
    assert problems(document) == [f"{place}: services: expected a table"]
    assert document.tree["services"] == {"a": {}}


def test_the_problems_of_every_file_are_found() -> None:
    document = read(
        forge='include = ["bad.toml", "missing.toml", "good.toml"]\n[services.a]\nx = "${env:NOT_SET_1}"\n',
        bad="a =\n",
        good="[services.a]\n[services.b]\nx = '${file:none}'\n",
    )
    assert problems(document) == [
        "forge.toml:3: services.a.x: the environment has no NOT_SET_1",
        "bad.toml:1: not TOML: Invalid value, column 4",
        "forge.toml:1: include: missing.toml: no such file",
        "good.toml:1: services.a: is in forge.toml:2 already",
        "good.toml:3: services.b.x: cannot read none: No such file or directory",
    ]


def test_a_problem_is_said_once() -> None:
    document = read(forge="[services.a]\n")
    document.add_problem(("services", "a"), "is odd")
    document.add_problem(("services", "a"), "is odd")
    assert problems(document) == ["forge.toml:1: services.a: is odd"]


def test_a_text_is_read_as_if_it_stood_in_a_file() -> None:
    Path("more.toml").write_text("[services.b]")
    document = read_text('include = "more.toml"\n[services.a]', Path(), "the lab")
    assert list(services(document)) == ["a", "b"]
    assert document.where(("services", "a")) == "the lab:2"
    assert document.folder_of(("services", "a")) == Path.cwd()


def test_what_comes_from_the_command_line_is_reported_as_flags() -> None:
    document = read_table({"echo": {"datagram_cap": "x"}}, Path())
    document.add_problem(("services", "echo", "datagram_cap"), "is odd")
    assert problems(document) == ["--datagram-cap: is odd"]
    assert document.folder == Path.cwd()


def test_keys_are_written_as_toml_has_them() -> None:
    assert dotted(("services", "echo", "listen", 0)) == "services.echo.listen[0]"
    assert dotted(("services", "a.b", "", 'say "é"')) == 'services."a.b".""."say \\"\\u00e9\\""'
    assert dotted(()) == ""
