"""Names on the wire, apart from servers and clients so that a client loads no ONNX Runtime."""

INFERENCE = "inference.GRPCInferenceService"
CLASSIFIER = "waterhorse.v1.Classifier"
HEALTH = "grpc.health.v1.Health"
MAX_MESSAGE_BYTES = 256 << 20
