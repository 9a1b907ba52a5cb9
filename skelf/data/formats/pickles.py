"""Pickles that hold arrays, numbers, texts and plain containers, read without running anything.

An ordinary unpickler calls whatever the file names. This one knows three functions of NumPy's and
ordered dictionaries, by name, and puts its own in their place; no class of the file's choosing is
made, no attribute set, and nothing is allocated that the file is too short to fill. It is the
interpreter's own unpickler in Python, whose table of operations can be cut down; the one in C
cannot, and lets a few bytes ask for any amount of memory.
"""

from __future__ import annotations

import math
import pickle
import re
import struct
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, SupportsInt

import numpy as np

from ...errors import InputError

Sizes = Iterable[SupportsInt]
"""A shape as the file has it; what is none ends in an error, as any damage does."""


def load_pickle(path: Path, *, objects: bool = False) -> object:
    """What a pickle holds; NumPy scalars become Python's.

    Args:
        path: the file.
        objects: whether arrays of objects may be in it, of what is read otherwise.

    Raises:
        InputError: no such file, cut off, or anything but arrays and plain containers in it.
    """
    if not path.is_file():
        raise InputError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; name a .pkl")
    with path.open("rb") as file:
        return unpickled(file, path.stat().st_size, str(path), objects=objects)


def unpickled(file: BinaryIO, size: int, where: str, *, objects: bool = False) -> object:
    """What the pickle in a stream holds, from where it stands.

    Args:
        file: with `read`, `readline` and `tell`.
        size: of it in all.
        where: starts messages.
        objects: see `load_pickle`.

    Raises:
        InputError: cut off, or anything but arrays and plain containers in it.
    """
    try:
        known = _KNOWN | {("numpy", "dtype"): _AnyType} if objects else _KNOWN
        return _Unpickler(_Bounded(file, size), known).load()
    except _Refused as error:
        raise InputError(
            f"{where}: not read: {error}; only arrays, numbers, texts, lists, tuples and dicts "
            "are taken from a pickle"
        ) from None
    except Exception as error:  # bytes at random raise nearly anything here, and do no harm
        detail = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
        raise InputError(f"{where}: not a pickle, cut off or damaged ({detail})") from None


class _Refused(Exception):  # noqa: N818
    """What the file asks for is not among what is read."""


def shown(value: object) -> str:
    """A value for a message: short, whatever the file nests; its type where it is no scalar."""
    if isinstance(value, str):
        return repr(value[:40])
    small = isinstance(value, int) and value.bit_length() < 64
    return repr(value) if small or isinstance(value, float) or value is None else _kind(value)


def _kind(value: object) -> str:
    return "a huge number" if isinstance(value, int) else f"a {type(value).__name__}"


class _Bounded:
    """A file that refuses to read more than is left, before memory is set aside for it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size, self.readline = file, size, file.readline

    def read(self, count: int) -> bytes:
        if count > self.size - self.file.tell():
            raise EOFError("the data ends early")
        return self.file.read(count)


class _Type:
    """Stands for a NumPy dtype while the file builds it."""

    codes: ClassVar[str] = r"[<>|=]?([fiub][1248]|[SU]\d{1,6})"

    def __init__(self, code: str, align: bool = False, copy: bool = False) -> None:
        if not isinstance(code, str) or not re.fullmatch(self.codes, code):
            raise _Refused(f"an array of type {shown(code)}")
        self.value = np.dtype(code)

    def build(self, state: tuple[object, ...]) -> None:
        """Takes the byte order, and nothing else, from a dtype's state."""
        order, names = state[1], state[3:5]
        if order not in ("<", ">", "|", "=") or names != (None, None) or state[2] is not None:
            raise _Refused("an array of records")
        self.value = self.value.newbyteorder(order)


class _AnyType(_Type):
    """A NumPy dtype that may be the one of objects."""

    codes = _Type.codes + "|O8?"


def _dtype(kind: object) -> np.dtype:
    if not isinstance(kind, _Type):
        raise _Refused("an array without a type")
    return kind.value


def _raw(data: object) -> bytes:
    if isinstance(data, str):  # written by Python 2
        data = data.encode("latin1")
    if not isinstance(data, bytes):
        raise _Refused("an array of objects")
    return data


def _array(data: bytes, kind: np.dtype, shape: Sizes, fortran: bool) -> np.ndarray:
    sizes = tuple(int(size) for size in shape)
    if min(sizes, default=0) < 0 or math.prod(sizes) * kind.itemsize != len(data):
        raise _Refused(f"an array of shape {str(sizes)[:60]} with {len(data)} bytes")
    return np.frombuffer(data, kind).reshape(sizes, order="F" if fortran else "C")


def _reconstruct(kind: object, shape: object, code: object) -> np.ndarray:
    if kind is not _ndarray:
        raise _Refused("an array class of its own")
    return np.zeros(0, np.uint8)  # filled by BUILD


