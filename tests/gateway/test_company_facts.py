"""Facts of companies: a misspelt one would be missing on every invoice, and is told with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from formats.errors import ConfigError
from gateway import settings
from gateway.cli.setup import write_config
from gateway.config_file import ConfigProblems


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_config(tmp_path / "config", 21000)
    return tmp_path / "config"


def problem_after(config: Path, old: str, new: str) -> ConfigError:
    file = config / "companies" / "nordlicht.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        settings.read(config)
    (problem,) = caught.value.problems
    return problem


def test_a_misspelt_fact_is_told_with_what_was_probably_meant(config: Path) -> None:
    problem = problem_after(config, "iban: DE93", "ibna: DE93")
    assert problem.what == "ibna is not a fact that any mapping reads"
    assert problem.where.endswith("nordlicht.yaml, line 22")
    assert "iban" in problem.fix


def test_a_misspelt_part_of_a_group_is_told_too(config: Path) -> None:
    problem = problem_after(config, "  line_1: Werft", "  lin_1: Werft")
    assert problem.what == "address.lin_1 is not a fact that any mapping reads"
    assert "address.line_1" in problem.fix


def test_a_fact_that_resembles_none_is_to_be_removed(config: Path) -> None:
    assert "remove" in problem_after(config, "name: Nord", "favourite_colour: blue\nname: Nord").fix


def test_a_fact_that_an_own_mapping_reads_is_known(config: Path) -> None:
    (config / "mappings").mkdir()
    (config / "mappings" / "ours.yaml").write_text(
        'mapping: ours\nversion: "1"\nextends: netsuite\nterms:\n  BT-19: company.cost_centre.main\n'
    )
    file = config / "companies" / "nordlicht.yaml"
    file.write_text(file.read_text("utf-8") + "cost_centre:\n  main: A-7\n", "utf-8")
    assert settings.read(config).companies["nordlicht"]["cost_centre"] == {"main": "A-7"}


def test_master_data_of_a_source_that_is_not_there_is_told(config: Path) -> None:
    file = config / "routing.yaml"
    file.write_text(f"address_from_master_data: [nobody]\n{file.read_text('utf-8')}", "utf-8")
    with pytest.raises(ConfigProblems) as caught:
        settings.read(config)
    assert caught.value.where.endswith("routing.yaml, line 1")
