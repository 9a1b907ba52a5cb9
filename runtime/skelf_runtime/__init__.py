"""Runs models that skelf exported to ONNX, with numpy and onnxruntime alone.

from skelf_runtime import Model

answer = Model("model.onnx").predict(joints)
"""

from .about import About
from .model import Answer, Model
from .stepper import Row, Stepper

__all__ = ["About", "Answer", "Model", "Row", "Stepper"]
