"""The studio's page without a browser: who may talk to it, what it sends, keys, words."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("nicegui", reason="the studio's extra is not installed")

from fastapi import FastAPI
from starlette.testclient import TestClient
from studio_drive import sessions, write_csv
from typer.testing import CliRunner

from skelf.cli.main import app as command
from skelf.errors import InputError
from skelf.layouts import KINECT20, NTU25
from skelf.studio.page import keys, told
from skelf.studio.page.actions import ACTIONS
from skelf.studio.page.guard import Guard
from skelf.studio.page.routes import add_routes
from skelf.studio.page.scene import scene, turned
from skelf.studio.page.serve import names_of
from skelf.studio.page.studio import MOST, Studio
from skelf.studio.project.importing import bring_in
from skelf.studio.project.project import Project

TOKEN, PORT = "right-token", 8123
ASSETS = Path(__file__).parents[1] / "skelf" / "studio" / "page" / "assets"
GOOD = {"host": f"127.0.0.1:{PORT}"}
OWN = {"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}
COOKIE = {"cookie": f"skelf_studio_{PORT}={TOKEN}"}


async def _answers(scope, receive, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"secret"})


def ask(headers, query="", kind="http"):
    """What the guard lets through: the messages sent."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }
    asyncio.run(Guard(_answers, TOKEN, PORT)(scope, None, send))
    return sent


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "query", "passes"),
    [
        (GOOD, f"token={TOKEN}", True),
        (GOOD | COOKIE, "", True),
        (GOOD | COOKIE | OWN, "", True),
        ({"host": f"localhost:{PORT}"} | COOKIE, "", True),
        (GOOD, "", False),
        (GOOD, "token=", False),
        (GOOD, "token=wrong", False),
        (GOOD, f"token={TOKEN[:-1]}", False),
        (GOOD | {"cookie": "skelf_studio_8123=wrong"}, "", False),
        (GOOD | {"cookie": f"skelf_studio_9999={TOKEN}"}, "", False),
        (GOOD | COOKIE | {"origin": "https://evil.example"}, "", False),
        (GOOD | COOKIE | {"origin": "null"}, "", False),
        (GOOD | COOKIE | {"origin": "http://127.0.0.1:9999"}, "", False),
        (GOOD | COOKIE | {"sec-fetch-site": "cross-site"}, "", False),
        (GOOD | COOKIE | {"sec-fetch-site": "same-site"}, "", False),
        ({"host": f"evil.example:{PORT}"} | COOKIE, "", False),  # a name made to point here
        ({"host": f"evil.example:{PORT}"}, f"token={TOKEN}", False),
        ({"host": "127.0.0.1"} | COOKIE, "", False),
        ({} | COOKIE, "", False),
        (
            GOOD | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
            f"token={TOKEN}",
            True,  # the whole address, followed from elsewhere
        ),
        (
            GOOD | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
            f"token={TOKEN}",
            False,
        ),
    ],
)
def test_who_may_talk_to_it(kind, headers, query, passes) -> None:
    sent = ask(headers, query, kind)
    if kind == "websocket":
        assert (sent[0]["type"] == "websocket.accept") == passes
        return
    assert sent[0]["status"] == (200 if passes else 403)
    assert (b"secret" in sent[1]["body"]) == passes
    named = dict(sent[0]["headers"])
    assert b"frame-ancestors 'none'" in named[b"content-security-policy"]


def test_the_token_becomes_a_cookie_for_this_page_alone() -> None:
    (start, _) = ask(GOOD, f"token={TOKEN}")
    cookie = dict(start["headers"])[b"set-cookie"].decode()
    assert "SameSite=Strict" in cookie and "HttpOnly" in cookie and TOKEN in cookie
    assert b"set-cookie" not in dict(ask(GOOD | COOKIE)[0]["headers"])


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    clips, made = sessions(2)
    for number, session in enumerate(made, start=1):
        write_csv(folder / f"session {number}.csv", clips, session)
    (folder / "session 1.mp4").write_bytes(b"0123456789")
    bring_in(Project.create(folder))
    studio = Studio(folder)
    studio.find()
    return studio


@pytest.fixture(scope="module")
def client(studio: Studio) -> TestClient:
    app = FastAPI()
    add_routes(app, studio)
    return TestClient(app)


def test_joints_are_those_of_the_recording(studio: Studio, client: TestClient) -> None:
    _, made = sessions(2)
    for start, stop in ((0, 5), (100, 356)):
        answer = client.get(f"/joints?recording=session 1&start={start}&stop={stop}")
        found = np.frombuffer(answer.content, "<f4").reshape(stop - start, 1, 20, 3)
        assert np.allclose(found, made[0].joints[start:stop], atol=1e-4)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("recording=session 1&start=0&stop=999999", 404),
        ("recording=session 1&start=5&stop=5", 404),
        ("recording=session 1&start=-1&stop=5", 404),
        (f"recording=session 1&start=0&stop={MOST + 1}", 404),
        ("recording=../session 1&start=0&stop=5", 404),
        ("recording=/etc/passwd&start=0&stop=5", 404),
        ("recording=session 1&start=x&stop=5", 422),
    ],
)
def test_other_joints_are_refused(client: TestClient, query: str, status: int) -> None:
    assert client.get(f"/joints?{query}").status_code == status


def test_videos_come_from_the_folder_in_pieces(client: TestClient) -> None:
    answer = client.get("/video?recording=session 1", headers={"range": "bytes=2-4"})
    assert (answer.status_code, answer.content) == (206, b"234")
    assert client.get("/video?recording=session 2").status_code == 404
    assert client.get("/video?recording=../x").status_code in (403, 404)