def _ndarray() -> None:
    """Stands for the class of arrays, which `_reconstruct` is given."""
    raise _Refused("an array made otherwise than NumPy does")


def _scalar(kind: object, data: object) -> object:
    return _array(_raw(data), _dtype(kind), (), False).item()


def _frombuffer(data: object, kind: object, shape: Sizes, order: object) -> np.ndarray:
    return _array(_raw(data), _dtype(kind), shape, order == "F")


def _encode(text: object, codec: object) -> bytes:
    if not isinstance(text, str) or codec != "latin1":
        raise _Refused("_codecs.encode")
    return text.encode("latin1")


def _fill_objects(target: np.ndarray, shape: Sizes, fortran: bool, items: object) -> None:
    """Makes an array, empty so far, one of objects that were read already."""
    sizes = tuple(int(size) for size in shape)
    if not isinstance(items, list) or min(sizes, default=0) < 0 or math.prod(sizes) != len(items):
        raise _Refused(f"an array of shape {str(sizes)[:60]} with other objects")
    whole: Any = (1, sizes, np.dtype(object), fortran, items)  # as in `build`
    target.__setstate__(whole)


def _key(value: object) -> Hashable:
    """A key of a dict; to hash tuples of tuples of tuples would take for ever."""
    if not isinstance(value, str | bytes | int | float | None):
        raise _Refused(f"a dict with {_kind(value)} as key")
    return value


def _ordered(pairs: Iterable[tuple[object, object]] = ()) -> dict[Hashable, object]:
    return {_key(key): value for key, value in pairs}


def _empty() -> bytes:
    """What old protocols write for the data of an array without elements."""
    return b""


# NumPy 2 moved numpy.core to numpy._core; both names are in files.
_KNOWN: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "ndarray"): _ndarray,
    ("numpy", "dtype"): _Type,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _frombuffer,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty,
    ("collections", "OrderedDict"): _ordered,
}


class _Unpickler(pickle._Unpickler):
    def __init__(
        self, file: _Bounded, known: Mapping[tuple[str, str], Callable[..., object]]
    ) -> None:
        super().__init__(file, encoding="latin1")
        self.known = known

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        stand_in = self.known.get((module.replace("numpy._core", "numpy.core"), name))
        if stand_in is None:
            raise _Refused(f"it asks for {f'{module}.{name}'[:80]!r}")
        return stand_in

    def refuse(self) -> None:
        raise _Refused("it asks for an object of a class")

    def reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not any(function is stand_in for stand_in in self.known.values()):
            raise _Refused("it calls something that is no function")
        self.stack[-1] = function(*arguments)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, _Type):
            target.build(state)
        elif isinstance(target, np.ndarray) and target.base is None and not target.size:
            _, shape, kind, fortran, data = state
            if _dtype(kind).hasobject:
                _fill_objects(target, shape, bool(fortran), data)
                return
            filled = _array(_raw(data), _dtype(kind), shape, bool(fortran))
            # Everything is checked by now; others in the file may refer to `target` already.
            # NumPy's stubs want its own kind of bool here.
            whole: Any = (1, filled.shape, filled.dtype, bool(fortran), _raw(data))
            target.__setstate__(whole)
        else:
            raise _Refused("it sets an object's attributes")

    def set_(self) -> None:
        raise _Refused("it holds a set")

    def dict_(self) -> None:
        items = self.pop_mark()
        self.append({_key(k): v for k, v in zip(items[::2], items[1::2], strict=True)})

    def setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.stack[-1][_key(key)] = value

    def setitems(self) -> None:
        items = self.pop_mark()
        for key, value in zip(items[::2], items[1::2], strict=True):
            self.stack[-1][_key(key)] = value

    def bytearray8(self) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(size))

    # Of the interpreter's class, which typeshed leaves out; what lies on the stack can be anything.
    stack: list[Any]
    read: Callable[[int], bytes]
    append: Callable[[object], None]
    pop_mark: Callable[[], list[Any]]  # as `stack`
    dispatch: ClassVar[dict[int, Any]] = {  # methods of both classes
        **pickle._Unpickler.dispatch,
        **dict.fromkeys(
            b"".join(
                [
                    pickle.PERSID, pickle.BINPERSID, pickle.INST, pickle.OBJ, pickle.NEWOBJ,
                    pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2, pickle.EXT4,
                    pickle.NEXT_BUFFER, pickle.READONLY_BUFFER,
                ]
            ),
            refuse,
        ),
        **dict.fromkeys(b"".join([pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET]), set_),
        pickle.DICT[0]: dict_,
        pickle.SETITEM[0]: setitem,
        pickle.SETITEMS[0]: setitems,
        pickle.REDUCE[0]: reduce,
        pickle.BUILD[0]: build,
        pickle.BYTEARRAY8[0]: bytearray8,
    }  # fmt: skip
