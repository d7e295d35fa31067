"""Rules of the house that no tool checks for us."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("compiler", "runtime", "service", "protos")
SOURCES = sorted(
    p
    for folder in (*FOLDERS, "src/waterhorse")
    for p in (ROOT / folder).glob("**/*.py")
    if "_pb2" not in p.name and not any(q.is_symlink() for q in p.relative_to(ROOT).parents)
)


def test_sources_were_found() -> None:
    assert len(SOURCES) > 60


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_assert_and_no_second_copy(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        assert not isinstance(node, ast.Assert), f"line {node.lineno}: raise an error instead"
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            assert (node.module or "").split(".")[0] not in (*FOLDERS, "waterhorse"), (
                f"line {node.lineno}: imports inside the package are relative"
            )
        if isinstance(node, ast.Import):
            assert not {a.name.split(".")[0] for a in node.names} & {*FOLDERS, "waterhorse"}


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )  # fmt: skip
    return set(found.stdout.split())


def test_import_is_lazy() -> None:
    loaded = loaded_by("import waterhorse")
    assert not loaded & {"numpy", "onnx", "onnxruntime", "grpc", "rich", "typer"}


def test_the_service_loads_neither_compiler_nor_onnx() -> None:
    loaded = loaded_by("import waterhorse.service.server, waterhorse.service.client")
    assert not loaded & {"onnx", "waterhorse.compiler"}
    assert "waterhorse.runtime.session" in loaded


def test_links_are_relative() -> None:
    for folder in FOLDERS:
        link = ROOT / "src" / "waterhorse" / folder
        assert link.is_symlink()
        assert str(link.readlink()) == f"../../{folder}"


def test_scripts_can_be_run() -> None:
    for script in ("install", "quickstart", "test", "check", "protos"):
        path = ROOT / "scripts" / script
        assert path.stat().st_mode & 0o111
        subprocess.run(["bash", "-n", str(path)], check=True)
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True)


def test_the_stub_of_op_is_up_to_date(tmp_path: Path) -> None:
    made = tmp_path / "op.pyi"
    subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "stubs.py"), str(made)], check=True, cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": ""},
    )  # fmt: skip
    assert made.read_text() == (ROOT / "compiler" / "op.pyi").read_text()
