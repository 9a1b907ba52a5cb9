"""What keys, hands and buttons do: one function an action, by the name in `keys.KEYS`."""

from __future__ import annotations

from ..window import Action
from . import helping, labelling, moving

ACTIONS: dict[str, Action] = {
    "ready": moving.ready,
    "recording": moving.neighbour,
    "go": moving.go,
    "panel": moving.panel,
    "keys": moving.keys,
    "label": labelling.label,
    "new_class": labelling.new_class,
    "background": labelling.background,
    "resize": labelling.resize,
    "move": labelling.move,
    "split": labelling.split,
    "join": labelling.join,
    "remove": labelling.remove,
    "undo": labelling.undo,
    "redo": labelling.redo,
    "finish": labelling.finish,
    "accept": helping.accept,
    "accept_all": helping.accept_all,
    "refuse": helping.refuse,
    "next": helping.next_,
    "skip": helping.skip,
    "grow": helping.grow,
    "similar": helping.similar,
}
