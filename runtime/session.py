"""tmp"""
import onnxruntime as ort
def create(model, *, device, threads=0, spinning=True, optimize=True, profile=None):
    o = ort.SessionOptions(); o.intra_op_num_threads = threads; o.log_severity_level = 3
    return ort.InferenceSession(model, o, providers=device.providers)
