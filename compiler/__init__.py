"""The compiler: DSL vocabulary, symbolic graph, gradients, ONNX in and out.

It needs numpy and onnx only. Running what it makes is the business of ``runtime``.
"""
