"""What runs on the server, in one step each: the texts are constant, and each says in its first lines what it takes."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import NamedTuple


class Script(NamedTuple):
    """A script, and the name under which a server that has loaded it knows it."""

    text: bytes
    sha: str


def _script(*names: str) -> Script:
    text = b"".join(resources.files(__name__).joinpath(f"{name}.lua").read_bytes() for name in names)
    # It is the name that Redis gives it; nothing relies on its strength.
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())


CANCEL: Script = _script("cancel")
PUBLISH: Script = _script("allowed", "publish")
PUT: Script = _script("allowed", "index", "put")
WRITE: Script = _script("allowed", "index", "write")

ALL: tuple[Script, ...] = (CANCEL, PUBLISH, PUT, WRITE)
