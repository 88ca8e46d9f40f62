"""The command ``dfbackends``."""

from dfbackends.cli.program import main

__all__ = ["main"]
