"""What is made of samples: medians, ratios, rows of JSON, charts; and the order of measuring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.case import LIMIT, OURS, PEERS, WEB_PEERS, Case, Sample, Variant
from bench.chart import draw, write_charts
from bench.report import rows, short
from bench.runner import Result, measure, plan
from bench.session import Session

SVG = "{http://www.w3.org/2000/svg}"
PEER = "twisted-epoll"


def nothing(session: Session, peer: str, variant: Variant) -> Sample:
    raise AssertionError("not to be measured")


def case(*, less_is_better: bool = False, peers: Sequence[str] = (PEER,), variants: int = 1) -> Case:
    return Case("a-case", "about", "a/s", [Variant(f"<{n}>") for n in range(variants)], nothing, peers, less_is_better)


def result(ours: Sequence[float], peer: Sequence[float], *, less_is_better: bool = False) -> Result:
    found = case(less_is_better=less_is_better)
    samples = {OURS: [Sample(value, value / 10) for value in ours], PEER: [Sample(value, None) for value in peer]}
    return Result(found, found.variants[0], samples)


def test_a_row_has_medians_and_the_number_of_rounds() -> None:
    assert rows([result([10.0, 500.0, 30.0], [20.0, 20.0, 10.0])]) == [
        {
            "case": "a-case",
            "variant": "<0>",
            "unit": "a/s",
            "ours": 30.0,
            "peers": {PEER: 20.0},
            "ratio": {PEER: 1.5},
            "cpu_us": 3.0,
            "rounds": 3,
        }
    ]


def test_a_ratio_above_one_is_better_for_times_and_memory_too() -> None:
    assert result([30.0], [20.0]).ratio(PEER) == 1.5
    assert result([20.0], [30.0], less_is_better=True).ratio(PEER) == 1.5


def test_cpu_time_is_null_where_there_are_no_operations() -> None:
    found = result([1.0], [1.0])
    assert found.cpu_us(PEER) is None
    found.samples[OURS] = [Sample(1.0, None)]
    assert rows([found])[0]["cpu_us"] is None


def test_the_spread_is_the_range_as_a_part_of_the_median() -> None:
    assert result([9.0, 10.0, 12.0], [1.0]).spread(OURS) == pytest.approx(0.3)


def test_every_round_measures_all_in_turn_and_begins_with_another() -> None:
    measurements = plan([case(peers=[PEER, LIMIT])], [], 4, quick=False)
    assert [(one.round, one.peer) for one in measurements] == [
        *[(0, OURS), (0, PEER), (0, LIMIT)],
        *[(1, PEER), (1, LIMIT), (1, OURS)],
        *[(2, LIMIT), (2, OURS), (2, PEER)],
        *[(3, OURS), (3, PEER), (3, LIMIT)],
    ]


def test_a_quick_run_takes_the_first_variant_of_each_case() -> None:
    cases = [case(variants=3), case(variants=2)]
    assert [one.result.variant.name for one in plan(cases, [], 1, quick=True) if one.peer == OURS] == ["<0>", "<0>"]
    assert len({id(one.result) for one in plan(cases, [], 1, quick=False)}) == 5


def test_ours_is_always_measured_and_peers_as_wanted() -> None:
    measurements = plan([case(peers=[PEER, LIMIT]), case()], [LIMIT], 1, quick=False)
    assert [one.peer for one in measurements] == [OURS, LIMIT, OURS]


def test_a_result_is_complete_after_the_last_round(session: Session) -> None:
    found = Case("a-case", "about", "a/s", [Variant("one")], lambda session, peer, variant: Sample(len(peer), None))
    first, *others = plan([found], [], 1, quick=False)
    measure(session, first)
    assert not first.result.complete(1)
    for one in others:
        measure(session, one)
    assert first.result.complete(1)
    assert {name: first.result.value(name) for name in (OURS, PEER)} == {OURS: len(OURS), PEER: len(PEER)}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.12345, "0.123"), (9.999, "10"), (99.4, "99.4"), (1234.5, "1,234"), (26_288, "26.3 k"), (1_286_981, "1,287 k")],
)
def test_figures_for_people_have_three_digits_or_so(value: float, text: str) -> None:
    assert short(value) == text


def test_in_the_chart_better_is_to_the_right() -> None:
    drawn = ElementTree.fromstring(draw(rows([result([10.0], [20.0]), result([20.0], [10.0])]), "light"))
    dots = [dot for dot in drawn.iter(f"{SVG}circle") if dot.find(f"{SVG}title") is not None]
    worse, better = (float(dot.attrib["cx"]) for dot in dots)
    one = next(text for text in drawn.iter(f"{SVG}text") if text.text == "1x")
    assert worse < float(one.attrib["x"]) < better
    assert [text.text for text in drawn.iter(f"{SVG}text")].count("<0>") == 2


def test_the_legend_names_who_was_measured_and_grows_with_them() -> None:
    def legend(*peers: str) -> tuple[list[str | None], float]:
        found = case(peers=peers)
        samples = {name: [Sample(1.0, None)] for name in (OURS, *peers)}
        drawn = ElementTree.fromstring(draw(rows([Result(found, found.variants[0], samples)]), "dark"))
        return [text.text for text in drawn.iter(f"{SVG}text") if text.text in peers], float(
            drawn.attrib["viewBox"].split()[3]
        )

    few, low = legend(PEER)
    many, high = legend(*PEERS, *WEB_PEERS)
    assert few == [PEER]
    assert many == [*PEERS, *WEB_PEERS]
    assert low < high


def test_the_charts_are_two_for_light_and_dark(tmp_path: Path) -> None:
    write_charts(rows([result([10.0], [20.0])]), tmp_path / "new")
    light, dark = (ElementTree.parse(tmp_path / "new" / f"bench-{name}.svg") for name in ("light", "dark"))
    colors = [{one.get("fill") for one in tree.iter(f"{SVG}text")} for tree in (light, dark)]
    assert not colors[0] & colors[1]
