"""What a check raises."""

from __future__ import annotations

__all__ = ["CheckFailed"]


class CheckFailed(AssertionError):  # noqa: N818  says what happened
    """A check has found something.

    :param check: which one, such as ``chunking``.
    :param expected: what it expected.
    :param found: what happened instead.
    :param trace: what was sent last.
    :ivar script: a Python program that shows it again; empty where there is none.
    """

    def __init__(self, check: str, expected: str, found: str, trace: str = "") -> None:
        self.check, self.expected, self.found, self.trace = check, expected, found, trace
        self.script = ""
        super().__init__()

    def __str__(self) -> str:
        text = f"{self.check}\n  expected: {self.expected}\n  found:    {self.found}"
        if self.trace:
            text += f"\nWhat was sent last:\n{self.trace}"
        if self.script:
            text += f"\nThis program shows it again:\n\n{self.script}"
        return text
