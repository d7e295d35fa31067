"""The images, without a Docker engine: what the files say, and the commands that they run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPILER_ONLY = {"onnx", "safetensors"}


class Instruction(NamedTuple):
    """A line of a Dockerfile, continuation lines joined; ``value`` of a JSON form is a list."""

    name: str
    value: Any


class Stage(NamedTuple):
    """From one FROM to the next."""

    base: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Any]:
        return [i.value for i in self.instructions if i.name == name]


def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    current: Stage | None = None
    for line in filter(None, re.sub(r"\\\n\s*", "", text).splitlines()):
        name, value = line.split(maxsplit=1)
        if name == "FROM":
            base, keyword, stage = value.split()
            assert keyword == "AS"
            current = found.setdefault(stage, Stage(base, []))
        else:
            assert current is not None
            parsed = yaml.safe_load(value) if value.startswith("[") else value
            current.instructions.append(Instruction(name, parsed))
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    parsed: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return parsed["project"]


def requirements() -> list[str]:
    lines = (ROOT / "service" / "requirements.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def plain_name(requirement: str) -> str:
    return re.split(r"[<>=]", requirement)[0]


# -- what the files say -----------------------------------------------------------------------


def test_serving_needs_all_but_the_compilers_dependencies(project: dict[str, Any]) -> None:
    expected = [d for d in project["dependencies"] if plain_name(d) not in COMPILER_ONLY]
    assert requirements() == expected


def test_stages() -> None:
    found = stages()
    assert list(found) == ["build", "base", "train", "serve"]
    assert found["train"].base == found["serve"].base == "base"
    for name in ("train", "serve"):
        (user,) = found[name].all("USER")
        assert user == "waterhorse"
        order = [i.name for i in found[name].instructions]
        assert order.index("USER") > max(i for i, n in enumerate(order) if n in ("COPY", "RUN"))


def test_the_serving_image_gets_no_compiler_dependencies() -> None:
    commands = stages()["serve"].all("RUN")
    assert commands[0].endswith("--requirement requirements.txt")
    assert "--no-deps" in commands[1]
    assert not [r for r in requirements() if plain_name(r) in COMPILER_ONLY]


def test_what_is_copied_exists_and_is_not_ignored(project: dict[str, Any]) -> None:
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignore
    sources = []
    for stage in stages().values():
        for copy in stage.all("COPY"):
            words = shlex.split(copy)
            if not words[0].startswith("--from"):
                sources += words[:-1]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source.split('/')[0]}" in ignore, f"{source} never reaches the build"
    links = [p for p in (ROOT / "src" / "waterhorse").iterdir() if p.is_symlink()]
    assert {p.name for p in links} <= set(sources)
    for file in (project["readme"], *project["license-files"], "pyproject.toml"):
        assert file in sources


def test_compose_and_dockerfile_agree(compose: dict[str, Any]) -> None:
    for name in ("train", "serve"):
        service, stage = compose["services"][name], stages()[name]
        assert service["build"] == {"context": ".", "target": name}
        assert [service["command"]] == stage.all("CMD")
    (health,) = stages()["serve"].all("HEALTHCHECK")
    test = compose["services"]["serve"]["healthcheck"]["test"]
    assert health.split("CMD ", 1)[1] == str(test[1:]).replace("'", '"')


def test_compose_trains_once_then_serves(compose: dict[str, Any]) -> None:
    train, serve = compose["services"]["train"], compose["services"]["serve"]
    assert serve["depends_on"] == {"train": {"condition": "service_completed_successfully"}}
    assert "restart" not in train
    assert train["volumes"] == ["models:/models"]
    assert serve["volumes"] == ["models:/models:ro"]
    assert list(compose["volumes"]) == ["models"]
    port = serve["command"][serve["command"].index("--port") + 1]
    assert serve["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert serve["healthcheck"]["test"][-1].endswith(f":{port}")
    assert [port] == stages()["serve"].all("EXPOSE")
    assert serve["stop_grace_period"] == "30s"  # longer than the server's own 10 s


# -- the commands that they run ---------------------------------------------------------------


def fitted(command: list[str], models: Path, port: str) -> list[str]:
    """A command of an image for this machine: another folder, loopback, a free port."""
    swap = {"/models": str(models), "0.0.0.0": "127.0.0.1", "8001": port}
    return [swap.get(word, word) for word in command]


def copy_into(context: Path, copy: str) -> None:
    """A COPY instruction, links kept as links."""
    *sources, target = copy.split()
    for source in sources:
        if (ROOT / source).is_dir():
            hidden = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / source, context / target, symlinks=True, ignore=hidden)
        else:
            context.mkdir(exist_ok=True)
            shutil.copy(ROOT / source, context / target)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment with what the serving image has, installed by its commands."""
    folder = tmp_path_factory.mktemp("image")
    wheels, context = folder / "wheels", folder / "source"
    for copy in stages()["build"].all("COPY"):
        copy_into(context, copy)
    (build,) = stages()["build"].all("RUN")
    words = [str(wheels) if word == "/wheels" else word for word in build.split()]
    subprocess.run([sys.executable, "-m", *words, "-q"], check=True, timeout=200, cwd=context)
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    (wheel,) = wheels.iterdir()
    for command in stages()["serve"].all("RUN"):
        swap = {
            "requirements.txt": str(ROOT / "service" / "requirements.txt"),
            "/wheels/*.whl": str(wheel),
            "--no-cache-dir": "--quiet",
        }
        words = [swap.get(word, word) for word in command.split()]
        subprocess.run([python, "-m", *words], check=True, timeout=200)
    return python.parent


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, compose: dict[str, Any]) -> Path:
    """What the ``train`` service leaves in the volume."""
    folder = tmp_path_factory.mktemp("volume")
    command = fitted(compose["services"]["train"]["command"], folder / "models", "0")
    command += ["--epochs", "1"]  # what is learned in more is tested elsewhere
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, check=False, timeout=200,
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "models"


