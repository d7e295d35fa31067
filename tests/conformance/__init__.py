"""The node cases of the ``onnx`` package, imported, run and differentiated: ``python -m tests.conformance``."""
