"""The house keeps its shape: small rooms, no left-overs, light start, reference pages that fit the code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= 400, f"{path.name} has {lines} lines: split it by meaning"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 60, f"{path.name}:{node.lineno} {node.name} has {length} lines: split it by meaning"


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_nothing_is_left_unfinished(path: Path) -> None:
    found = re.findall(r"\b(?:TODO|FIXME|XXX|HACK)\b|raise NotImplementedError", path.read_text())
    assert not found, f"{path.name} still carries {found}: finish it or leave it out"


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        path.parent.name
        for path in SOURCES
        if path.name == "__init__.py" and len(ast.get_docstring(ast.parse(path.read_text())) or "") < 20
    ]
    assert not silent, f"packages without a sentence of purpose: {silent}"


def test_version_imports_only_click() -> None:
    code = (
        "import sys\nfrom shipkeeper.cli.main import main\n"
        "try: main(['--version'])\nexcept SystemExit: pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ast.literal_eval(done.stdout.splitlines()[-1]))
    heavy = loaded & {"msgspec", "numpy", "httpx2", "rich", "yaml", "jinja2", "cryptography", "dateutil", "asyncio"}
    assert not heavy, f"--version drags in {sorted(heavy)}: every TAB completion pays for it"


def test_reference_pages_fit_the_code() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts/reference"), "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
