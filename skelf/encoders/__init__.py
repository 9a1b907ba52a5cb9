"""Encoders: skeleton clips `(N, C, T, V, M)` to one vector a clip, or one a frame.

`contracts.Encoder` says what they have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..tables import Table

if TYPE_CHECKING:
    from ..contracts import Encoder

ENCODERS: Table[type[Encoder]] = Table(
    __name__,
    {
        "dste": "dste.DSTE",
        "sttr": "sttr.STTR",
        "stgcn": "stgcn.STGCN",
        "gru": "gru.GRU",
        "tcn": "tcn.TCN",
        "hcn": "hcn.HCN",
        "byname": "byname.ByName",
        "fused": "fused.Fused",
        "patches": "patches.Patches",
    },
    group="skelf.encoders",
)
