"""Methods: how an encoder is pretrained without labels.

Contract: `Method(encoder, views, ...)` with `.encoder`; `views(x, lengths, generator) -> tuple`;
`forward(*views)` gives a dict with `"loss"` and every named term; `after_step()`. `view_function`
is what `views.*` of a config feeds. `OFFICIAL` names, for a method with released weights, the
module that reads and writes their layout.
"""

from . import usdrl_official
from .usdrl import USDRL

METHODS = {"usdrl": USDRL}
OFFICIAL = {"usdrl": usdrl_official}
