"""The command line. Each command loads what it needs when it is called: a server no compiler."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import WaterhorseError

app = typer.Typer(
    name="waterhorse",
    help="Models in Python, compiled to ONNX with their gradients, trained and served on ONNX Runtime.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1")]


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("quickstart"),
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training digits.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same run.")] = 7,
    device: Device = "auto",
    train_only: Annotated[
        bool, typer.Option("--train-only", help="Train and export, no server.")
    ] = False,
    repository: Annotated[
        Path | None, typer.Option(help="Model repository to fill (default: OUT/models).")
    ] = None,
    picture: Annotated[bool, typer.Option(help="Draw quickstart.png (needs matplotlib).")] = True,
) -> None:
    """Train a convnet on handwritten digits, export it, serve it, and ask the server."""
    from . import _quickstart as command

    command.run(out, epochs, seed, device, train_only, repository or out / "models", picture)


OnnxFile = Annotated[Path, typer.Argument(help="An ONNX file.")]


@app.command()
def inspect(
    model: OnnxFile,
    dims: Annotated[
        list[str] | None, typer.Option(help="Sizes for open dims: batch=8,seq=128. Repeatable.")
    ] = None,
    weights: Annotated[bool, typer.Option("--weights", help="List every stored tensor.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, as JSON.")] = False,
) -> None:
    """Show what is in an ONNX model, and how each operator differentiates."""
    from . import _inspect as command

    command.run(model, dims or [], as_json, weights)


@app.command()
def differentiate(
    model: OnnxFile,
    out: Annotated[Path, typer.Option("-o", "--out", help="The file to write.")],
    wrt: Annotated[
        list[str] | None,
        typer.Option(help="By this input or weight; default: all that are floats. Repeatable."),
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(help="Of this output; default: all that are floats. Repeatable."),
    ] = None,
) -> None:
    """Write the model with its gradients as further outputs: standard operators, nothing to install."""
    from . import _differentiate as command

    command.run(model, out, wrt or [], of or [])


@app.command()
def finetune(
    model: OnnxFile,
    data: Annotated[Path, typer.Option(help="An .npz file: an array per input (or x), and y.")],
    loss: Annotated[
        str, typer.Option(help="Keras' name: mse, sparse_categorical_crossentropy ...")
    ],
    optimizer: Annotated[str, typer.Option(help="Keras' name: sgd, adam, adamw ...")] = "adam",
    learning_rate: Annotated[
        float | None, typer.Option(help="Default: the optimizer's own.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = 3,
    batch_size: Annotated[int, typer.Option(min=1, help="Examples per step.")] = 32,
    freeze: Annotated[
        list[str] | None,
        typer.Option(help="Leave weights of these names as they are: '*bias*'. Repeatable."),
    ] = None,
    train_only: Annotated[
        list[str] | None, typer.Option(help="Train weights of these names alone. Repeatable.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Keras' name: accuracy, mae ... Repeatable.")
    ] = None,
    validation_split: Annotated[float, typer.Option(help="Hold out this last part.")] = 0.0,
    target: Annotated[str, typer.Option(help="The array with the targets.")] = "y",
    output: Annotated[
        str | None, typer.Option(help="The output to train; default: the first.")
    ] = None,
    from_logits: Annotated[
        bool | None,
        typer.Option(
            "--from-logits/--no-from-logits",
            help="What a crossentropy gets; default: "
            "probabilities if the model ends in Softmax or Sigmoid.",
        ),
    ] = None,
    batch_norm: Annotated[
        str, typer.Option(help="frozen: keep the running statistics; train: update them.")
    ] = "frozen",
    dropout: Annotated[
        bool, typer.Option("--dropout", help="The model's Dropouts are active.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; default: MODEL.tuned.onnx.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Folder for checkpoints, kept at the end; default: OUT.checkpoint, removed."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Go on from a checkpoint, if there is one.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same run.")] = 0,
    device: Device = "auto",
) -> None:
    """Train an ONNX model on data of your own, and write it as ONNX again."""
    from . import _finetune as command

    settings = command.Settings(
        loss, optimizer, learning_rate, batch_size, tuple(freeze or ()), tuple(train_only or ()),
        tuple(metric or ()), validation_split, output, target, from_logits, batch_norm, dropout, seed,
    )  # fmt: skip
    files = command.Files(model, data, out or model.with_suffix(".tuned.onnx"), checkpoint)
    command.run(files, settings, epochs, resume, device)


@app.command()
def serve(
    repository: Annotated[Path, typer.Argument(help="Folder of <model>/<version>/model.onnx.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8001,
    device: Device = "auto",
    workers: Annotated[int, typer.Option(min=1, help="Requests at a time.")] = 4,
    threads: Annotated[int, typer.Option(min=0, help="Per operator; 0 takes all cores.")] = 1,
    max_message_mb: Annotated[int, typer.Option(min=1, help="Largest request or answer.")] = 256,
    grace_seconds: Annotated[
        float, typer.Option(min=0, help="For requests under way at the end.")
    ] = 10.0,
    lame_duck_seconds: Annotated[
        float, typer.Option(min=0, help="Say NOT_SERVING this long before refusing requests.")
    ] = 0.0,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM).")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key (PEM).")] = None,
    tls_client_ca: Annotated[
        Path | None, typer.Option(help="Demand client certificates of this CA.")
    ] = None,
) -> None:
    """Serve a model repository over gRPC until SIGINT or SIGTERM."""
    from . import _serve as command

    command.run(
        repository, host=host, port=port, device=device, workers=workers, threads=threads,
        max_message_bytes=max_message_mb << 20, grace_seconds=grace_seconds,
        lame_duck_seconds=lame_duck_seconds, tls=command.tls(tls_cert, tls_key, tls_client_ca),
    )  # fmt: skip


@app.command()
def classify(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    file: Annotated[Path, typer.Argument(help="Instances: an array in a .npy or .npz file.")],
    address: Annotated[str, typer.Option(help="Where the server listens.")] = "127.0.0.1:8001",
    top_k: Annotated[int, typer.Option(min=1, help="Classes per instance.")] = 3,
    version: Annotated[str | None, typer.Option(help="Default: the newest.")] = None,
    key: Annotated[str | None, typer.Option(help="Which array of an .npz file.")] = None,
) -> None:
    """Ask a server to classify the instances in a file."""
    from . import _classify as command

    command.run(model, file, address, top_k, version, key)


def main() -> None:
    """Run the command line; our own errors are one sentence, not a traceback."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("waterhorse").setLevel(logging.INFO)
    try:
        app()
    except (WaterhorseError, NotImplementedError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
