from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skelf.data.formats.words import WIDTH, Words

number = (
    st.floats().map(repr)
    | st.integers(-(10**18), 10**18).map(str)
    | st.decimals(allow_nan=False, places=7, min_value=-1000, max_value=1000).map(str)
    | st.from_regex(r"-?[0-9]{0,15}\.[0-9]{1,15}", fullmatch=True)
    | st.sampled_from(["-.5", "5.", "-0", "0.0", "-0.0", "+1", "1e-7", "inf", "nan", "000.10"])
)


@settings(max_examples=120, deadline=None)
@given(st.lists(number, min_size=1, max_size=30), st.sampled_from([" ", "\n ", "\t", "\r\n"]))
@example(["9" * n for n in range(1, 20)], " ")
@example(["." + "9" * n for n in range(1, 20)] + ["9" * n + "." for n in range(1, 20)], " ")
@example(["-" + "1" * 14, "-" + "1" * 15, "-1." + "7" * 12, "-1." + "7" * 13], " ")
def test_numbers_are_floats_to_the_bit(texts: list[str], between: str) -> None:
    words = Words(between.join(texts).encode())
    expected = np.array([float(text) for text in texts])
    assert [words[i].decode() for i in range(len(words))] == texts
    np.testing.assert_array_equal(words.numbers(), expected)
    np.testing.assert_array_equal(np.signbit(words.numbers()), np.signbit(expected))


@pytest.mark.parametrize("text", [b".", b"-", b"--1", b"1-", b"1.2.3", b"a", b"1,5", b"0x1", b"-."])
def test_what_is_no_number(text: bytes) -> None:
    words = Words(b"1 2 " + text + b" 3")
    with pytest.raises(ValueError, match="could not convert"):
        words.numbers()
    assert words.numbers([0, 1, 3]).tolist() == [1, 2, 3]


def test_many_words_and_none() -> None:
    values = np.random.default_rng(0).normal(size=20_000).round(6)
    text = " ".join(map(str, values)).encode()
    np.testing.assert_array_equal(Words(text).numbers(), values)
    assert len(Words(b" \n")) == 0 and Words(b"").numbers().shape == (0,)
    assert Words(b"1" * (WIDTH + 5)).numbers().tolist() == [float("1" * (WIDTH + 5))]
