"""The model repository: ``<model>/<version>/model.onnx`` in a folder."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import NamedTuple

from ..errors import ServiceError
from ..runtime.device import Device
from .errors import NotFoundError, RequestError
from .model import ServedModel

logger = logging.getLogger("waterhorse.service")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_VERSION = re.compile(r"[1-9][0-9]{0,17}")


class Entry(NamedTuple):
    """A version of a model in the repository; ``reason`` says why it cannot be asked."""

    name: str
    version: str
    reason: str


class Repository:
    """All models of a folder, loaded once. Versions are numbers; the highest is the default."""

    def __init__(self, folder: Path, device: Device, threads: int = 0) -> None:
        if not folder.is_dir():
            raise ServiceError(
                f"{folder} is no folder; expected <model>/<version>/model.onnx in it"
            )
        self.folder = folder
        self._models: dict[str, dict[int, ServedModel]] = {}
        self._failed: list[Entry] = []
        for path in sorted(folder.glob("*/*/model.onnx")):
            self._load(path, device, threads)
        if not self._models:
            raise ServiceError(
                f"there is no model in {folder}; expected files like {folder}/digits/1/model.onnx"
            )

    def _load(self, path: Path, device: Device, threads: int) -> None:
        version, name = path.parent.name, path.parent.parent.name
        if not _NAME.fullmatch(name) or not _VERSION.fullmatch(version):
            logger.warning("skipped %s: expected <model>/<number above 0>/model.onnx", path)
            return
        if not path.resolve().is_relative_to(self.folder.resolve()):
            logger.warning("skipped %s: it is a link out of the repository", path)
            return
        try:
            model = ServedModel(name, version, path, device, threads)
        except Exception as error:  # one bad file must not keep the others from being served
            logger.error("skipped %s: %s", path, error)
            self._failed.append(Entry(name, version, "the file could not be loaded; see the log"))
            return
        self._models.setdefault(name, {})[int(version)] = model
        logger.info("loaded %s version %s", name, version)

    def names(self) -> list[str]:
        """The models, sorted."""
        return sorted(self._models)

    def index(self) -> list[Entry]:
        """All versions of all models, those that could not be loaded included; sorted."""
        loaded = [Entry(n, str(v), "") for n, found in self._models.items() for v in found]
        return sorted([*loaded, *self._failed], key=lambda e: (e.name, int(e.version)))

    def versions(self, name: str) -> list[str]:
        """A model's versions, lowest first. Raises ``NotFoundError`` for an unknown model."""
        return [str(v) for v in sorted(self._versions(name))]

    def _versions(self, name: str) -> dict[int, ServedModel]:
        if name not in self._models:
            raise NotFoundError(f"model {name!r} is not found; there are {self.names()}")
        return self._models[name]

    def get(self, name: str, version: str = "") -> ServedModel:
        """A model; the newest version where none is named.

        Raises ``RequestError`` for a version that is no number, ``NotFoundError`` for what is not there.
        """
        found = self._versions(name)
        if not version:
            return found[max(found)]
        if not _VERSION.fullmatch(version):
            raise RequestError(f"version {version!r}: expected a whole number above 0")
        if int(version) not in found:
            raise NotFoundError(
                f"model {name!r} has no version {version}; there are {self.versions(name)}"
            )
        return found[int(version)]
