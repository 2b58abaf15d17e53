"""The architecture as rules about imports: arrows point one way, and `import goldfish` stays light."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import goldfish

ROOT = Path(goldfish.__file__).parent

# What each part of the package may import of the others.
ALLOWED = {
    "_typing": set(),
    "_files": set(),
    "functional": {"_core", "_typing"},
    "nn": {"_files", "_typing", "functional"},
    "diagnostics": {"_typing", "nn"},
    "drawing": {"diagnostics", "functional", "nn", "theory"},
    "io": {"nn"},
    "testing": {"_typing", "nn"},
    "models": {"_typing", "functional", "nn"},
    "naive_bayes": {"_core", "functional"},
    "probability": set(),
    "sampling": {"_core", "_files", "_typing"},
    "theory": {"_core", "_typing"},
    "cli": {
        "",
        "_core",
        "_files",
        "_typing",
        "diagnostics",
        "drawing",
        "functional",
        "io",
        "models",
        "naive_bayes",
        "nn",
        "probability",
        "sampling",
        "theory",
    },
    "__main__": {"cli"},
}
TOP_LEVEL = {
    "drawing",
    "diagnostics",
    "io",
    "testing",
    "_core",
    "functional",
    "models",
    "naive_bayes",
    "nn",
    "probability",
    "sampling",
    "theory",
}  # from models on: for types only
HEAVY = {"sklearn", "scipy", "matplotlib", "rich", "onnx", "onnxruntime", "torch", "threadpoolctl", "numpy.random"}
MODULES = sorted(ROOT.rglob("*.py"))


def imports(tree, package):
    """The absolute names of all modules that a file imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                base = package.split(".")[: len(package.split(".")) - node.level + 1]
                origin = ".".join([*base, *origin.split(".")]).rstrip(".")
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def parts_imported(source, package):
    """The parts of goldfish ("" is its top level) that a source imports."""
    found = set()
    for name in imports(ast.parse(source), package):
        first, *rest = name.split(".")
        if first == "goldfish":
            found.add(rest[0] if rest and (rest[0] in ALLOWED or rest[0] == "_core") else "")
    return found


def part_of(path):
    relative = path.relative_to(ROOT)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def test_every_part_has_a_rule():
    parts = {part_of(path) for path in MODULES} - {"__init__"}
    assert parts == set(ALLOWED)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    part = part_of(path)
    allowed = TOP_LEVEL if part == "__init__" else ALLOWED[part] | {part}
    package = ".".join(["goldfish", *path.relative_to(ROOT).parent.parts])
    wrong = parts_imported(path.read_text(encoding="utf-8"), package) - allowed
    assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


@pytest.mark.parametrize(
    "source, found",
    [
        ("import goldfish", {""}),
        ("import goldfish.nn.conv", {"nn"}),
        ("from goldfish import nn, conv2d", {"nn", ""}),
        ("from goldfish.models import base", {"models"}),
        ("from ..nn import layer", {"nn"}),
        ("from .. import cli", {"cli"}),
        ("def f():\n    from goldfish import _core", {"_core"}),
        ("import numpy", set()),
    ],
)
def test_the_reader_of_imports(source, found):
    assert parts_imported(source, "goldfish.functional") == found


def loaded(code):
    """The modules that a fresh interpreter has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stdout.split())


def test_import_loads_numpy_and_little_else():
    """A count of modules, since times vary: at import, goldfish costs its own few files and the standard library's."""
    before, after = loaded("import numpy, numpy.typing"), loaded("import goldfish")
    extra = {name for name in after - before if not name.startswith("goldfish")}
    assert not {name for name in extra if name in HEAVY or name.split(".")[0] in HEAVY}
    assert {name.split(".")[0] for name in extra} <= sys.stdlib_module_names
    assert len(extra) <= 10, sorted(extra)
    eager = {name.split(".")[1] for name in after if name.startswith("goldfish.")}
    assert eager == {"_core", "_typing", "functional"}


def test_sub_packages_load_when_first_used():
    code = "import goldfish as gf; assert 'nn' in dir(gf); gf.nn.Linear"
    assert "goldfish.nn" in loaded(code)
    lazy = {module.name for module in pkgutil.iter_modules([str(ROOT)]) if module.ispkg} - {"functional"}
    for name in lazy:
        assert getattr(goldfish, name) is importlib.import_module(f"goldfish.{name}")
        assert name in dir(goldfish)
    with pytest.raises(AttributeError, match="'goldfish' has no attribute 'conv9d'"):
        _ = goldfish.conv9d
