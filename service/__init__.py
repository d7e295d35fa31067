"""The gRPC service: models from a folder, tensors in, classes out. Knows neither compiler nor onnx."""
