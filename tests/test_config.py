"""Settings: precedence, checking against signatures, messages, the round trip."""

import json
import re
from typing import Annotated, Any, Literal

import pytest

from skelf.encoders import ENCODERS
from skelf.errors import InputError
from skelf.methods import METHODS
from skelf.settings import run as module
from skelf.settings.evaluation import evaluation
from skelf.settings.given import parse_override
from skelf.settings.options import option, options, table
from skelf.settings.ranges import Range
from skelf.settings.run import Config, Train, encoder_class, resolve
from skelf.settings.settable import arguments


class Dste:
    def __init__(
        self,
        skeleton: Any,
        in_channels: int = 3,
        persons: int = 2,
        stream: str = "joint",
        *,
        dim: Annotated[int, Range(gt=0)] = 8,
        layers: int = 1,
        frames: int = 4,
        alpha: float = 0.5,
    ) -> None: ...


class Gru:
    def __init__(self, skeleton: Any, *, dim: int = 16, bidirectional: bool = True) -> None: ...


@options("views")
class Views:
    crop: tuple[float, float] = option((0.1, 1.0), "share of a clip")
    name: str | None = option(None, "a name")


class Usdrl:
    def __init__(
        self,
        encoder: Any,
        views: Views,
        *,
        form: Literal["official", "paper"] = "official",
        weights: tuple[float, ...] = (5, 1, 0.001),
    ) -> None: ...


@options("eval")
class Linear:
    epochs: int = option(160, "passes")


@options("eval")
class KNN:
    k: int = option(20, "neighbours")
    epochs: float = option(1.0, "passes")


def linear(encoder: Any, train: Any, test: Any, how: Linear, *, seed: int = 0) -> None: ...


def knn(encoder: Any, train: Any, test: Any, how: KNN, *, seed: int = 0) -> None: ...


TABLES: dict[str, Any] = {
    "methods": {"usdrl": Usdrl, "own": Usdrl},
    "encoders": {"dste": Dste, "gru": Gru},
    "protocols": {"linear": linear, "knn": knn},
}


def test_the_papers_numbers_are_the_shipped_ones():
    config = resolve("usdrl", **TABLES)
    assert config.encoder == {"name": "dste", "dim": 1024, "layers": 2, "frames": 64, "alpha": 0.5}
    assert (config.train.batch_size, config.train.epochs, config.train.lr) == (356, 451, 5e-4)
    assert (config.train.weight_decay, config.train.milestones) == (1e-5, (351,))
    assert config.arguments == {"form": "official", "weights": (5, 1, 0.001)}
    assert config.views == {"crop": (0.1, 1.0), "name": None}
    assert config.data == {"normalize": "auto", "persons": None}


def test_overrides_beat_the_file_which_beats_the_shipped_config(tmp_path):
    file = tmp_path / "my.toml"
    file.write_text("[train]\nlr = 1\nepochs = 7\n[encoder]\ndim = 32\n[data]\nnormalize = 'hip'\n")
    config = resolve("usdrl", **TABLES, file=file, overrides=["train.lr=1e-3", "method.form=paper"])
    assert (config.train.lr, config.train.epochs, config.train.batch_size) == (1e-3, 7, 356)
    assert (config.encoder["dim"], config.encoder["layers"]) == (32, 2)
    assert config.arguments["form"] == "paper"
    assert config.data["normalize"] == "hip"


def test_another_encoder_drops_the_usual_ones_numbers_but_not_the_users():
    config = resolve("usdrl", **TABLES, overrides=["encoder.name=gru"])
    assert config.encoder == {"name": "gru", "dim": 1024, "bidirectional": True}
    with pytest.raises(InputError, match=r"unknown key 'encoder\.layers'"):
        resolve("usdrl", **TABLES, overrides=["encoder.name=gru", "encoder.layers=3"])


