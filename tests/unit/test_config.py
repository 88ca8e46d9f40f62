"""A configuration file and a URL say the same, and a mistake in either is an error."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from oslo_config import cfg

import dfbackends
from dfbackends import config
from dfbackends.errors import ConfigurationError
from dfbackends.retry import Patience
from dfbackends.url import parse

Configure = Callable[[str], cfg.ConfigOpts]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def read(text: str) -> cfg.ConfigOpts:
        path = tmp_path / "app.conf"
        path.write_text(text)
        conf = cfg.ConfigOpts()
        conf(["--config-file", str(path)], project="app")
        return conf

    return read


def test_a_file_and_a_url_say_the_same(configure: Configure) -> None:
    conf = configure(
        "[dfbackends]\ndb = memory\nretries = 5\ndeadline = 2.5\nnamespace = n\n[dfbackends_memory]\nname = x\nlog_rows = 7\n"
    )

    from_file = config.from_conf(conf)
    from_url = config.from_url(parse("memory:x?log_rows=7&retries=5&deadline=2.5&namespace=n"))

    assert from_file == from_url
    assert from_file.db.values == {"name": "x", "log_rows": 7}
    assert from_file.patience == Patience(5, 2.5)
    assert from_file.shared


def test_a_backend_is_chosen_by_a_configuration_alone(configure: Configure, tmp_path: Path) -> None:
    conf = configure(f"[dfbackends]\ndb = sqlite\n[dfbackends_sqlite]\npath = {tmp_path}/app.db\n")

    with dfbackends.open(conf) as backend:
        backend.db.put("t", "k", 1)
    with dfbackends.open(f"sqlite:{tmp_path}/app.db") as backend:
        assert backend.db.get("t", "k") == 1


def test_one_section_can_differ_for_the_role_that_it_is_for(configure: Configure) -> None:
    general = "[dfbackends]\ndb = memory\n[dfbackends_memory]\nname = a\nlog_rows = 5\n"
    conf = configure(f"{general}[dfbackends_memory:pubsub]\nname = b\n")

    settings = config.from_conf(conf)

    assert settings.db.values == {"name": "a", "log_rows": 5}
    assert settings.pubsub is not None
    assert settings.pubsub.values == {"name": "b", "log_rows": 5}
    assert not settings.shared


def test_messages_may_be_kept_in_the_store(configure: Configure) -> None:
    assert config.from_conf(configure("[dfbackends]\ndb = memory\npubsub = log\n")).pubsub is None
    assert config.from_url(parse("memory:?pubsub=log")).pubsub is None


def test_messages_may_go_through_another_backend(configure: Configure, tmp_path: Path) -> None:
    conf = configure(f"[dfbackends]\ndb = sqlite\npubsub = memory\n[dfbackends_sqlite]\npath = {tmp_path}/a.db\n")

    settings = config.from_conf(conf)

    assert settings.pubsub is not None
    assert (settings.db.name, settings.pubsub.name, settings.shared) == ("sqlite", "memory", False)


def test_environment_variables_are_read(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_DFBACKENDS__RETRIES", "9")

    assert config.from_conf(configure("[dfbackends]\ndb = memory\n")).patience.retries == 9


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no backend is chosen"),
        ("[dfbackends]\ndb = sqllite\n", "did you mean 'sqlite'"),
        ("[dfbackends]\ndb = memory\npubsub = memry\n", "did you mean 'memory'"),
        ("[dfbackends]\ndb = memory\nretrys = 5\n", "has no option 'retrys'; did you mean 'retries'"),
        ("[dfbackends]\ndb = memory\n[dfbackends_memory]\nnam = x\n", "has no option 'nam'; did you mean 'name'"),
        ("[dfbackends]\ndb = memory\n[dfbackends_memory:pubsub]\nnam = x\n", "has no option 'nam'"),
        ("[dfbackends]\ndb = memory\n[dfbackends_memry]\nname = x\n", "did you mean 'dfbackends_memory'"),
        ("[dfbackends]\ndb = memory\nretries = many\n", "retries"),
        ("[dfbackends]\ndb = memory\ndeadline = 0\n", "deadline"),
        ("[dfbackends]\ndb = memory\nnamespace = a/b\n", "namespace"),
        ("[dfbackends]\ndb = memory\ndeadline = nan\n", "deadline"),
        ("[dfbackends]\ndb = memory\nnamespace = a$b\n", "namespace"),
    ],
)
def test_a_mistake_in_a_file_is_an_error_that_tells_what_to_do(configure: Configure, text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        dfbackends.open(configure(text))


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("memory:?nam=x", "has no option 'nam'; did you mean 'name'"),
        ("memory:?retrys=5", "did you mean 'retries'"),
        ("memory:?retries=many", "'retries'"),
        ("memory:?retries=-1", "'retries'"),
        ("memory:?deadline=nan", "'deadline'"),
        ("memory:x?name=y", "twice"),
        ("memory:?db=sqlite", "has no option 'db'"),
        ("memory://host/x", "form is memory:name"),
        ("sqlite:", "form"),
        ("memory:?namespace=a/b", "namespace"),
    ],
)
def test_a_mistake_in_a_url_is_an_error_that_tells_what_to_do(url: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        dfbackends.open(url)


def test_other_sections_of_the_file_are_the_applications_own(configure: Configure) -> None:
    with dfbackends.open(configure("[DEFAULT]\nx = 1\n[app]\ny = 2\n[dfbackends]\ndb = memory\n")):
        pass


def test_the_sample_generator_lists_the_options_of_the_core_and_of_each_driver() -> None:
    sample = subprocess.run(
        [sys.executable, "-m", "oslo_config.generator", "--namespace", "dfbackends"], capture_output=True, text=True, timeout=60
    )

    assert sample.returncode == 0, sample.stderr
    groups = ("[dfbackends]", "[dfbackends_memory]", "[dfbackends_sqlite]")
    for line in (*groups, "#db = <None>", "#deadline = 10.0", "# Minimum value: 0"):
        assert line in sample.stdout.splitlines(), line


def test_a_backend_without_a_name_is_a_store_of_its_own() -> None:
    with dfbackends.open("memory:") as one, dfbackends.open("memory:") as other:
        one.db.put("t", "k", 1)

        assert list(other.db.keys("t")) == []


def test_a_configuration_that_nobody_has_read_is_an_error_that_tells_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match="was not read"):
        config.from_conf(cfg.ConfigOpts())


def test_a_secret_that_is_not_legal_is_not_shown() -> None:
    conf = cfg.ConfigOpts()
    conf([], project="app")
    option = cfg.StrOpt("password", secret=True, default="hunter2$other")
    conf.register_opts([option], group="x")

    with pytest.raises(ConfigurationError) as caught:
        config._values(conf, [option], "x")

    assert "hunter2" not in str(caught.value)
    assert "other" not in str(caught.value)


def test_a_short_deadline_holds_while_another_writer_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with dfbackends.open(f"sqlite:{path}?deadline=0.8") as backend, contextlib.closing(sqlite3.connect(path)) as other:
        backend.db.put("t", "k", 1)
        other.execute("BEGIN IMMEDIATE")

        began = time.monotonic()
        with pytest.raises(dfbackends.Unavailable) as caught:
            backend.db.put("t", "k", 2)

        assert caught.value.code == "overloaded"
        assert time.monotonic() - began < 0.8 + 0.5
