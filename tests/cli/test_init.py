"""``kouan init``, and what every command does alike: options, help, errors."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Kouan, one_line, run
from typer import Typer
from typer.main import get_command

from kouan.cli.main import app

CAST = {
    "members": [
        {"id": "ningbo-customs", "en": "Ningbo Customs", "zh": "宁波海关", "roles": ["customs"]},
        {"id": "overseer", "en": "Overseer", "zh": "监管机构", "roles": ["overseer"]},
        {"id": "window", "en": "Single Window", "zh": "单一窗口", "roles": ["convener"]},
        {"id": "east-gate-bank", "en": "East Gate Bank", "zh": "东门银行", "roles": ["bank"]},
    ],
    "second_holder": "window",
    "charter": {"customs.ratio_bp.0110": 7000},
}


def test_init_founds_an_alliance_whose_secrets_only_the_owner_can_read(tmp_path: Path) -> None:
    port = tmp_path / "port"
    ran = run("init", port, "--json")
    assert ran.code == 0
    assert ran.json["second_holder"] == "commerce-commission"
    assert len(ran.json["members"]) == 9
    secrets = [port / "ledger" / "operator.key", *port.glob("members/*/keys.json")]
    assert len(secrets) == 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}
    assert (port / "members" / "shanghai-customs" / "keys.json").read_text().count("customs-master") == 1
    assert "kouan enterprise onboard" in run("init", tmp_path / "other").out


def test_init_with_a_cast_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "cast.json").write_text(json.dumps(CAST))
    ran = run("init", tmp_path / "port", "--name", "ningbo-eport", "--members", tmp_path / "cast.json")
    assert ran.code == 0, ran.err
    listed = run("member", "list", "--port", tmp_path / "port", "--lang", "zh")
    assert "宁波海关" in listed.out
    founding = json.loads((tmp_path / "port" / "alliance.json").read_text())["founding"]
    assert founding["charter"]["customs.ratio_bp.0110"] == 7000
    assert founding["name"] == "ningbo-eport"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"second_holder": "nobody"}, "second_holder"),
        ({"second_holder": 7}, "second_holder"),
        ({"charter": {"no.such": 1}}, "charter.no.such"),
        ({"charter": {"customs.ratio_bp.0110": 70_000}}, "must be 0 to 10000"),
        ({"members": CAST["members"][1:]}, "none has the role customs"),  # type: ignore[index]  # a list
        ({"members": []}, "members"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_cast_that_cannot_found_an_alliance_leaves_nothing_behind(
    tmp_path: Path, change: dict[str, object], part: str
) -> None:
    (tmp_path / "cast.json").write_text(json.dumps({**CAST, **change}))
    one_line(run("init", tmp_path / "port", "--members", tmp_path / "cast.json"), part)
    assert not (tmp_path / "port").exists()


def test_init_never_overwrites(port: Path) -> None:
    before = (port / "alliance.json").read_bytes()
    one_line(run("init", port), "holds an alliance already")
    assert (port / "alliance.json").read_bytes() == before


def test_a_missing_or_damaged_cast_or_a_bad_name_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{")
    one_line(run("init", tmp_path / "p", "--members", tmp_path / "none.json"), "none.json")
    one_line(run("init", tmp_path / "p", "--members", tmp_path / "bad.json"), "bad.json")
    one_line(run("init", tmp_path / "p", "--name", "Not A Code"), "name")


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda port: (port / "alliance.json").unlink(), "kouan init"),
        (lambda port: (port / "alliance.json").write_text("{"), "not a trust file"),
        (lambda port: (port / "alliance.json").write_bytes(b"\xff\x00"), "not a trust file"),
        (lambda port: (port / "names.json").write_text("[]"), "names.json"),
        (lambda port: (port / "ledger" / "operator.key").write_text("zz"), ""),
        (lambda port: (port / "ledger" / "blocks.log").write_bytes(b"x" * 100), ""),
    ],
)
def test_a_port_that_is_damaged_is_one_line(port: Path, damage: object, part: str) -> None:
    damage(port)  # type: ignore[operator]  # a table of functions
    one_line(run("member", "list", "--port", port), part)


def test_no_port_at_all_is_one_line(tmp_path: Path) -> None:
    one_line(run("member", "list", "--port", tmp_path / "nowhere"), "alliance.json", "kouan init")


def test_with_json_an_error_is_a_document_too(kouan: Kouan) -> None:
    ran = kouan("customs", "show", "12", "--as", "shanghai-customs", "--json")
    one_line(ran, "not a declaration number")
    assert "not a declaration number" in ran.json["error"]["problem"]


def test_keys_under_a_passphrase_need_it_ever_after(tmp_path: Path) -> None:
    """From the environment or a file; a wrong one, none, and an empty file are each one line."""
    (tmp_path / "cast.json").write_text(json.dumps(CAST))
    (tmp_path / "secret.txt").write_text("open sesame\n")
    port = tmp_path / "port"
    made = run("init", port, "--members", tmp_path / "cast.json", "--passphrase-file", tmp_path / "secret.txt")
    assert made.code == 0
    propose = ("member", "propose", "suspend", "east-gate-bank", "--as", "overseer", "--port", port)
    one_line(run(*propose), "passphrase is needed")
    one_line(run(*propose, env={"KOUAN_PASSPHRASE": "wrong"}), "wrong passphrase")
    (tmp_path / "empty.txt").write_text("")
    one_line(run(*propose, "--passphrase-file", tmp_path / "empty.txt"), "--passphrase-file")
    assert run(*propose, env={"KOUAN_PASSPHRASE": "open sesame"}).code == 0


def test_as_a_program_of_its_own(tmp_path: Path) -> None:
    """Output, errors and exit codes arrive through a real process as well."""
    kouan = [sys.executable, "-c", "from kouan.cli.start import main; main()"]
    founded = subprocess.run([*kouan, "init", tmp_path / "port"], capture_output=True, text=True, check=True)
    assert "shanghai-customs" in founded.stdout
    unknown = subprocess.run(
        [*kouan, "customs", "show", "224820190000000101", "--as", "nobody", "--port", tmp_path / "port"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr.startswith(f"{tmp_path / 'port' / 'members'} has no 'nobody'; it has ")


def commands() -> list[list[str]]:
    """Every command of the program that people are shown, as the words that name it."""

    def below(command: object, words: list[str]) -> list[list[str]]:
        if getattr(command, "hidden", False):
            return []
        children = getattr(command, "commands", None)
        if children is None:
            return [words]
        return [found for name, child in sorted(children.items()) for found in below(child, [*words, name])]

    assert isinstance(app, Typer)
    return below(get_command(app), [])


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_has_help_with_an_example(words: list[str]) -> None:
    ran = run(*words, "--help")
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert f"kouan {' '.join(words)}" in ran.out
    assert "--json" in ran.out
