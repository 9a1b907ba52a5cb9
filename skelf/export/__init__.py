"""A trained model in one ONNX file, its preparation inside, for programs without torch."""
