"""Mistakes are told in plain words: with ``--json`` as a document, for files with what they are and the next step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.conftest import run
from typer.testing import CliRunner

from kouan.cli.errors import told
from kouan.cli.verify import app as verify_app


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["financing", "list", "--bogus"], "--bogus"),
        (["financing", "hold", "x.json", "--product", "x"], "--product"),
        (["financing", "hold"], "CONSENT.json"),
        (["serve", "--lang", "fr"], "--lang"),
        (["verify"], "PROOF"),
        (["verify", "none.json", "--trust", "none.json"], "none.json"),
        (["init", "new", "--members", "none.json"], "none.json"),
        (["nonsense"], None),
    ],
)
def test_a_mistake_is_one_document_with_json(arguments: list[str], field: str | None) -> None:
    ran = run(*arguments, "--json")
    assert ran.code == 2
    assert ran.json["error"].keys() == {"field", "problem"}
    assert ran.json["error"]["field"] == field
    assert "Errno" not in ran.out + ran.err


def test_without_json_nothing_is_on_standard_output() -> None:
    ran = run("financing", "list", "--bogus")
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "says", "then"),
    [
        (["financing", "list", "--bogus"], "没有选项 --bogus", "kouan financing list --help"),
        (["financing", "hold"], "缺少 'CONSENT.json'", "kouan financing hold --help"),
        (["quota", "show", "1", "2"], "多出参数 2", "kouan quota show --help"),
        (["simulate", "--seed", "x"], "'--seed' 的值有误：", "kouan simulate --help"),
        (["nonsense"], "没有命令 'nonsense'", "kouan --help"),
        (["verify"], "缺少 'PROOF'", "kouan verify --help"),
    ],
)
def test_a_mistake_is_framed_in_the_readers_language(arguments: list[str], says: str, then: str) -> None:
    """By the option, which stands among words that were not understood, or by the environment."""
    ways = [run(*arguments, env={"KOUAN_LANG": "zh"}), run(*arguments, "--lang=zh"), run(*arguments, "--lang", "zh")]
    for ran in ways:
        problem, usage, next_step = ran.err.strip().splitlines()
        assert (ran.code, ran.out) == (2, "")
        assert problem.startswith(f"用法有误：{says}")
        assert usage.startswith("用法：")
        assert next_step.startswith("下一步：")
        assert next_step.endswith(then.removeprefix("kouan "))
    assert run(*arguments).err.splitlines()[-1].startswith("Next: ")


def test_an_option_without_its_value_is_told_in_the_readers_language() -> None:
    """Typer does not say of which command it is."""
    assert run("init", "new", "--members", env={"KOUAN_LANG": "zh"}).err == "用法有误：选项 '--members' 缺少值\n"


def test_unusable_input_is_framed_in_the_readers_language(tmp_path: Path) -> None:
    """What is wrong with a file is told in Chinese too."""
    missing = tmp_path / "none.json"
    ran = run("verify", missing, "--trust", missing, "--lang", "zh")
    assert (ran.code, ran.err) == (2, f"输入不可用：{missing}: 没有这个文件或目录；请核对路径\n")
    ran = run("simulate", "--lang", "zh")
    assert ran.err.startswith("输入不可用：simulate: give either --out")


def test_verify_alone_tells_mistakes_in_the_same_shape() -> None:
    """It is started without the rest of the command line."""
    result = CliRunner().invoke(verify_app, ["--json"])
    assert (result.exit_code, json.loads(result.stdout)["error"]["field"]) == (2, "PROOF")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not whole JSON; give a proof, made by `kouan proof make`"),
        ("[" * 100_000, "no file of Kouan's"),
        ("{}", "no file of Kouan's"),
        ('{"format":"kouan/seal/1"}', "is a document's seal"),
        ('{"format":"kouan/proof/1"}', "is damaged"),
    ],
)
def test_a_broken_proof_is_told_in_plain_words(founded: Path, tmp_path: Path, content: str, says: str) -> None:
    proof = tmp_path / "proof.json"
    proof.write_text(content)
    ran = run("verify", proof, "--trust", founded / "alliance.json", "--json")
    assert (ran.code, ran.json["error"]["field"]) == (2, "proof")
    assert says in ran.json["error"]["problem"]
    assert "recursion" not in ran.err
    assert "truncated" not in ran.err


def test_a_field_is_taken_from_the_text_that_names_it() -> None:
    assert told(ValueError("loan: there is none; check the id"))[:2] == ("loan", "there is none; check the id")
    assert told(ValueError("there is none"))[:2] == (None, "there is none")