@pytest.mark.parametrize(
    "name", ["../project.json", "..%2Fproject.json", "/etc/passwd", "a/../../project.json", ""]
)
def test_files_outside_are_refused(studio: Studio, client: TestClient, name: str) -> None:
    studio.made.mkdir(exist_ok=True)
    (studio.made / "labels.csv").write_text("a,b\n")
    assert client.get("/made?name=labels.csv").text == "a,b\n"
    assert client.get(f"/made?name={name}").status_code in (403, 404)


def test_a_link_that_leads_out_is_refused(studio: Studio, client: TestClient) -> None:
    link = studio.made / "link.csv"
    studio.made.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(studio.there.place / "project.json")
    assert client.get("/made?name=link.csv").status_code == 403


def test_what_the_player_is_told(client: TestClient) -> None:
    said = client.get("/scene?recording=session 1").json()
    assert said["joints"] == 20 and said["axes"] == 3 and said["video"] is True
    assert said["edges"] == [list(edge) for edge in KINECT20.edges]
    assert sorted(said["ends"]) == [7, 11, 15, 19]  # hands and feet
    assert client.get("/scene?recording=none").status_code == 404


def test_a_scene_with_gaps_and_in_the_plane() -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(6, 4, 25, 3)).astype(np.float32)
    joints[2, 1] = np.nan
    joints[:, 3] = np.nan
    said = scene("a", 30.0, 600, joints, NTU25)
    text = json.dumps(said, allow_nan=False)
    assert said["persons"] == 4 and "NaN" not in text
    flat = turned(joints[..., :2] * np.array([1, 1]), "-y")
    assert np.allclose(flat[..., 1], -joints[..., 1], equal_nan=True)
    assert scene("b", 30.0, 600, flat, NTU25)["axes"] == 2
    nobody = scene("c", 30.0, 600, np.full((3, 1, 25, 3), np.nan), NTU25)
    assert nobody["near"]["radius"] > 0 and np.isfinite(nobody["floor"])


def test_every_key_does_one_thing_that_is_there() -> None:
    names = [name for key in keys.KEYS for name in key.keys]
    assert len(names) == len(set(names))
    text = (ASSETS / "timeline.js").read_text(encoding="utf-8")
    own = set(
        re.findall(r"(\w+): \((?:by|name)?\) =>|(\w+): walk", text.split("this.actions = {")[1])
    )
    local = {name for pair in own for name in pair if name} | {"frame"}
    for key in keys.KEYS:
        assert key.action in ACTIONS or key.action in local, key.action
    assert local & set(ACTIONS) == set()


def test_every_label_action_has_a_key() -> None:
    by_keys = {key.action for key in keys.KEYS}
    by_hand = {"ready", "go", "resize", "move", "accept_all"}  # [ and ] set bounds, arrows move
    assert set(ACTIONS) - by_hand <= by_keys


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        {"name": 3},
        {"name": "label", "frame": "x"},
        {"name": "label", "frame": float("inf")},
        {"name": "label", "marks": {"start": 1}},
        {"name": "label", "chosen": {"kind": "label"}},
    ],
)
def test_what_is_no_action_is_refused(message: object) -> None:
    with pytest.raises(InputError):
        told.read(message)


def test_an_action_is_read() -> None:
    what = told.read({
        "name": "resize", "recording": "a", "frame": 7.0, "marks": None, "id": "k", "start": 3,
        "chosen": {"kind": "label", "id": "k", "start": 1, "end": 5, "label": "walk"},
    })  # fmt: skip
    assert what.number("start") == 3 and what.text("id") == "k" and what.stretch == (1, 5)
    with pytest.raises(InputError, match="end is no number"):
        what.number("end")


def test_scripts_load_nothing_from_elsewhere() -> None:
    for path in ASSETS.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r"https?://|@import|url\(", text), path
        for name in re.findall(r'from "([^"]+)"', text):
            assert name == "vue" or (ASSETS / name.replace("skelf-studio", "studio")).is_file(), (
                name
            )


def test_what_serves_the_page_loads_nothing_that_takes_seconds() -> None:
    """Neither torch nor Matplotlib, scikit-learn or SciPy: they are for what is asked for later."""
    code = "import sys, skelf.studio.page.serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "matplotlib", "sklearn", "scipy"} & {*done.stdout.split()}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["studio", str(tmp_path / "none"), "--no-browser"])
    assert isinstance(done.exception, InputError) and "no such folder" in str(done.exception)


def test_who_listens_everywhere_is_reached_by_its_own_names_alone() -> None:
    assert names_of("127.0.0.1") == ["127.0.0.1"] and names_of("::1") == ["[::1]"]
    names = names_of("0.0.0.0")
    assert socket.gethostname() in names and "0.0.0.0" not in names
    guard = Guard(_answers, TOKEN, PORT, names)
    assert guard.refusal({"host": f"{names[0]}:{PORT}"}, TOKEN) == ""
    assert guard.refusal({"host": f"evil.example:{PORT}"}, TOKEN)


def test_a_project_elsewhere_is_not_that_in_the_folder(studio: Studio, tmp_path: Path) -> None:
    other = Studio(studio.folder, tmp_path / "labels")
    other.find()
    assert other.project is None  # it is to be made there


def test_a_second_studio_says_where_the_first_is(studio: Studio) -> None:
    studio.there.listens("http://127.0.0.1:1/?token=t")
    with pytest.raises(InputError, match=r"at http://127\.0\.0\.1:1/"):
        Studio(studio.folder).find()
