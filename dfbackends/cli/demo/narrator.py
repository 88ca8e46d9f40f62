"""What the demonstration tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfbackends.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 46


class Narrator:
    """Prints a story for people, or a JSON object a step for machines."""

    def __init__(self, *, machine: bool) -> None:
        self._output = Output(machine=True) if machine else None
        self._console = None if machine else _console()

    def chapter(self, title: str) -> None:
        """Begin a part."""
        if self._output is not None:
            self._output.document({"chapter": title})
        elif self._console is not None:
            self._console.print(f"\n[bold]{title}[/bold]")

    def step(self, what: str, result: str, *, well: bool = True) -> None:
        """Tell what was done, and what came of it."""
        if self._output is not None:
            self._output.document({"step": what, "result": result, "well": well})
            self._output.flush()
        elif self._console is not None:
            from rich.text import Text

            line = Text.assemble("  ", (what.ljust(_WIDTH), "cyan"), " ", (result, "" if well else "bold red"))
            self._console.print(line, soft_wrap=True)

    def remark(self, text: str) -> None:
        """Say something between the steps."""
        if self._output is not None:
            self._output.document({"remark": text})
        elif self._console is not None:
            self._console.print(f"  {text}", style="dim", soft_wrap=True)


def _console() -> Console:
    # rich takes longer to import than most commands run.
    from rich.console import Console

    return Console(highlight=False, emoji=False)
