"""The few public functions: pretrain, evaluate, load. The command line is thin over them."""

from .judging import evaluate
from .pretraining import pretrain, resume
from .runs.load import from_pretrained, load, load_official

__all__ = ["evaluate", "from_pretrained", "load", "load_official", "pretrain", "resume"]
