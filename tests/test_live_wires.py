"""Messages in and events out: lines, packets, websockets, and an inbox that is too small."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from live_fakes import NAMES, clip, message, model
from typer.testing import CliRunner

from skelf.cli.main import app
from skelf.errors import InputError
from skelf.inference.heads import Linear
from skelf.inference.model import assembled
from skelf.live import wires
from skelf.live.address import address
from skelf.live.inbox import Closed, Inbox
from skelf.live.options import Live
from skelf.live.run import Gone, run
from skelf.live.session import Session
from skelf.live.wires import Lines, Packets, opened, start
from skelf.runs.load import judged_encoder
from skelf.settings.options import table

FRAMES = [message(x, t / 30) for t, x in enumerate(clip(20))]
SBU_FRAMES = [message(x, t / 30) for t, x in enumerate(clip(20, joints=15))]  # the stored run's


def session(**how):
    return Session(model(), Live(**{"stride": 1 / 30} | how))


def expected():
    made = session()
    events = [event for raw in FRAMES for event in made.feed(raw, 0.0)]
    return events + made.finish()


def threaded(wire, inbox):
    thread = threading.Thread(target=start(wire, inbox), daemon=True)
    thread.start()
    return thread


def until(true, seconds=5.0):
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.001)
    assert true()


def test_of_too_many_messages_the_oldest_go_and_requests_stay():
    inbox = Inbox(3)
    for raw in (b'{"request": "stats"}', *b"abcde"):
        inbox.put(raw if isinstance(raw, bytes) else bytes([raw]))
    inbox.close()
    taken = []
    with pytest.raises(Closed):
        while True:
            taken.append(inbox.take(0)[0])
    assert taken == [b'{"request": "stats"}', b"d", b"e"] and inbox.dropped == 3
    inbox.put(b"f")  # nobody wants it


def test_a_source_may_wait():
    inbox, got = Inbox(2, waits=True), []
    thread = threading.Thread(target=lambda: [inbox.put(bytes([i])) for i in range(50)])
    thread.start()
    while len(got) < 50:
        got.append(inbox.take(1.0)[0])
    thread.join()
    assert got == [bytes([i]) for i in range(50)] and inbox.dropped == 0
    assert Inbox(1).take(0) is None


def test_a_source_that_fails_is_heard_after_what_it_sent():
    inbox = Inbox(2)
    inbox.put(b"last")
    inbox.close(OSError(5, "cut off"))
    assert inbox.take(0)[0] == b"last"
    with pytest.raises(OSError, match="cut off"):
        inbox.take(0)


class Slow(Session):
    """Takes a while over each frame."""

    def feed(self, raw, arrival):
        time.sleep(0.002)
        return super().feed(raw, arrival)


def test_a_source_faster_than_the_machine_loses_old_frames_and_the_count_is_known():
    made, inbox = Slow(model(), Live(stride=1 / 30)), Inbox(4)
    source, sent = threading.Event(), []

    def pour():
        for raw in FRAMES * 5:
            inbox.put(raw)
        source.set()
        inbox.close()

    threading.Thread(target=pour).start()
    source.wait()  # all of it at once
    run(made, inbox, sent.append)
    assert made.counts.of["dropped"] == 96 and made.counts.of["frames"] == 4
    assert "96 dropped since they came too fast" in made.counts.said()


def test_lines_through_pipes():
    (source, write), (read, sink) = os.pipe(), os.pipe()
    long = b"9" * ((1 << 20) + 70_000)
    text = b"\n".join([*FRAMES[:10], b"", b"rubbish", long, *FRAMES[10:]])
    inbox, wire, made = Inbox(8, waits=True), Lines(source, sink), session()

    def pour():
        left = text
        while left:
            left = left[os.write(write, left) :]
        os.close(write)

    threading.Thread(target=pour).start()
    threaded(wire, inbox)
    run(made, inbox, wire.send)
    os.close(sink)
    with open(read, "rb") as file:
        events = [json.loads(line) for line in file]
    assert events == expected()
    assert dict(made.counts.rubbish) == {"json": 1, "size": 1} and len(made.counts.seconds) > 10
    os.close(source)


def test_a_reader_who_leaves_ends_it():
    read, sink = os.pipe()
    os.close(read)
    inbox = Inbox(100)
    for raw in FRAMES:
        inbox.put(raw)
    with pytest.raises(Gone):
        run(session(), inbox, Lines(0, sink).send)
    assert inbox.closed
    os.close(sink)


@pytest.fixture
def client():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(5)
        yield one


def test_packets_and_the_answer_to_whoever_sent():
    wire = Packets("udp://127.0.0.1:0", bound=True)
    inbox, made = Inbox(64), session()
    thread = threaded(wire, inbox)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(5)
        place = address(wire.name)
        for raw in (b"\xff\xfe", *FRAMES, b"", b'{"request": "stats"}', b'{"request": "end"}'):
            one.sendto(raw, place)
        run(made, inbox, wire.send)
        events = [json.loads(one.recv(1 << 16)) for _ in range(21)]
    thread.join(5)
    wire.close()
    assert events[:20] == expected() and events[20]["event"] == "stats"
    assert events[20]["rubbish"] == {"json": 2} and not thread.is_alive()


def test_packets_out(client):
    port = client.getsockname()[1]
    wire = Packets(f"udp://127.0.0.1:{port}", bound=False)
    assert wire.name == f"udp://127.0.0.1:{port}"
    wire.send(b"{}")
    assert client.recv(100) == b"{}"
    wire.close()


@pytest.mark.parametrize(
    "url, text",
    [
        ("udp://127.0.0.1", "host and port"),
        ("udp://127.0.0.1:99999", "ort"),
        ("tcp://127.0.0.1:1", "no address of a kind"),
        ("file.json", "no address of a kind"),
        ("ws://127.0.0.1:1", "cannot connect"),
        ("udp://192.0.2.1:9", "ssign"),
    ],
)
def test_addresses_that_cannot_be_used(url, text):
    with pytest.raises(InputError, match=text) as error:
        opened(url, "-")
    assert url in str(error.value) and "\n" not in str(error.value)


def test_a_websocket_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets.exceptions", None)
    monkeypatch.delitem(sys.modules, "skelf.live.websocket", raising=False)
    with pytest.raises(InputError, match=r"pip install 'skelf\[live\]'"):
        opened("ws://127.0.0.1:1", "-")


def test_the_page_names_every_option():
    page = (Path(__file__).parents[1] / "docs" / "live.md").read_text(encoding="utf-8")
    options = page.partition("## Options")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+)`(?=[,| ])", options)) >= set(table(Live))


def test_who_connects_to_us_gets_all_events():
    pytest.importorskip("websockets", reason="websockets is not here; skelf[live] has it")
    from websockets.sync.client import connect

    ends = opened("ws-listen://127.0.0.1:0", "ws-listen://127.0.0.1:0")
    assert ends.sink is ends.source and not ends.waits
    inbox, made = Inbox(64), session()
    thread = threaded(ends.source, inbox)
    url = ends.source.name.replace("ws-listen", "ws")
    with connect(url) as sender, connect(url) as viewer:
        until(lambda: len(ends.source.readers) == 2)
        for raw in FRAMES:
            sender.send(raw.decode())
        sender.send('{"request": "end"}')
        run(made, inbox, ends.sink.send)
        for one in (sender, viewer):
            assert [json.loads(one.recv(timeout=5)) for _ in range(20)] == expected()
        ends.close()
    thread.join(5)
    assert not thread.is_alive()


def test_a_websocket_that_we_connect_to():
    pytest.importorskip("websockets", reason="websockets is not here; skelf[live] has it")
    from websockets.sync.server import serve

    got = []

    def meet(connection):
        for raw in FRAMES:
            connection.send(raw)
        got.extend(json.loads(connection.recv(timeout=5)) for _ in range(20))

    with serve(meet, "127.0.0.1", 0) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/pose"
        ends = opened(url, url)
        inbox = Inbox(64)
        thread = threaded(ends.source, inbox)
        run(session(), inbox, ends.sink.send)  # ends when the other side does
        thread.join(5)
        ends.close()
        server.shutdown()
        serving.join(5)
    assert got == expected()


def test_somebody_asks_to_stop():
    inbox, made, asked = Inbox(64), session(), iter([False] * 21 + [True] * 5)
    for raw in FRAMES:
        inbox.put(raw)
    sent = []
    run(made, inbox, sent.append, stop=lambda: next(asked), patience=0.001)
    assert [json.loads(event) for event in sent] == expected() and inbox.closed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small model of synthetic clips, as `skelf fit` writes it."""
    encoder, described = judged_encoder(Path(__file__).parent / "golden" / "run", None, False, 0)
    torch.manual_seed(0)
    head = Linear(dim=encoder.dim, classes=3)
    made = assembled(encoder, head, described, kind="classifier", class_names=NAMES)
    return made.save(tmp_path_factory.mktemp("live") / "model")


