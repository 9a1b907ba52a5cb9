"""One run's state (module, optimiser, average, step count) and what an epoch does to it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn

from ..checkpoints import folder as checkpoint
from ..checkpoints.checksums import verify
from ..contracts import Encoder, Method, Paced, Staged, WholeBatches, torch_module
from ..data.batch import ClipBatches
from ..data.clips import ClipSet
from ..encoders.chunks import set_chunk
from ..machine.guest import seed as seed_torch
from ..protocols.settling import settle_inputs
from ..settings.run import Train
from ..settings.values import Settings
from .clock import Laps
from .compiled import Compiled
from .finite import remedy, wrong_state, wrong_term
from .log import Listener
from .optimizers import optimizer, set_rate
from .schedule import Plan, rate_factor
from .state import optimizer_state, optimizer_tensors, read_counters, resuming


class Trainer:
    """State of one run: module, optimiser, average, step count."""

    def __init__(
        self,
        fabric: Fabric,
        method: Method,
        clips: ClipSet,
        settings: Train,
        run: Path,
        seed: int,
        config: Settings,
    ) -> None:
        self.method, self.fabric, self.settings = method, fabric, settings
        self.run, self.seed, self.config, self.step = run, seed, config, 0
        self.batch = 0  # of the epoch under way, how many are done; and what they add to its means
        self.sums: dict[str, float] = {}
        set_chunk(method, settings.chunk)
        self.compiled = Compiled(method, settings.compile)
        # In fp16 a fused optimiser unscales gradients by itself; Fabric refuses to clip them then.
        fused = fabric.strategy.precision.precision != "16-mixed"
        self.module, self.optimizer = fabric.setup(
            torch_module(method), optimizer(method.parameters(), settings, fused=fused)
        )
        self.batches = ClipBatches(
            clips, fabric.device, persons=self.method.encoder.persons, resident=settings.resident
        )
        settle_inputs(method, clips, fabric.device)
        self.generator = torch.Generator(device=fabric.device)
        self.average = _clone(self.method.encoder) if settings.ema else None
        self.laps = Laps(fabric.device)

    def epoch(self, epoch: int, tell: Listener, stop: Callable[[], bool] = lambda: False) -> bool:
        """One pass over the clips, or the rest of one; False: stopped before its end."""
        settings, fabric = self.settings, self.fabric
        plan = self._plan(epoch)
        mine = (indices[fabric.global_rank] for indices in plan.since(self.batch))
        self.module.train()
        self.compiled.new_stage()
        if isinstance(self.method, Staged):
            self.method.start_epoch(epoch)
        began, clips, rate = time.perf_counter(), 0, 0.0
        self.laps = Laps(fabric.device)
        stream = self.batches.stream(mine, ahead=plan.ahead(self.batch))
        for number, (x, lengths) in enumerate(stream, self.batch):
            self.laps("data")
            rate = settings.lr * rate_factor(settings, epoch + number / len(plan))
            if isinstance(self.method, Paced):
                self.method.pace((epoch + number / len(plan)) / settings.epochs)
            first = number - number % settings.accumulate  # of the batches that make this step
            group = min(settings.accumulate, len(plan) - first)
            closing = number + 1 == first + group
            terms, stopping = self._train(x, lengths, rate, group, closing, stop)
            clips += len(x) * fabric.world_size
            self.batch = number + 1
            for name, value in terms.items():
                self.sums[name] = self.sums.get(name, 0.0) + value / len(plan)
            speed = clips / (time.perf_counter() - began)
            tell(
                {"event": "step", "epoch": epoch, "step": self.step, **terms}
                | {"epochs": settings.epochs, "batch": number + 1, "batches": len(plan)}
                | {"clips_per_second": speed}
            )
            self.laps("tell")
            if closing and self.batch < len(plan):
                if stopping:
                    return False
                self._save_within(epoch)
        seconds = time.perf_counter() - began
        sums, self.batch, self.sums = self.sums, 0, {}
        tell(
            {"event": "epoch", "epoch": epoch, "step": self.step, **sums, "lr": rate}
            | {"clips_per_second": clips / seconds, "wait_share": self.laps.share("data", seconds)}
        )
        return True

    def _plan(self, epoch: int) -> Plan:
        settings = self.settings
        whole = isinstance(self.method, WholeBatches) and self.method.whole_batches
        sets = self.batches.clips.columns.get("set") if settings.batches == "set" else None
        mixed = settings.neighbours, settings.window
        size, world = settings.batch_size, self.fabric.world_size
        return Plan(
            len(self.batches), size, world, self.seed, epoch, whole=whole, sets=sets,
            windows=mixed if settings.shuffle == "windows" else None,
        )  # fmt: skip

    def _train(
        self,
        x: Tensor,
        lengths: Tensor,
        rate: float,
        group: int,
        closing: bool,
        stop: Callable[[], bool],
    ) -> tuple[dict[str, float], bool]:
        """Gradients of one batch, one of `group` that share a step; the `closing` one takes it.

        Returns:
            The terms of its loss, and whether a process was asked to stop.
        """
        terms = self.compiled.attempt(
            lambda: self._gradients(x, lengths, group, closing), key=len(x)
        )
        # Stacked: on a GPU each separate read would wait for the device.
        looked_at = [*terms.values(), *self._norm(closing)]
        numbers = torch.stack([value.detach().float() for value in looked_at]).tolist()
        self.laps.settle()
        values = dict(zip(terms, numbers, strict=False))
        wrong = wrong_term(values, sum(numbers[len(terms) :]))
        stopping, anywhere = self.any_process(stop(), bool(wrong))
        if anywhere:
            wrong = wrong or "a number is not finite in another process"
            raise RuntimeError(
                f"{self.run}: {wrong} at step {self.step}; {remedy(self.run, self.settings.lr)}"
            )
        if closing:
            self._update(rate)
        self.laps("update")
        self.step += 1
        return values, stopping

    def _norm(self, closing: bool) -> list[Tensor]:
        """The gradients' norm; in fp16 it may overflow, which the scaler sees to."""
        if not closing or self.fabric.strategy.precision.precision == "16-mixed":
            return []
        gradients = [p.grad for p in self.method.parameters() if p.grad is not None]
        return [nn.utils.get_total_norm(gradients).to(self.fabric.device)] if gradients else []

    def any_process(self, *flags: bool) -> list[bool]:
        """Each flag: whether it is set in any process."""
        if self.fabric.world_size == 1:
            return list(flags)
        mine = torch.tensor(flags, dtype=torch.float32, device=self.fabric.device)
        torch.distributed.all_reduce(mine, torch.distributed.ReduceOp.MAX)
        return [value > 0 for value in mine.tolist()]

    def check(self, epoch: int) -> None:
        """Refuses a state that is not finite, in all processes by what the first one holds.

        Raises:
            RuntimeError: naming tensors and the remedy.
        """
        tensors = dict(self.method.state_dict())
        tensors |= optimizer_tensors(self.optimizer.state_dict())[0]
        tensors |= {f"average.{name}": value for name, value in (self.average or {}).items()}
        wrong = self.fabric.broadcast(wrong_state(tensors, epoch))
        if wrong:
            raise RuntimeError(
                f"{self.run}: {wrong}, step {self.step}; {remedy(self.run, self.settings.lr)}"
            )

    def _gradients(
        self, x: Tensor, lengths: Tensor, group: int, closing: bool
    ) -> dict[str, Tensor]:
        """The terms of a batch's loss; its gradients are added to those that are there."""
        self._seed_step()
        with torch.no_grad():
            views = self.method.views(x, lengths, self.generator)
        self.laps("views")
        with self.fabric.no_backward_sync(self.module, enabled=not closing):
            terms: dict[str, Tensor] = self.module(*views)
            self.laps("forward")
            self.fabric.backward(terms["loss"] / group)
        self.laps("backward")
        return terms

    def _update(self, rate: float) -> None:
        set_rate(self.optimizer, rate)
        if self.settings.clip_norm:
            self.fabric.clip_gradients(
                self.module, self.optimizer, max_norm=self.settings.clip_norm
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.method.after_step()
        self._follow()

    def _seed_step(self) -> None:
        key = (self.seed, self.step, self.fabric.global_rank)
        views, model = np.random.SeedSequence(key).generate_state(2, np.uint32)
        self.generator.manual_seed(int(views))
        seed_torch(int(model), self.fabric.device)  # DropPath and the like

    def _follow(self) -> None:
        if self.average is None or self.settings.ema is None:
            return
        for name, value in self.method.encoder.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - self.settings.ema)
            else:
                self.average[name].copy_(value)

    def averaged_encoder(self) -> Encoder:
        """The encoder as checkpoints hold it: the running average where one is kept."""
        if self.average is None:
            return self.method.encoder
        averaged = copy.deepcopy(self.method.encoder)
        averaged.load_state_dict(self.average)
        return averaged

    def save(self, epochs: int) -> None:
        """Writes a checkpoint after `epochs` epochs, and a part of the next; process 0 alone."""
        if not self.fabric.is_global_zero:
            return
        tensors = dict(self.method.state_dict())
        beside, state = optimizer_tensors(self.optimizer.state_dict())
        if self.average is not None:  # the raw encoder is for resuming, the average for use
            beside |= {f"raw.{name}": tensors[f"encoder.{name}"] for name in self.average}
            tensors |= {f"encoder.{name}": value for name, value in self.average.items()}
        part = {"batch": self.batch, "sums": self.sums} if self.batch else {}
        scaler = self.fabric.strategy.precision.state_dict()  # fp16's; empty for the others
        checkpoint.save(
            self.run / "checkpoints" / f"step{self.step:08d}",
            tensors=tensors,
            config=self.config,
            card=checkpoint.card(self.config, epochs=epochs, steps=self.step),
            state_tensors=beside,
            state={"epoch": epochs, "step": self.step, "optimizer": state, "scaler": scaler} | part,
        )
        checkpoint.prune(self.run, self.settings.keep)

    def _save_within(self, epoch: int) -> None:
        """A checkpoint in the middle of an epoch, where `train.save_steps` asks for one."""
        every, group = self.settings.save_steps, self.settings.accumulate
        if every is not None and -(-self.batch // group) % every == 0:
            self.check(epoch + 1)
            self.save(epoch)
            self.laps("save")

    def resume(self) -> int:
        """Restores the newest checkpoint, if there is one; the number of finished epochs.

        Raises:
            InputError: it is damaged; the message names an older one that is still there.
        """
        folder = checkpoint.newest(self.run)
        if folder is None:
            return 0
        with resuming(folder):
            return self._restore(folder)

    def _restore(self, folder: Path) -> int:
        counters = read_counters(folder)
        verify(folder, checkpoint.CONFIG)  # the other files are compared where they are read
        tensors = checkpoint.read_tensors(folder / checkpoint.MODEL)
        beside = checkpoint.read_state(folder)[0]
        raw = {name[4:]: value for name, value in beside.items() if name.startswith("raw.")}
        if self.average is not None and raw:
            self.average = {name: tensors[f"encoder.{name}"].to(self.fabric.device) for name in raw}
            tensors |= {f"encoder.{name}": value for name, value in raw.items()}
        self.method.load_state_dict(tensors)
        state = optimizer_state(beside, counters["optimizer"])
        for stored, group in zip(state["param_groups"], self.optimizer.param_groups, strict=True):
            # This device's way, whichever the checkpoint was made on, and this call's settings.
            stored |= {k: group[k] for k in ("fused", "weight_decay", "momentum") if k in group}
        self.optimizer.load_state_dict(state)
        if counters.get("scaler"):
            self.fabric.strategy.precision.load_state_dict(counters["scaler"])
        self.step = counters["step"]
        self.batch, self.sums = counters.get("batch", 0), dict(counters.get("sums", {}))
        return int(counters["epoch"])


def _clone(module: Encoder) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}
