"""The exceptions of Waterhorse: what was wrong, what was expected, what to do.

WaterhorseError
├── GraphError                 building a graph
│   ├── ShapeError             shapes or element types do not fit (also a ValueError)
│   ├── OpError                unknown operator or attribute, wrong operands (also a TypeError)
│   ├── GradientError          no gradient exists or none is known
│   └── TraceError             a symbolic value used where it has none (also a RuntimeError)
├── RunError                   ONNX Runtime failed; names the user's line (also a RuntimeError)
├── ArgumentError              an argument has a value that makes no sense (also a ValueError)
├── DataError                  the data does not fit the model (also a ValueError)
├── NonFiniteError             the loss became NaN or infinite (also an ArithmeticError)
├── DeviceError                the device that was asked for is not there (also a RuntimeError)
├── ExportError                a file could not be exported
├── FileFormatError            a file is not what it should be (also a ValueError)
├── DatasetError               a data set could not be had (also an OSError)
└── ServiceError               a server could not start, or a request to one failed
    └── RequestFailed          what a client raises; ``code`` is the gRPC status name
"""


class WaterhorseError(Exception):
    """Base of all."""


class GraphError(WaterhorseError):
    """Building a graph failed."""


class ShapeError(GraphError, ValueError):
    """Shapes or element types do not fit an operator."""


class OpError(GraphError, TypeError):
    """An operator, an attribute or an operand that does not exist."""


class GradientError(GraphError):
    """No gradient exists, or no rule for it."""


class TraceError(GraphError, RuntimeError):
    """A symbolic value was used where only a concrete one will do."""


class RunError(WaterhorseError, RuntimeError):
    """ONNX Runtime failed while running a graph."""


class ArgumentError(WaterhorseError, ValueError):
    """An argument has a value that makes no sense."""


class NotCalledError(ArgumentError, AttributeError):
    """A layer has no input or output yet; ``hasattr`` says so, as with Keras."""


class DataError(WaterhorseError, ValueError):
    """The data does not fit the model."""


class NonFiniteError(WaterhorseError, ArithmeticError):
    """The loss is NaN or infinite."""


class DeviceError(WaterhorseError, RuntimeError):
    """The device that was asked for cannot be used."""


class ExportError(WaterhorseError):
    """A file could not be exported."""


class FileFormatError(WaterhorseError, ValueError):
    """A file is not what it should be."""


class DatasetError(WaterhorseError, OSError):
    """A data set could not be found, downloaded or read."""


class ServiceError(WaterhorseError):
    """A server could not start, or a request to one failed."""


class RequestFailed(ServiceError):  # noqa: N818  # it reads as what happened
    """A request failed; ``code`` is the gRPC status name, such as "NOT_FOUND"."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message