def test_a_method_without_a_shipped_config_needs_an_encoder():
    with pytest.raises(InputError, match=r"encoder\.name: missing"):
        resolve("own", **TABLES)
    assert resolve("own", **TABLES, overrides=["encoder.name=gru"]).encoder["dim"] == 16


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("views.crop=[0.1, 1.0]", [0.1, 1.0]),
        ("train.lr=1e-3", 1e-3),
        ("train.compile=true", True),
        ("train.optimizer=adamw", "adamw"),
        ('train.optimizer="adamw"', "adamw"),
        ("train.epochs = 3", 3),
        ("data.normalize=2024-01-01", "2024-01-01"),
        ("eval.note=a=b", "a=b"),
        ("bvh.clip={class}_{take}.bvh", "{class}_{take}.bvh"),
        ("amc.clip={subject}", "{subject}"),
        ("bvh.rename={a = 'b'}", {"a": "b"}),
    ],
)
def test_override_values_are_toml_or_words(text, value):
    assert parse_override(text)[1] == value


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["encoder.dmi=3"], ["override 'encoder.dmi=3'", "did you mean 'encoder.dim'?"]),
        (["encoder.stream=bone"], ["unknown key 'encoder.stream'"]),
        (["trian.lr=3"], ["unknown section 'trian'", "'train'"]),
        (["lr=3"], ["'lr' names no section"]),
        (["train.lr"], ["write section.key=value"]),
        (["views.crop=[0.1,"], ["views.crop", "no TOML value"]),
        (["train.lr=-1"], ["override 'train.lr=-1': train.lr: ", "greater than 0", "got -1"]),
        (["train.lr=nan"], ["train.lr: ", "finite"]),
        (["encoder.alpha=inf"], ["encoder.alpha: ", "finite"]),
        (["train.epochs=many"], ["train.epochs: ", "integer", "'many'"]),
        (["train.epochs=true"], ["train.epochs: ", "integer"]),
        (["encoder.dim=true"], ["encoder.dim: ", "integer"]),
        (["encoder.dim=0"], ["encoder.dim: ", "greater than 0"]),
        (["train.milestones=[5,3]"], ["train.milestones: ", "ascending"]),
        (["train.epochs=3", "train.warmup_epochs=3"], ["below epochs = 3"]),
        (["method.form=papre"], ["method.form: ", "'official' or 'paper'"]),
        (["views.crop=[0.1]"], ["views.crop: "]),
        (["eval.kk=1"], ["unknown key 'eval.kk'", "eval.k"]),
        (["encoder.name=dsty"], ["override 'encoder.name=dsty'", "did you mean 'dste'?"]),
        (["encoder.name=3"], ["encoder.name"]),
    ],
)
def test_bad_settings_are_one_line_with_key_and_source(overrides, parts):
    with pytest.raises(InputError) as caught:
        resolve("usdrl", **TABLES, overrides=overrides)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_shown_at_once():
    with pytest.raises(InputError) as caught:
        resolve("usdrl", **TABLES, overrides=["train.lr=0", "encoder.dmi=3", "eval.k=x"])
    assert len(str(caught.value).splitlines()) == 3


