"""An exported file, opened by onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnxruntime

from .about import About, read_about


# Any: onnxruntime's session is untyped.
def opened(path: str | os.PathLike[str], threads: int | None) -> tuple[Any, About]:
    """The session of a file, and what the file says of itself.

    Raises:
        FileNotFoundError: nothing is there.
        ValueError: it is no model, or not one of skelf's.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime has a class of its own for each
        raise ValueError(
            f"{file}: no model for onnxruntime: {str(error).splitlines()[0]}"
        ) from None
    return session, read_about(session.get_modelmeta().custom_metadata_map, str(file))
