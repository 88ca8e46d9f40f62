"""A figure that the project promises, measured."""

from __future__ import annotations

from collections.abc import Callable

TRIES = 3


class Claim:
    """Measures a figure, reports it beside its bound, and fails when the bound is broken."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report

    def __call__(
        self,
        what: str,
        measure: Callable[[], float],
        *,
        at_most: float | None = None,
        at_least: float | None = None,
        unit: str = "",
    ) -> None:
        """Measure up to three times, until the bound holds: another process may have had the machine.

        Exactly one bound is given.
        """
        assert (at_most is None) != (at_least is None)
        figures: list[float] = []
        holds = False
        while not holds and len(figures) < TRIES:
            figures.append(measure())
            holds = figures[-1] <= at_most if at_most is not None else figures[-1] >= (at_least or 0.0)
        bound, sign = (at_most, "at most") if at_most is not None else (at_least, "at least")
        self._report(f"claim: {what}: {figures[-1]:.4g} / {sign} {bound:g} {unit}".rstrip())
        assert holds, f"{what}: measured {', '.join(f'{figure:.4g}' for figure in figures)}, promised {sign} {bound:g} {unit}"