def test_the_file_is_named_in_its_mistakes(tmp_path):
    file = tmp_path / "my.toml"
    with pytest.raises(InputError, match=r"my\.toml: cannot read"):
        resolve("usdrl", **TABLES, file=file)
    for text, part in (
        ("[train\n", "not a TOML file"),
        ("train = 3\n", "write \\[train\\]"),
        ("[training]\nlr = 1\n", "unknown section 'training'"),
        ("[train]\nlrr = 1\n", r"unknown key 'train\.lrr'.*'train\.lr'"),
        ("[train]\nbatch_size = 0\n", r"train\.batch_size: .*got 0"),
    ):
        file.write_text(text)
        with pytest.raises(InputError, match=f"my.toml: .*{part}"):
            resolve("usdrl", **TABLES, file=file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not a TOML file"):
        resolve("usdrl", **TABLES, file=file)


def test_none_is_a_value_where_it_is_a_choice_and_a_name_where_it_is_not():
    overrides = ["train.clip_norm=none", "data.normalize=none", "data.persons=none"]
    config = resolve("usdrl", **TABLES, overrides=overrides)
    assert config.train.clip_norm is None and config.data == {"normalize": "none", "persons": None}
    with pytest.raises(InputError, match=r"train\.lr: .*'none'"):
        resolve("usdrl", **TABLES, overrides=["train.lr=none"])


def test_config_round_trips_through_json():
    config = resolve("usdrl", **TABLES, overrides=["views.crop=[0.5,1]", "eval.k=5"])
    stored = json.loads(json.dumps(config.to_dict(), allow_nan=False)) | {"seed": 3}
    assert Config.from_dict(stored) == config
    assert stored["method"]["name"] == "usdrl" and stored["train"]["clip_norm"] is None
    assert set(stored["train"]) == set(table(Train))


@pytest.mark.parametrize(
    "change", [{"train": {"lr": -1}}, {"encoder": {}}, {"method": 3}, {"data": {"x": 1}}]
)
def test_a_damaged_stored_config_is_refused(change):
    with pytest.raises(InputError, match=r"config\.json: "):
        Config.from_dict(resolve("usdrl", **TABLES).to_dict() | change)


def test_a_stored_encoder_is_checked_before_it_is_built():
    cls, values = encoder_class(TABLES["encoders"], {"name": "gru", "dim": 4})
    assert cls is Gru and values == {"dim": 4, "bidirectional": True}
    with pytest.raises(InputError, match=r"config\.json: unknown key 'encoder\.dmi'"):
        encoder_class(TABLES["encoders"], {"name": "gru", "dmi": 4})


def test_evaluation_takes_what_the_asked_protocols_know():
    both = {"linear": linear, "knn": knn}
    assert evaluation(both, overrides=["eval.epochs=3"]) == {
        "linear": Linear(epochs=3),
        "knn": KNN(k=20, epochs=3.0),
    }
    assert evaluation({"knn": knn}, base={"k": 5, "gone": 1}) == {"knn": KNN(k=5, epochs=1.0)}
    with pytest.raises(InputError, match=r"unknown key 'eval\.k'"):
        evaluation({"linear": linear}, overrides=["eval.k=3"])
    with pytest.raises(InputError, match=r"only eval\.\* can change"):
        evaluation(both, overrides=["train.lr=3"])
    with pytest.raises(InputError, match=r"eval\.k: .*integer"):
        evaluation(both, overrides=["eval.k=x"])


def test_a_setting_may_be_of_one_protocol():
    both = {"linear": linear, "knn": knn}

    def epochs(base, *overrides, file=None):
        given = evaluation(both, base=base, overrides=overrides, file=file)
        return given["linear"].epochs, given["knn"].epochs

    assert epochs({}, "eval.linear.epochs=3") == (3, 1.0)
    assert epochs({"epochs": 5}, "eval.linear.epochs=3") == (3, 5.0)
    assert epochs({"linear.epochs": 5}) == (5, 1.0)
    # What is said now counts, whatever the run kept, and of two the last.
    assert epochs({"linear.epochs": 5}, "eval.epochs=7") == (7, 7.0)
    assert epochs({}, "eval.epochs=7", "eval.linear.epochs=3") == (3, 7.0)
    assert epochs({}, "eval.linear.epochs=3", "eval.epochs=7") == (7, 7.0)
    assert epochs({"gone.epochs": 5, "linear.gone": 1}) == (160, 1.0)
    with pytest.raises(
        InputError, match=r"unknown key 'eval\.linear\.epoch'.*eval\.linear\.epochs"
    ):
        epochs({}, "eval.linear.epoch=3")
    with pytest.raises(InputError, match=r"override 'eval\.linear\.epochs=x': eval\.epochs"):
        epochs({}, "eval.linear.epochs=x")


def test_protocol_settings_in_a_file(tmp_path):
    both = {"linear": linear, "knn": knn}
    file = tmp_path / "small.toml"
    file.write_text("[eval]\nepochs = 5\n[eval.linear]\nepochs = 3\n")
    given = evaluation(both, file=file)
    assert (given["linear"].epochs, given["knn"].epochs) == (3, 5.0)
    given = evaluation(both, file=file, overrides=["eval.epochs=8"])
    assert (given["linear"].epochs, given["knn"].epochs) == (8, 8.0)
    # Those of one protocol stand below those of all, also where the file has them first.
    for text in (
        "[eval.linear]\nepochs = 3\n[eval]\nepochs = 5\n",
        "[eval]\nlinear.epochs = 3\nepochs = 5\n",
    ):
        file.write_text(text)
        given = evaluation(both, file=file)
        assert (given["linear"].epochs, given["knn"].epochs) == (3, 5.0)
    config = resolve("usdrl", **TABLES, file=file)
    back = Config.from_dict(json.loads(json.dumps(config.to_dict())))
    assert evaluation({"linear": linear}, base=back.eval)["linear"].epochs == 3


def test_a_signature_that_cannot_be_checked_is_a_programming_error():
    def loose(**options: int) -> None: ...
    def bare(*, size=3): ...

    for fn in (loose, bare):
        with pytest.raises(TypeError):
            arguments(fn, {}, section="method", source="")


def test_a_value_without_default_must_be_given():
    def strict(*, size: int) -> None: ...

    with pytest.raises(InputError, match=r"method\.size: missing"):
        arguments(strict, {}, section="method", source="")
    assert arguments(strict, {"size": 3}, section="method", source="") == {"size": 3}


def test_every_shipped_config_has_known_sections():
    names = [path.name for path in (module.files("skelf") / "configs").iterdir()]
    assert "usdrl.toml" in names
    for name in names:
        assert module._shipped(name.removesuffix(".toml"), METHODS[name.removesuffix(".toml")])


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("usdrl", "views.number=1 views.crop=[0.9,0.1] views.crop=[0,1] views.crop=[0.5,1.1]"),
        ("usdrl", "views.joints=5 views.corruption=-1 views.erase=2 views.shear=-1"),
        ("usdrl", "method.projection=-4 method.projection=0 method.form=new"),
        ("usdrl", "method.kappa=-1 method.eta=-1 method.mu=-1 method.nu=-1 method.lam=-1"),
        ("usdrl", "method.tau=-1 encoder.dim=0 encoder.dim=99999999999999999999999"),
        ("usdrl", "encoder.layers=-1 encoder.frames=0 encoder.heads=0 encoder.gap=0"),
        ("usdrl", "encoder.alpha=2 encoder.drop_path=1 encoder.form=x encoder.kernel_size=0"),
        ("usdrl", "train.lr=1e300 data.persons=99999999999999999999999 encoder.name=5"),
        ("aimclr", "method.queue=0 method.feature=0 method.momentum=2 method.temperature=0"),
        ("aimclr", "method.topk=0 method.mining_epoch=-1 method.form=x views.form=x"),
        ("aimclr", "views.shear=-1 views.padding_ratio=-1 views.flip=2 views.degrees=[-1,0]"),
        ("aimclr", "views.time_flip=2 views.noise=2 views.noise_std=-1 views.blurred=2"),
        ("aimclr", "views.sigma=[2,1] views.sigma=[0,1] views.axis_mask=2"),
        ("aimclr", "encoder.dim=0 encoder.width=0 encoder.frames=0 encoder.dropout=1"),
        ("aimclr", "encoder.partition=x"),
        ("crossclr", "method.queue=0 method.temperature=0 method.cross_epoch=-1 method.topk=0"),
        ("skeletonclr", "method.queue=0 method.momentum=-1 views.shear=-1 views.form=x"),
    ],
)
def test_numbers_out_of_range_are_one_line_that_names_them(method, wrong):
    for override in wrong.split():
        with pytest.raises(InputError) as caught:
            resolve(method, methods=METHODS, encoders=ENCODERS, overrides=[override])
        key = override.partition("=")[0]
        assert re.fullmatch(
            rf"override {re.escape(repr(override))}: {key}.*, got .+", str(caught.value)
        )


def test_the_ends_of_the_ranges_are_in_them():
    overrides = ["views.crop=[1,1]", "views.joints=0", "method.tau=0", "method.projection=none"]
    config = resolve("usdrl", methods=METHODS, encoders=ENCODERS, overrides=overrides)
    assert config.views["crop"] == (1, 1) and config.arguments["projection"] is None


def test_a_name_that_is_no_word():
    stored = resolve("usdrl", **TABLES).to_dict() | {"encoder": {"name": 5}}
    with pytest.raises(InputError, match=r"c\.json: encoder\.name: must be a name, got 5"):
        Config.from_dict(stored, source="c.json")
