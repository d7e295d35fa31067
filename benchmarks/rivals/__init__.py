"""Gradient graphs of ``wh.differentiate`` beside those of onnx-ad and onnxsim: nodes, time, values.

    python -m venv rivals-venv && rivals-venv/bin/pip install "onnx-ad==0.3.*" "onnxsim==0.8.*" onnxruntime
    python -m benchmarks.rivals --rivals-python rivals-venv/bin/python [--only NAME ...] [--json FILE]

All three get the same file (``problems.py``): static shapes, weights as inputs, one scalar loss.
``rival.py`` runs in the rivals' environment, where alone they are installed, and writes their gradient
graphs or says why not. ``measure.py`` runs them and ours in one ONNX Runtime, in turn.
"""
