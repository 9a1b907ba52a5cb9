"""What the model does for a person who labels: suggestions, what to label next, borders, the like.

Everything here works on a `Table`: a few numbers a tenth of a second of every recording, made once
of an encoder's frames. Labels come in as plain segments; nothing is kept between two calls, so that
any window may ask at any time.

    table = open_table(project)                  # what features are there, reduced
    learnt = learn(table, segments)              # after each label; None while there is none
    suggest(table, learnt, segments)             # to accept, change or refuse
    remaining(suggestions, segments)             # of them after further labels
    next_stretch(table, learnt, segments)        # what to look at next
    grow(table, recording, frame, learnt)        # borders around one frame
    similar(table, recording, start, end)        # more like this
    split_class(table, segments, label)          # groups within a class
    expected(table, segments)                    # accuracy on recordings held out
    plane(table, segments)                       # all stretches as points
    save_model(project, segments, out)           # a folder that `skelf predict` takes
"""

from .accuracy import expected
from .answers import BACKGROUND, Expected, Hit, Point, Stretch, Suggestion
from .choosing import next_stretch
from .features import make_features, missing, open_table
from .growing import grow
from .learnt import Learnt, learn
from .likeness import similar
from .placing import plane
from .saving import save_model
from .splitting import split_class
from .suggesting import remaining, suggest
from .table import Table

__all__ = [
    "BACKGROUND", "Expected", "Hit", "Learnt", "Point", "Stretch", "Suggestion", "Table",
    "expected", "grow", "learn", "make_features", "missing", "next_stretch", "open_table", "plane",
    "remaining", "save_model", "similar", "split_class", "suggest",
]  # fmt: skip
