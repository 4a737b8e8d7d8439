"""Models that were exported to ONNX, run by onnxruntime with the tokenizers library: no torch."""