def test_the_command(folder, monkeypatch, tmp_path):
    frames = tmp_path / "frames.jsonl"
    frames.write_bytes(b"\n".join([b"rubbish", *SBU_FRAMES]))
    with frames.open("rb") as source, (tmp_path / "events.jsonl").open("wb") as sink:
        lines = partial(Lines, source.fileno(), sink.fileno())
        monkeypatch.setattr(wires, "Lines", lines)
        monkeypatch.setattr(wires, "is_file", lambda descriptor: True)
        words = ["live", str(folder), "window=0.3", "live.stride=0.1", "top=1"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").open()]
    assert [event["event"] for event in events] == ["class"] * 4
    assert set(events[0]["probabilities"]) <= set(NAMES)
    text = done.stderr
    assert "frames from -, events to -" in text and "no JSON: 'rubbish'" in text
    assert "20 frames, 4 events; 1 not readable; latency" in text
    frames.write_bytes(b"rubbish\n\n[]")
    with frames.open("rb") as source:
        monkeypatch.setattr(wires, "Lines", partial(Lines, source.fileno(), 1))
        done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError) and "no frame in it" in str(done.exception)


@pytest.mark.parametrize(
    "words, text",
    [
        (["speed=3"], "unknown key 'live.speed'"),
        (["fast"], "write KEY=VALUE"),
        (["stride=0"], "live.stride"),
        (["--up", "x"], "unknown axis"),
        (["--from", "tcp://x"], "no address of a kind"),
        (["--layout", "nobody"], "nobody"),
    ],
)
def test_the_command_refuses(folder, words, text):
    done = CliRunner().invoke(app, ["live", str(folder), *words])
    assert isinstance(done.exception, InputError) and text in str(done.exception)


@pytest.mark.slow
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(folder, number, code):
    words = [sys.executable, "-m", "skelf", "live", str(folder), "window=0.3"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(words, **pipes) as process:
        process.stdin.write(b"\n".join([*SBU_FRAMES, b'{"request": "stats"}', b""]))
        process.stdin.flush()
        lines = [process.stdout.readline()]
        while b'"stats"' not in lines[-1]:
            lines.append(process.stdout.readline())
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert json.loads(lines[-1])["frames"] == 20 and b"20 frames" in err
    assert b"Traceback" not in err and b"Fatal" not in err and out == b""
