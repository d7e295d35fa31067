"""What is published: the wheel, the source distribution, and an installation without the repository."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("compiler", "runtime", "service", "protos")
SUFFIXES = (".py", ".pyi", ".proto", ".npz", "-ATTRIBUTION.md", "py.typed")
SMOKE = """
import sys
import waterhorse as wh

assert wh.__file__.startswith(sys.prefix), wh.__file__
(x, y), (x_test, y_test) = wh.datasets.load_digits()
model = wh.Sequential([wh.Input((8, 8, 1)), wh.layers.Flatten(), wh.layers.Dense(10)])
model.compile("adam", wh.losses.SparseCategoricalCrossentropy(from_logits=True))
history = model.fit(x.astype("float32") / 16, y, epochs=2, verbose=0)
assert history.history["loss"][1] < history.history["loss"][0]
model.export("digits.onnx", labels=[str(i) for i in range(10)])
print("smoke passed")
"""


def run(*command: str | Path, cwd: Path) -> str:
    """The output of a program that knows nothing of this environment's settings for Python."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(
        [str(c) for c in command],
        check=False,
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is built, links kept, so that building leaves no trace in the repository."""
    copy = tmp_path_factory.mktemp("tree") / "waterhorse"
    copy.mkdir()
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "tests", *FOLDERS):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=leave)
    return copy


@pytest.fixture(scope="module")
def built(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution and the wheel that is made from it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, tree, cwd=out)
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def published(tree: Path) -> set[str]:
    """All files of the copy that belong into the package, as they are named in it."""
    found = {
        f"waterhorse/{path.relative_to(start)}"
        for start in (tree, tree / "src" / "waterhorse")
        for folder in (FOLDERS if start == tree else (".",))
        for path in (start / folder).rglob("*")
        if path.is_file() and path.name.endswith(SUFFIXES)
    }
    assert len(found) > 80
    return found


def test_the_wheel_has_all_of_the_package_and_nothing_else(tree: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        infos = [i for i in archive.infolist() if not i.is_dir()]
        licence = [i.filename for i in infos if i.filename.endswith("licenses/LICENSE")]
    assert licence
    assert not any(stat.S_ISLNK(i.external_attr >> 16) for i in infos)
    packed = {i.filename for i in infos if ".dist-info/" not in i.filename}
    assert packed == published(tree)
    for name in (
        "py.typed",
        "compiler/op.pyi",
        "protos/inference.proto",
        "runtime/datasets/digits.npz",
    ):
        assert f"waterhorse/{name}" in packed


def test_the_wheel_is_small_and_pure(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 1_000_000


def test_the_source_distribution_has_files_where_the_repository_has_links(
    tree: Path, built: Path
) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        members = archive.getmembers()
    assert not any(m.issym() or m.islnk() for m in members)
    names = {m.name.split("/", 1)[1] for m in members if m.isfile()}
    inside = {n.removeprefix("src/") for n in names if n.startswith("src/waterhorse/")}
    assert inside == published(tree)
    rest = {n for n in names if not n.startswith(("src/waterhorse/", "src/waterhorse.egg-info/"))}
    assert rest == {
        "LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"
    }  # fmt: skip


def test_an_installed_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, cwd=tmp_path)
    python = environment / "bin" / "python"
    run(
        sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index",
        wheel, cwd=tmp_path,
    )  # fmt: skip
    # What it depends on is taken from here. A folder named in a .pth file comes last on the path and
    # its own .pth files, an editable waterhorse among them, are not read.
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("platlib") + "\n")
    assert "smoke passed" in run(python, "-c", SMOKE, cwd=tmp_path)
    assert (tmp_path / "digits.onnx").stat().st_size > 1_000
    told = run(environment / "bin" / "waterhorse", "--help", cwd=tmp_path)
    assert "quickstart" in told
    assert "serve" in told
