"""A folder of many files into a sharded set, by many workers at once."""

from .run import Imported, import_shards

__all__ = ["Imported", "import_shards"]
