"""The rules of the house that a linter does not know. Import rules stand in pyproject.toml (import-linter)."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "kouan"
MODULES = [path for path in sorted((SOURCE / "modules").iterdir()) if path.is_dir() and path.name != "__pycache__"]
PURE = [*sorted((SOURCE / "kernel").rglob("*.py")), *sorted((SOURCE / "modules").rglob("*.py"))]
AUDITOR = [SOURCE / "simulation" / "auditor.py", *sorted((SOURCE / "simulation" / "audit").glob("*.py"))]
ALL = sorted(SOURCE.rglob("*.py"))


def _name(path: Path) -> str:
    return str(path.relative_to(SOURCE))


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text()))


def _is_unordered(node: ast.expr) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"set", "frozenset"}


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_kernel_and_modules_reckon_in_integers(path: Path) -> None:
    """No float literal, no true division, no float(): two machines must never differ by a rounding."""
    for node in _nodes(path):
        assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), ast.unparse(node)
        assert not (isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)), ast.unparse(node)
        assert not (isinstance(node, ast.Call) and ast.unparse(node.func) in {"float", "round"}), ast.unparse(node)


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_kernel_and_modules_do_not_touch_the_world(path: Path) -> None:
    """No file, no console, no evaluation, no hash(): it differs from process to process."""
    banned = {"open", "print", "input", "eval", "exec", "hash", "id", "__import__"}
    for node in _nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in banned, ast.unparse(node)


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_kernel_and_modules_iterate_in_order(path: Path) -> None:
    """Nobody loops over a set: its order is nobody's. Sorting one is fine."""
    for node in _nodes(path):
        if isinstance(node, ast.For | ast.comprehension):
            assert not _is_unordered(node.iter), ast.unparse(node.iter)


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_no_rule_is_an_assert_statement(path: Path) -> None:
    """`python -O` deletes assert statements; broken invariants are raised."""
    assert not [node.lineno for node in _nodes(path) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("path", AUDITOR, ids=_name)
def test_the_auditor_calls_no_handler(path: Path) -> None:
    """Of a module of commands it takes records alone: pyproject.toml keeps it from all else that computes."""
    tree = ast.parse(path.read_text())
    taken, rooms = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kouan.modules."):
            names = {(alias.name, alias.asname or alias.name) for alias in node.names}
            if (node.module or "").endswith(".commands"):
                rooms |= {name for _, name in names}
            else:
                taken |= {name for name, _ in names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in rooms:
            taken.add(node.attr)
    assert not [name for name in taken if not name[0].isupper() or name.isupper()]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_every_module_has_the_same_rooms(module: Path) -> None:
    """README, commands, records, rules, queries."""
    assert (module / "README.md").is_file()
    for room in ("commands", "records", "rules", "queries"):
        assert (module / f"{room}.py").is_file() or (module / room / "__init__.py").is_file(), room
