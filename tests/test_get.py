"""Downloads against a server of this machine that misbehaves: the right file or one clear error."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from filelock import FileLock
from typer.testing import CliRunner

from skelf.cli.data import app
from skelf.data.download import fetch as get
from skelf.data.download.fetch import ATTEMPTS, fetch
from skelf.data.download.fetch import Result as Loaded
from skelf.data.download.sets import Entry, find
from skelf.errors import InputError

CONTENT = bytes(range(256)) * 1200  # more than the sockets hold
SUM = hashlib.sha256(CONTENT).hexdigest()
Act = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path: the name of a behaviour in `ACTS`."""

    protocol_version = "HTTP/1.1"
    ranges: dict[str, list[str]]
    counts: dict[str, int]

    def do_GET(self) -> None:
        name = self.path.strip("/").split("/")[0]
        self.counts[name] += 1
        self.ranges[name].append(self.headers.get("Range", ""))
        self.close_connection = True
        with suppress(BrokenPipeError, ConnectionResetError):
            ACTS[name](self, self.counts[name])

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        headers = {"Content-Length": str(len(body)), "Connection": "close", **named}
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def rest(self, body: bytes = CONTENT, cut: int | None = None, **headers: str) -> None:
        """The file, or its rest where one is asked for; only `cut` bytes of what is announced."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(asked[1]) if asked else 0
        if asked and self.headers.get("If-Range", headers.get("ETag")) != headers.get("ETag"):
            asked, first = None, 0
        if first >= len(body):
            self.answer(416)
            return
        if asked:
            headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
        part = body[first:]
        headers["Content-Length"] = str(len(part))
        self.answer(206 if asked else 200, part[:cut], **headers)


def changing(handler: Handler, count: int) -> None:
    """Breaks off, and is another version afterwards."""
    if count == 1:
        handler.rest(b"old" * 100_000, cut=90_000, ETag='"old"')
    else:
        handler.rest(ETag='"new"')


def chunked(handler: Handler, count: int) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    size = len(CONTENT) if count > 1 else 1000  # the first ends without the last chunk
    handler.wfile.write(b"%x\r\n%s\r\n" % (size, CONTENT[:size]))
    if count > 1:
        handler.wfile.write(b"0\r\n\r\n")


def endless(handler: Handler, _: int) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(CONTENT)


def hang(handler: Handler, _: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    handler.wfile.write(CONTENT[:1000])
    handler.wfile.flush()
    handler.rfile.read(1)  # until the other side has had enough


def wrong_range(handler: Handler, count: int) -> None:
    if count == 1:
        handler.rest(cut=5000, ETag='"a"')
    else:
        handler.answer(206, CONTENT[10:], ETag='"a"', Content_Range=f"bytes 10-20/{len(CONTENT)}")


ACTS: dict[str, Act] = {
    "good": lambda h, n: h.rest(ETag='"a"'),
    "breaks": lambda h, n: h.rest(cut=100_000 if n < 3 else None, ETag='"a"'),
    "unmarked": lambda h, n: h.rest(cut=100_000 if n == 1 else None),
    "always-breaks": lambda h, n: h.rest(cut=10_000, ETag='"a"'),
    "no-ranges": lambda h, n: h.answer(
        200, CONTENT[: 99_000 if n == 1 else None], ETag='"a"', Content_Length=str(len(CONTENT))
    ),
    "longer": lambda h, n: h.answer(200, CONTENT, Content_Length=str(len(CONTENT) + 500)),
    "shorter": lambda h, n: h.answer(200, CONTENT, Content_Length="5000"),
    "wrong": lambda h, n: h.answer(200, b"x" * len(CONTENT)),
    "wrong-once": lambda h, n: h.answer(200, b"x" * len(CONTENT) if n == 1 else CONTENT),
    "missing": lambda h, n: h.answer(404),
    "fails-first": lambda h, n: h.answer(503) if n < 3 else h.rest(),
    "always-fails": lambda h, n: h.answer(500),
    "to-file": lambda h, n: h.answer(302, Location="file:///etc/hostname"),
    "to-ftp": lambda h, n: h.answer(301, Location="ftp://127.0.0.1/a"),
    "to-plain": lambda h, n: h.answer(307, Location="http://192.0.2.1/a"),
    "to-good": lambda h, n: h.answer(302, Location="/good/a"),
    "circle": lambda h, n: h.answer(302, Location="/circle/a"),
    "changing": changing,
    "chunked": chunked,
    "endless": endless,
    "hang": hang,
    "wrong-range": wrong_range,
    "packed": lambda h, n: h.answer(200, CONTENT, Content_Encoding="gzip"),
    "nothing": lambda h, n: h.connection.shutdown(socket.SHUT_RDWR),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for key in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(key, raising=False)
    made = type("Fresh", (Handler,), {"ranges": defaultdict(list), "counts": defaultdict(int)})
    running = ThreadingHTTPServer(("127.0.0.1", 0), made)
    running.handler = made  # type: ignore[attr-defined]
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}).start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()


def entry(base: str, files: list[str] | None = None, **others: Any) -> Entry:
    return Entry(
        title="T", about="a", licence="MIT", source="s", base=base, files=files or ["sub/a.bin"],
        command="skelf data import csv {folder} --out a.h5", **others,
    )  # fmt: skip


def load(base: str, folder: Path, **others: Any) -> Loaded:
    timeout = 0.4 if "/hang/" in base else 30  # seconds; a busy machine is no slow server
    return fetch(entry(base, **others), folder, timeout=timeout, pause=0.001)


KNOWN = {"sha256": {"sub/a.bin": SUM}, "bytes": {"sub/a.bin": len(CONTENT)}}


def names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("known", [KNOWN, {}], ids=["known", "unknown"])
@pytest.mark.parametrize(
    "act",
    [
        "good", "breaks", "unmarked", "no-ranges", "fails-first", "to-good", "changing", "chunked",
    ],
)  # fmt: skip
def test_the_right_file_in_the_end(server: str, tmp_path: Path, act: str, known: Any) -> None:
    result = load(f"{server}{act}/", tmp_path, **known)
    assert (tmp_path / "sub/a.bin").read_bytes() == CONTENT
    assert names(tmp_path) == {"sub/a.bin", "SHA256SUMS"}
    assert (tmp_path / "SHA256SUMS").read_text() == f"{SUM}  sub/a.bin\n"
    assert (result.loaded, result.kept, result.checked) == (1, 0, len(known) // 2)
    assert ("the list knows none" in " ".join(result.lines())) == (not known)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        ("always-breaks", "broke off after .* bytes are kept"),
        ("longer", f"broke off after {len(CONTENT):,} of {len(CONTENT) + 500:,} bytes"),
        ("missing", "answers 404 .* has the set moved"),
        ("always-fails", f"answers 500 .*, {ATTEMPTS} times"),
        ("to-file", "redirects to 'file:///etc/hostname', which is not https"),
        ("to-ftp", "redirects to 'ftp:"),
        ("to-plain", "redirects to 'http://192.0.2.1/a'"),
        ("circle", "answers 302"),
        ("hang", "does not answer in time"),
        ("wrong-range", "sends another range"),
        ("packed", "sends compressed data"),
        ("nothing", "connection failed"),
    ],
)
def test_one_clear_error_and_no_final_file(
    server: str, tmp_path: Path, act: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load(f"{server}{act}/", tmp_path)
    assert str(caught.value).startswith(f"{server}{act}/sub/a.bin: ")
    assert not names(tmp_path) - {"sub/a.bin.part", "sub/a.bin.part.etag"}


@pytest.mark.parametrize(
    ("act", "message"),
    [
        ("wrong", "sends other bytes than the list has"),
        ("shorter", "announces 5,000 bytes, the list has"),
        ("longer", "announces .* bytes, the list has"),
        ("endless", "sends more than"),
    ],
)
def test_what_the_list_knows_is_checked(
    server: str, tmp_path: Path, act: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load(f"{server}{act}/", tmp_path, **KNOWN)
    assert names(tmp_path) == set()  # nothing of the wrong bytes stays


def test_wrong_bytes_once_are_loaded_again(server: str, tmp_path: Path) -> None:
    load(f"{server}wrong-once/", tmp_path, **KNOWN)
    assert (tmp_path / "sub/a.bin").read_bytes() == CONTENT


def test_an_endless_answer_ends(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get, "MOST", 400_000)
    with pytest.raises(InputError, match="sends more than 400,000 bytes"):
        load(f"{server}endless/", tmp_path)
    assert names(tmp_path) == set()


def test_a_later_call_goes_on_where_it_broke_off(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(get, "ATTEMPTS", 1)
    asked: list[int] = []
    for _ in range(2):
        with pytest.raises(InputError, match="broke off"):
            load(f"{server}breaks/", tmp_path)
        asked.append((tmp_path / "sub/a.bin.part").stat().st_size)
    assert asked == [100_000, 200_000]
    shown: list[int] = []
    fetch(entry(f"{server}breaks/"), tmp_path, progress=lambda p, done, t, n: shown.append(done))
    assert min(shown) > 200_000 and shown[-1] == len(CONTENT)
    assert (tmp_path / "sub/a.bin").read_bytes() == CONTENT


def test_a_part_that_nothing_vouches_for_is_not_continued(server: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.bin.part").write_bytes(b"of something else")
    load(f"{server}good/", tmp_path)
    assert (tmp_path / "sub/a.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"of something else", CONTENT, CONTENT + b"x", CONTENT[:-1]])
def test_a_part_of_any_kind_ends_in_the_right_file(
    server: str, tmp_path: Path, left: bytes
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.bin.part").write_bytes(left)
    load(f"{server}good/", tmp_path, **KNOWN)
    assert (tmp_path / "sub/a.bin").read_bytes() == CONTENT


def test_files_that_are_there_are_kept_and_checked(server: str, tmp_path: Path) -> None:
    both = {"files": ["sub/a.bin", "b.bin"]}
    assert load(f"{server}good/", tmp_path, **both).loaded == 2
    again = load(f"{server}missing/", tmp_path, **both)  # asks for nothing
    assert (again.loaded, again.kept) == (0, 2) and "2 were there already" in again.lines()[0]
    (tmp_path / "b.bin").write_bytes(b"changed")
    with pytest.raises(InputError, match=r"b\.bin: has another checksum .* remove it"):
        load(f"{server}good/", tmp_path, **both)
    (tmp_path / "b.bin").unlink()
    (tmp_path / "b.bin").mkdir()
    with pytest.raises(InputError, match=r"b\.bin: a folder where a file should go"):
        load(f"{server}good/", tmp_path, **both)


def test_whole_files_stay_when_a_later_one_fails(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="404"):
        load(server, tmp_path, files=["good/a.bin", "missing/b.bin"])
    assert names(tmp_path) == {"good/a.bin", "SHA256SUMS"}


def test_one_process_at_a_time(server: str, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".get.lock"), pytest.raises(InputError, match="another process"):
        load(f"{server}good/", tmp_path)


def test_a_folder_that_cannot_be_made(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot write here"):
        load(f"{server}good/", tmp_path / "file")


def test_no_server_at_all(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"connection failed \(Connection refused\), 5 times"):
        load(f"http://127.0.0.1:{port}/", tmp_path)


LIST = """
[mine]
title = "Mine"
about = "a"
licence = "CC0"
source = "me"
base = "{base}good/"
files = ["x{{1..2}}.csv"]
command = "skelf data import csv {{folder}} --out mine.h5"
"""


def call(*words: object, text: str = "") -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], input=text)


def test_command_shows_the_licence_and_wants_consent(server: str, tmp_path: Path) -> None:
    more, out = tmp_path / "list.toml", tmp_path / "out"
    more.write_text(LIST.format(base=server))
    refused = call("get", "mine", "--list", more, "--out", out)
    assert isinstance(refused.exception, InputError) and "--yes" in str(refused.exception)
    assert "CC0" in refused.output and not out.exists()
    done = call("get", "mine", "--list", more, "--out", out, "--yes")
    assert done.exit_code == 0, done.output + repr(done.exception)
    text = " ".join(done.output.split())
    assert "2 files, 2 loaded" in text and f"skelf data import csv {out}" in text
    assert names(out) >= {"x1.csv", "x2.csv", "SHA256SUMS"}


def test_command_asks_on_a_terminal(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more, out = tmp_path / "list.toml", tmp_path / "out"
    more.write_text(LIST.format(base=server))
    monkeypatch.setattr("skelf.cli.look._on_terminal", lambda: True)
    declined = call("get", "mine", "--list", more, "--out", out, text="n\n")
    assert declined.exit_code == 1 and "nothing was downloaded" in declined.output
    assert not out.exists()
    assert call("get", "mine", "--list", more, "--out", out, text="y\n").exit_code == 0
    assert (out / "x1.csv").read_bytes() == CONTENT


def test_built_in_list() -> None:
    precog = find("precog")
    assert len(precog.paths) == 73 and precog.base.startswith("https://")
    assert {f"Dataset/CSV/Seq{s}_{k}.csv" for s in range(1, 7) for k in range(1, 13)} < set(
        precog.paths
    )
    with pytest.raises(InputError, match="did you mean 'precog'"):
        find("precok")


def test_listed_checksums_are_those_of_the_files(real_data: Callable[[str], Path]) -> None:
    raw, precog = real_data("precog").parent / "raw", find("precog")
    for path, digest in precog.sha256.items():
        content = (raw / path.rpartition("/")[2]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
        assert len(content) == precog.bytes[path]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"x{{1..2}}.csv"', '"../x"'), "would leave the folder"),
        (('"x{{1..2}}.csv"', '"/etc/x"'), "would leave the folder"),
        (('"x{{1..2}}.csv"', '"a//b"'), "would leave the folder"),
        (('"x{{1..2}}.csv"', '"a\\\\b"'), "would leave the folder"),
        (('"x{{1..2}}.csv"', '"C:x"'), "would leave the folder"),
        (('"x{{1..2}}.csv"', '"a.part"'), "would leave the folder"),
        (('"x{{1..2}}.csv"', ""), "name at least one"),
        (('"x{{1..2}}.csv"', '"a", "a"'), "stands twice"),
        (("x{{1..2}}", "x{{1..99999}}{{1..99999}}"), "the most is"),
        (("{base}good/", "http://example.org/"), "give an https"),
        (("{base}good/", "file:///etc/"), "give an https"),
        (("{base}good/", "https:///x/"), "give an https"),
        (("{base}good/", "https://[x/"), "give an https"),
        (('licence = "CC0"\n', ""), "licence: Field required"),
        (('licence = "CC0"', 'licence = ""'), "licence: "),
        (('"Mine"', '"a\\u001b[31m"'), "title: .*control characters"),
        (("title", "titel"), "titel|title"),
        (("[mine]", "[mine"), "not TOML"),
        (("command =", 'sha256 = {{"y.csv" = "' + "0" * 64 + '"}}\ncommand ='), "sha256: unknown"),
        (("command =", 'sha256 = {{"x1.csv" = "zz"}}\ncommand ='), r"sha256\.x1\.csv"),
    ],
)
def test_lists_that_are_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    more = tmp_path / "list.toml"
    text = LIST.replace(*change)
    assert text != LIST
    more.write_text(text.format(base="https://example.org/"))
    with pytest.raises(InputError, match=message):
        find("mine", more)


def test_a_list_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the list"):
        find("mine", tmp_path / "none.toml")


def test_without_a_name_the_sets_are_listed(tmp_path: Path) -> None:
    more = tmp_path / "more.toml"
    more.write_text(
        'title = "T"\n'.join(["[mine]\n", ""])
        + 'about = "of mine"\nlicence = "MIT"\nsource = "s"\nbase = "https://x.org/"\n'
        'files = ["a"]\ncommand = "c"\n'
    )
    for words in ([], ["--list", str(more)]):
        done = CliRunner().invoke(app, ["get", *words], env={"COLUMNS": "400"})
        assert done.exit_code == 0 and "precog" in done.output and "ntu60" in done.output
        assert ("mine" in done.output) == bool(words)