@pytest.fixture
def address(image: Path, models: Path, compose: dict[str, Any], tmp_path: Path) -> Iterator[str]:
    """The ``serve`` service, running from the installed wheel alone."""
    name, *rest = fitted(compose["services"]["serve"]["command"], models, "0")
    with subprocess.Popen(
        [image / name, *rest], stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=bare()
    ) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            assert line.startswith("serving digits on 127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            server.terminate()
            assert server.wait(60) == 0


def bare() -> dict[str, str]:
    """No PYTHONPATH: nothing of this checkout is visible."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}


def probe(image: Path, compose: dict[str, Any], address: str) -> subprocess.CompletedProcess[str]:
    _, python, *rest = compose["services"]["serve"]["healthcheck"]["test"]
    return subprocess.run(
        [image / python, *rest[:-1], address], capture_output=True, text=True, check=False,
        timeout=60, env=bare(), cwd=image,
    )  # fmt: skip


@pytest.mark.slow
def test_the_serving_image_serves_what_the_training_image_wrote(
    image: Path, compose: dict[str, Any], address: str
) -> None:
    # one test, so that parallel workers do not each make the environment
    well = probe(image, compose, address)
    assert (well.returncode, well.stdout) == (0, "SERVING\n"), well.stderr
    dead = probe(image, compose, "127.0.0.1:1")
    assert (dead.returncode, dead.stdout) == (1, "")
    assert "UNAVAILABLE" in dead.stderr
    ask = f"""
import numpy as np, waterhorse as wh
from pathlib import Path
with wh.Client({address!r}) as client:
    answer, = client.classify("digits", np.zeros((1, 8, 8, 1)), top_k=10)
    assert client.labels("digits") == list("0123456789")
print(round(sum(r.score for r in answer.ranked), 5), Path(wh.__file__).parent.parent.name)
"""
    done = subprocess.run(
        [image / "python", "-c", ask],
        capture_output=True,
        text=True,
        check=False,
        env=bare(),
        cwd=image,
    )
    assert done.stdout == "1.0 site-packages\n", done.stderr
    assert {"waterhorse", "onnxruntime"} <= installed(image)
    assert not installed(image) & COMPILER_ONLY


def installed(image: Path) -> set[str]:
    (packages,) = image.parent.glob("lib/python*/site-packages")
    return {p.name.split("-")[0].lower() for p in packages.glob("*.dist-info")}
