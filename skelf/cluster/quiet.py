"""Keeps dask's own log off the terminal: what matters of it is our message."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

TALKERS = ("distributed", "dask_jobqueue", "tornado", "asyncio", "bokeh")


@contextmanager
def quiet() -> Iterator[None]:
    """Silences dask and what it stands on; after it all is as before."""
    import distributed  # noqa: F401  sets the levels of its loggers

    loggers = [logging.getLogger(name) for name in TALKERS]
    loggers += [
        logger
        for name, logger in list(logging.Logger.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and name.split(".")[0] in TALKERS
    ]
    before = [(logger, logger.level) for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        with warnings.catch_warnings():
            for talker in TALKERS:
                warnings.filterwarnings("ignore", module=rf"{talker}(\.|$)")
            yield
    finally:
        for logger, level in before:
            logger.setLevel(level)
