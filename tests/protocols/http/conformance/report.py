"""What is found, as it is printed and counted."""

from __future__ import annotations

__all__ = ["Report"]


class Report:
    """The findings of one program.

    :ivar passed: how many things were as they should be.
    :ivar accepted: how many were not, and stand for a reason.
    :ivar refused: how many were not.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.passed = self.accepted = self.refused = 0

    def check(self, what: str, right: bool, found: object = "") -> None:
        """Something is as it should be, or is a finding."""
        if right:
            self.passed += 1
        else:
            self.refused += 1
            print(f"{self.name}: {what}: {found}")

    def accept(self, what: str, reason: str) -> None:
        """Something is not as this program would have it, and stays so."""
        self.accepted += 1
        print(f"{self.name}: {what} (accepted: {reason})")

    def note(self, what: str) -> None:
        """Print a figure."""
        print(f"{self.name}: {what}")

    def summary(self) -> str:
        """The counts."""
        return f"{self.name}: {self.passed} passed, {self.accepted} accepted, {self.refused} not accepted"
