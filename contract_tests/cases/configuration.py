"""How a backend is chosen."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from oslo_config import cfg

import dfbackends
from contract_tests.cases.base import Cases
from contract_tests.cases.keys import contents
from contract_tests.clients.inbox import Inbox
from contract_tests.clients.processes import Worker
from contract_tests.harness import Store
from contract_tests.marks import clause
from dfbackends import ConfigurationError
from dfbackends.loader import DB, names
from dfbackends.url import parse

BROKEN = "contract-broken"


def broken_distribution(folder: Path) -> None:
    """Install, into a folder, a distribution whose backend can not be imported."""
    (folder / "contract_broken.py").write_text("raise RuntimeError('its client is missing')\n")
    info = folder / "contract_broken-4.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: contract-broken\nVersion: 4.2\n")
    points = "".join(f"[dfbackends.{kind}]\n{BROKEN} = contract_broken:driver\n" for kind in ("db", "pubsub"))
    (info / "entry_points.txt").write_text(points)


def configured(text: str, folder: Path) -> cfg.ConfigOpts:
    """Return the configuration in a file."""
    path = folder / "app.conf"
    path.write_text(text)
    conf = cfg.ConfigOpts()
    conf(["--config-file", str(path)], project="contract")
    return conf


class ConfigurationCases(Cases):
    """Names and options."""

    @clause("CONF-01", process=True)
    def test_an_unknown_backend(self, store: Store) -> None:
        """An unknown backend: the error tells what is installed, and the closest match."""
        # What a URL begins with may be another name for it.
        name, (_, rest) = parse(store.url).name, store.url.split(":", 1)

        with pytest.raises(ConfigurationError) as caught:
            dfbackends.open(f"{name}x:{rest}")

        assert repr(f"{name}x") in str(caught.value)
        assert f"did you mean {name!r}" in str(caught.value)
        for known in names(DB):
            assert known in str(caught.value)

    @clause("CONF-01", process=True)
    def test_a_broken_backend(self, store: Store, tmp_path: Path) -> None:
        """A broken backend: its own error with distribution and version, and it disturbs no other."""
        broken_distribution(tmp_path)
        path = {
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
        }

        with Worker("open_only", f"{BROKEN}:x", environment=path) as worker:
            kind, text = worker.hear()
        with Worker("open_only", store.url, environment=path) as worker:
            other = worker.hear()

        assert kind == "ConfigurationError"
        assert "contract-broken 4.2" in text
        assert "its client is missing" in text
        assert other == ["", ""]

    @clause("CONF-02", process=True)
    def test_an_unknown_parameter_of_a_url(self, store: Store) -> None:
        """An unknown URL parameter is an error that tells the closest match; one given twice is, too."""
        with pytest.raises(ConfigurationError, match=r"no option 'deadlin'.*did you mean 'deadline'"):
            dfbackends.open(f"{store.url}&deadlin=3")
        with pytest.raises(ConfigurationError):
            dfbackends.open(f"{store.url}&namespace=twice")
        with pytest.raises(ConfigurationError, match="retries"):
            dfbackends.open(f"{store.url}&retries=many")
        with pytest.raises(ConfigurationError):
            dfbackends.open(f"{store.url}&threads=0")
        with pytest.raises(ConfigurationError, match="namespace"):
            dfbackends.open(store.url.replace("namespace=", f"namespace={quote('a/b')}"))

    @clause("CONF-02", settings=True)
    def test_an_unknown_option_in_a_file(self, store: Store, tmp_path: Path) -> None:
        """An unknown option, of the core or of the backend, is an error that names its section."""
        text = store.harness.settings(store.namespace)
        assert text is not None
        with pytest.raises(ConfigurationError, match=r"\[dfbackends\].*'deadlin'"):
            dfbackends.open(configured(text.replace("[dfbackends]\n", "[dfbackends]\ndeadlin = 3\n"), tmp_path))
        with pytest.raises(ConfigurationError, match="'nonsense'"):
            dfbackends.open(configured(f"{text}\nnonsense = 3\n", tmp_path))

    @clause("CONF-02", process=True, settings=True)
    def test_the_file_and_the_url_say_the_same(self, store: Store, tmp_path: Path) -> None:
        """The configuration file and the URL choose the same store, and the same topics."""
        text = store.harness.settings(store.namespace)
        assert text is not None
        with dfbackends.open(configured(text, tmp_path)) as configured_backend, dfbackends.open(store.url) as backend:
            inbox = Inbox().subscribe(configured_backend.pubsub, "t")
            backend.db.put("t", "k", 1)
            backend.pubsub.publish("t", 1)

            inbox.wait_data([1])
            assert contents(configured_backend.db, "t") == {"k": 1}
            assert backend.name == configured_backend.name
            assert backend.db.limits == configured_backend.db.limits
