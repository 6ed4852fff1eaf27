"""Measures cases: every server in turn, round after round, so that what disturbs the machine disturbs all alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.case import OURS, Case, Sample, Variant
from bench.session import Session

__all__ = ["Measurement", "Result", "measure", "plan"]


@dataclass(eq=False)
class Result:
    """What was found for one variant of a case.

    :ivar samples: those of each server, a round each.
    """

    case: Case
    variant: Variant
    samples: dict[str, list[Sample]] = field(default_factory=dict)

    @property
    def peers(self) -> list[str]:
        """The peers that were measured."""
        return [name for name in self.samples if name != OURS]

    def complete(self, rounds: int) -> bool:
        """Whether all so many rounds are done."""
        return all(len(samples) == rounds for samples in self.samples.values())

    def value(self, name: str) -> float:
        """The median of a server's values."""
        return median(sample.value for sample in self.samples[name])

    def cpu_us(self, name: str) -> float | None:
        """The median of the microseconds of CPU time that a server took for each operation, if there are any."""
        found = [sample.cpu_us for sample in self.samples[name] if sample.cpu_us is not None]
        return median(found) if found else None

    def ratio(self, peer: str) -> float:
        """How many times better than a peer we are; below 1, we are worse.

        That is ours/peer, and peer/ours where less is better: for times and memory.
        """
        better, worse = self.value(OURS), self.value(peer)
        return worse / better if self.case.less_is_better else better / worse

    def spread(self, name: str) -> float:
        """How far apart a server's rounds are: the range of its values as a part of the median."""
        values = [sample.value for sample in self.samples[name]]
        return (max(values) - min(values)) / self.value(name)


@dataclass(frozen=True)
class Measurement:
    """One thing to do: one server, once."""

    result: Result
    peer: str
    round: int

    @property
    def label(self) -> str:
        """One line for people."""
        return f"{self.result.case.name} ({self.result.variant.name}): {self.peer}, round {self.round + 1}"


def plan(cases: Sequence[Case], only: Sequence[str], rounds: int, *, quick: bool) -> list[Measurement]:
    """Everything to do, in order. No server is always the first, or always after the same other one's round.

    :param only: the peers to measure besides ours; none for all that the case has.
    :param quick: only the first variant of each case.
    """
    return list(_measurements(cases, only, rounds, quick=quick))


def _measurements(cases: Sequence[Case], only: Sequence[str], rounds: int, *, quick: bool) -> Iterator[Measurement]:
    for case in cases:
        names = [OURS, *(peer for peer in case.peers if not only or peer in only)]
        for variant in case.variants[:1] if quick else case.variants:
            result = Result(case, variant, {name: [] for name in names})
            for number in range(rounds):
                first = number % len(names)
                for name in names[first:] + names[:first]:
                    yield Measurement(result, name, number)


def measure(session: Session, measurement: Measurement) -> None:
    """Do it, and add what was found to the result.

    :raises BenchError: it failed.
    """
    result = measurement.result
    sample = result.case.measure(session, measurement.peer, result.variant)
    result.samples[measurement.peer].append(sample)
