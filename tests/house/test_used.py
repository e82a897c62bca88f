"""Nothing lies about that nobody uses: each name a module defines is used by the software, not by its tests alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src"

Name = tuple[str, str]
"""A module, and a name in it."""


class Module:
    """What one module defines at its top, imports, and names."""

    def __init__(self, path: Path) -> None:
        parts = path.relative_to(SRC).with_suffix("").parts
        self.name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        self.tree = ast.parse(path.read_text())
        self.imported: dict[str, Name] = {}
        """Local name → where it is from; of a module, with no name in it."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                self.imported.update({one.asname or one.name: (node.module, one.name) for one in node.names})
            elif isinstance(node, ast.Import):
                self.imported.update({one.asname: (one.name, "") for one in node.names if one.asname})
        self.defined = dict(_defined(self.tree))

    def named(self) -> Iterator[Name]:
        """Everything that is read here, by the module it is imported from; what reads itself only is not read."""
        for top in self.tree.body:
            own = getattr(top, "name", "")
            for node in ast.walk(top):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id != own:
                    yield self.imported.get(node.id, (self.name, node.id))
                elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    module, name = self.imported.get(node.value.id, ("", ""))
                    yield f"{module}.{name}".rstrip("."), node.attr


def _defined(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """(name, line) of functions, classes and constants. What a decorator registers somewhere counts as used."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not node.decorator_list:
                yield node.name, node.lineno
        elif isinstance(node, ast.Assign):
            yield from ((one.id, node.lineno) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node.lineno


def test_every_name_is_used_by_the_software_itself() -> None:
    modules = {module.name: module for module in map(Module, sorted(SRC.rglob("*.py")))}

    def home(name: Name) -> Name:
        """Where a name is defined that packages hand on."""
        module = modules.get(name[0])
        while module is not None and name[1] in module.imported and module.imported[name[1]] != name:
            name = module.imported[name[1]]
            module = modules.get(name[0])
        return name

    used = {home(name) for module in modules.values() for name in module.named()}
    unused = [
        f"{module.name}:{line} {name}"
        for module in modules.values()
        for name, line in module.defined.items()
        if (module.name, name) not in used and not (name.startswith("__") and name.endswith("__"))
    ]
    assert not unused, f"only tests use these, or nobody does: call them or take them out: {unused}"
