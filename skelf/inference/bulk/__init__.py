"""Recordings of any number in units of work: cut by the data alone, done by a crew, put in order.

What a unit gives lies in a file of its own beside the output until all is put together. So a kill
loses what was under way and nothing else, and the result is the same whoever did which unit.
"""
