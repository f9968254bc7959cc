"""What was trained is what plays: PyTorch's forward pass against the engine, for every architecture and block size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from triode.engine import load, read
from triode.model_file import ModelFile, SelfTest, self_test_signal, write_model
from triode.training.networks.block_oriented import BlockOriented
from triode.training.networks.linear import Linear
from triode.training.networks.sizes import TANH, Network, load_tensors, make_network, network_from_architecture
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig
from triode.training.save import play, warm_up_samples

RATE = 48000
TARGET_GAIN = 0.7

NETWORKS = [
    ("triode", "small"),
    ("wavenet", "nano"),
    ("wavenet", "feather"),
    ("wavenet", "lite"),
    ("wavenet", "standard"),
    ("wavenet", "a2-lite"),
    ("wavenet", "a2-full"),
    ("wavenet", "5"),
    ("wavenet", "wavenet2"),
    ("lstm", "nano"),
    ("lstm", "40"),
    ("gru", "nano"),
    ("gru", "33"),
    ("linear", "nano"),
    ("hammerstein", "nano"),
    ("wiener-hammerstein", "standard"),
    ("grey-box", "full"),
]


def network_of(arch: str, size: str) -> Network:
    """Weights as large as trained ones, so that activations are driven and mistakes are loud."""
    network = make_network(arch, size, seed=4)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if isinstance(network, BlockOriented) and not name.endswith("taps"):
                parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.3)
            elif name.endswith("bias") or isinstance(network, Linear):
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.1)
        if hasattr(network, "head_scale"):
            network.head_scale.fill_(1.0)
    return network


def gated_network() -> WaveNet:
    array = ArrayConfig(
        input_size=1,
        channels=6,
        bottleneck=4,
        kernel_sizes=(3, 2, 5),
        dilations=(1, 8, 30),
        activations=(TANH, {"type": "SiLU"}, {"type": "LeakyReLU", "negative_slope": 0.1}),
        gating=("gated", "blended", "none"),
        head=HeadConfig(out_channels=1, kernel_size=4, bias=True),
    )
    torch.manual_seed(2)
    return WaveNet(WaveNetConfig((array,), head_scale=1.0))


def written(network: Network, path: Path) -> None:
    warm_up = warm_up_samples(network, RATE)
    signal = self_test_signal(RATE)
    write_model(
        path,
        ModelFile(
            name="parity",
            architecture=network.architecture(),
            tensors={name: t.detach().numpy() for name, t in network.tensors(TARGET_GAIN).items()},
            sample_rate=RATE,
            warm_up_samples=warm_up,
            self_test=SelfTest(signal, play(network, signal, warm_up, TARGET_GAIN)),
        ),
    )


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    rng = np.random.default_rng(0)
    t = np.arange(9000) / RATE
    return (0.3 * np.sin(2 * np.pi * 147 * t) + 0.05 * rng.normal(size=len(t))).astype(np.float32)


@pytest.mark.parametrize(("arch", "size"), [*NETWORKS, ("wavenet", "gated")])
def test_the_engine_plays_what_pytorch_computes(arch: str, size: str, signal, tmp_path) -> None:
    network = gated_network() if size == "gated" else network_of(arch, size)
    written(network, tmp_path / "model.triode")
    expected = play(network, signal, warm_up_samples(network, RATE), TARGET_GAIN)
    assert np.std(expected) > 1e-3, "the model is silent, and silence proves nothing"
    model = load(tmp_path / "model.triode")
    for block in (1, 2, 3, 7, 16, 63, 64, 65, 100, 128, 500, 1000, 1024, 4095, 4096):
        found = model.render(signal, block)
        assert np.max(np.abs(found - expected)) < 1e-5 * max(1.0, np.max(np.abs(expected))), f"block {block}"
    assert model.self_test() < 1e-5


@pytest.mark.parametrize(
    ("arch", "size"),
    [("wavenet", "nano"), ("lstm", "nano"), ("gru", "nano"), ("linear", "nano"), ("grey-box", "standard")],
)
def test_a_model_file_can_be_trained_on(arch: str, size: str, tmp_path) -> None:
    """Written, read back, loaded into a new network: the same sound."""
    network = network_of(arch, size)
    written(network, tmp_path / "model.triode")
    description = read(tmp_path / "model.triode")
    twin = network_from_architecture(description.architecture)
    load_tensors(twin, {n: torch.from_numpy(np.array(t)) for n, t in description.tensors.items()}, TARGET_GAIN)
    x = self_test_signal(RATE)
    first, second = (play(net, x, warm_up_samples(net, RATE)) for net in (network, twin))
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("name", ["b029b7_wavenet_a1_standard", "5e9b53_A2", "3deb03_lstm"])
def test_published_models_can_be_trained_on(name: str, signal, shared_data) -> None:
    """What --start-from promises for .nam files: the network sounds as the file does before its first step."""
    path = shared_data / "models" / "nam" / f"{name}.nam"
    description = read(path)
    network = network_from_architecture(description.architecture)
    load_tensors(network, {n: torch.from_numpy(np.array(t)) for n, t in description.tensors.items()}, 1.0)
    np.testing.assert_allclose(play(network, signal, description.warm_up_samples), load(path).render(signal), atol=1e-5)
