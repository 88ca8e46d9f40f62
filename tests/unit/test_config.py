"""A configuration file and a URL say the same, and a mistake in either is an error."""

from __future__ import annotations

import contextlib
import logging
import re
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


def test_a_backend_is_chosen_by_the_environment_alone(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OS_DFBACKENDS__DB", "sqlite")
    monkeypatch.setenv("OS_DFBACKENDS_SQLITE__PATH", f"{tmp_path}/env.db")
    monkeypatch.setenv("OS_DFBACKENDS_SQLITE:PUBSUB__LOG_ROWS", "7")

    settings = config.from_conf(configure(""))

    assert (settings.db.name, settings.db.values["path"]) == ("sqlite", f"{tmp_path}/env.db")
    assert settings.pubsub is not None
    assert settings.pubsub.values == {**settings.db.values, "log_rows": 7}


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("OS_DFBACKENDS__RETRYS", r"variable OS_DFBACKENDS__RETRYS: .* no option 'retrys'; did you mean 'retries'"),
        ("OS_DFBACKENDS_MEMORY__NAM", "no option 'nam'; did you mean 'name'"),
        ("OS_DFBACKENDS_SQLITE__PTH", "no option 'pth'; did you mean 'path'"),
        ("OS_DFBACKENDS_MEMRY__NAME", "did you mean 'dfbackends_memory'"),
        ("OS_DFBACKENDS_MEMORY:PUBSUB__NAM", "no option 'nam'"),
        ("OS_DFBACKENDS_RETRIES", "no backend"),
    ],
)
def test_a_mistake_in_the_environment_is_an_error_that_tells_what_to_do(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, variable: str, reason: str
) -> None:
    monkeypatch.setenv(variable, "5")

    with pytest.raises(ConfigurationError, match=reason):
        dfbackends.open(configure("[dfbackends]\ndb = memory\n"))


def test_an_environment_that_the_application_does_not_have_read_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_DFBACKENDS__RETRYS", "5")
    conf = cfg.ConfigOpts()
    conf([], project="app", use_env=False)
    conf.register_opts(config.OPTIONS, group=config.GROUP)
    conf.set_override("db", "memory", group=config.GROUP)

    with dfbackends.open(conf):
        pass


def test_the_files_of_a_folder_are_read_and_checked(tmp_path: Path) -> None:
    (tmp_path / "1.conf").write_text("[dfbackends]\ndb = memory\nretries = 5\n")
    (tmp_path / "2.conf").write_text("[dfbackends]\nretries = 6\n")
    conf = cfg.ConfigOpts()
    conf(["--config-dir", str(tmp_path)], project="app")

    assert config.from_conf(conf).patience.retries == 6

    (tmp_path / "3.conf").write_text("[dfbackends]\nretrys = 7\n")
    with pytest.raises(ConfigurationError, match="did you mean 'retries'"):
        config.from_conf(conf)


def test_a_secret_is_masked_where_the_values_of_all_options_are_logged(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    info = tmp_path / "vault-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dfbackends.db]\nvault = vault:db\n")
    (tmp_path / "vault.py").write_text(
        "import dataclasses\nfrom oslo_config import cfg\nfrom dfbackends.drivers.config import memory_db\n"
        "options = [*memory_db.options, cfg.StrOpt('password', secret=True)]\n"
        "db = dataclasses.replace(memory_db, options=options)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("OS_DFBACKENDS_VAULT:DB__PASSWORD", "swordfish")
    conf = configure("[dfbackends]\ndb = vault\n[dfbackends_vault]\npassword = hunter2\n")

    with dfbackends.open(conf), caplog.at_level(logging.DEBUG):
        conf.log_opt_values(logging.getLogger("app"), logging.DEBUG)

    assert "dfbackends_vault.password" in caplog.text
    assert "hunter2" not in caplog.text
    assert "swordfish" not in caplog.text


def test_options_that_are_called_like_secrets_are_secret() -> None:
    listed = [option for _, options in config.list_opts() for option in options]

    assert listed
    assert [option.dest for option in listed if re.search("password|secret|token", option.dest) and not option.secret] == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no backend is chosen"),
        ("[dfbackends]\ndb = memory\n[dfbackends_sqlite]\npth = x\n", "has no option 'pth'; did you mean 'path'"),
        ("[dfbackends]\ndb = memory\n[dfbackends_memory:pubsb]\nname = x\n", "no section"),
        ("[dfbackends]\ndb = memory\n[dfbackends:pubsub]\nname = x\n", "no section"),
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
