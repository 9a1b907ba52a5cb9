"""PCM3 small enough for a test, and batches for it."""

import torch

from skelf.encoders.gru import GRU
from skelf.layouts import SBU15
from skelf.methods.pcm3 import PCM3

FRAMES = 16


def encoder(skeleton=SBU15, **arguments):
    torch.manual_seed(0)
    sizes = {"dim": 16, "layers": 2, "frames": FRAMES, "persons": 2} | arguments
    return GRU(skeleton, **sizes)


def pcm3(skeleton=SBU15, sizes=None, **arguments):
    made = encoder(skeleton, **(sizes or {}))
    return PCM3(made, **{"queue": 20, "feature": 6, "momentum": 0.9} | arguments)


def clips(method, count=6):
    e, generator = method.encoder, torch.Generator().manual_seed(1)
    shape = (count, e.in_channels, 30, e.skeleton.joints, e.persons)
    return torch.randn(shape, generator=generator), torch.randint(
        20, 31, (count,), generator=generator
    )


def batch(method, seed=2):
    return method.views(*clips(method), torch.Generator().manual_seed(seed))


def shake(method):
    """Weights and buffers with which every path matters, the momentum side apart."""
    generator = torch.Generator().manual_seed(3)
    for name, value in method.state_dict().items():
        if not value.is_floating_point() or name == "key.queue.keys":
            continue
        noise = torch.randn(value.shape, generator=generator, dtype=value.dtype)
        value.copy_(noise.abs() + 0.5 if name.endswith("running_var") else 0.3 * noise)
    return method
