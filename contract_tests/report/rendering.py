"""Templates made into pages that need nothing but themselves."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contract_tests.clauses import LEVELS
from contract_tests.report.conformance import Outcome, Spread

_MARKS = {
    Outcome.PASSED: "✓",
    Outcome.FAILED: "✗",
    Outcome.DEVIATION: "≈",
    Outcome.INVALID: "!",
    Outcome.NOT_RUN: "?",
    Outcome.NOT_APPLICABLE: "\N{EN DASH}",
    None: "·",
}


def mark(outcome: Outcome | None) -> str:
    """Return the sign for an outcome; None: there is no case."""
    return _MARKS[outcome]


def word(outcome: Outcome | None) -> str:
    """Return the word for an outcome; None: there is no case."""
    return outcome.value if outcome else "no case"


def duration(seconds: float) -> str:
    """Return seconds as people say it, with two figures or three."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def spread(measured: Spread | None) -> str:
    """Return the median and, where there are several, the ends."""
    if measured is None:
        return "not measured"
    if measured.samples == 1:
        return duration(measured.median)
    return f"{duration(measured.median)} ({duration(measured.min)} to {duration(measured.max)}, {measured.samples} times)"


def render(template: str, **values: Any) -> str:
    """Return a page. All values are escaped, and only the script of the templates can run in it."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("contract_tests.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates = files("contract_tests.report") / "templates"
    script = (templates / "page.js").read_text(encoding="utf-8")
    environment.globals.update(
        levels=LEVELS,
        outcomes=(*Outcome, None),
        style=Markup((templates / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    environment.filters.update(mark=mark, word=word, duration=duration, spread=spread)
    return environment
