"""What the configuration files and the environment set, also where no option is known for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from oslo_config import cfg

from dfbackends.errors import ConfigurationError


class Setting(NamedTuple):
    """An option that somebody has set; ``source`` is how an error about it begins."""

    section: str
    option: str
    source: str


def in_files(conf: cfg.ConfigOpts) -> list[Setting]:
    """Return what the configuration files set. oslo.config itself passes over what it does not know.

    :raises ConfigurationError: nobody has read the configuration
    """
    try:
        named = conf.config_file or ()
    except cfg.NoSuchOptError:
        raise ConfigurationError("the configuration was not read: call conf(arguments, project=...) before") from None
    files = [str(path) for folder in conf.config_dirs for path in sorted(Path(folder).glob("*.conf"))]
    parsed: dict[str, dict[str, Any]] = {}
    for path in [*named, *files]:
        cfg.ConfigParser(path, parsed).parse()
    return [Setting(section, name.replace("-", "_"), "") for section, options in parsed.items() for name in options]


def in_environment(conf: cfg.ConfigOpts, group: str) -> list[Setting]:
    """Return what the environment sets in groups whose names begin so: OS_, the group, two underscores, the option."""
    if not conf._use_env:  # noqa: SLF001 - nothing public tells whether the application has it read.
        return []
    ours = [name for name in sorted(os.environ) if name.startswith((f"OS_{group.upper()}_", f"OS_{group.upper()}:"))]
    parts = {name: name.removeprefix("OS_").lower().partition("__") for name in ours}
    return [Setting(section, option, f"the environment variable {name}: ") for name, (section, _, option) in parts.items()]
