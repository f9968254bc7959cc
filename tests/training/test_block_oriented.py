"""Block-oriented models: filters and curves that mean what they say, and an identification that finds them again."""

import dataclasses

import numpy as np
import pytest
import scipy.signal
import torch

import reference
from triode.errors import ModelFileError
from triode.model_file import ModelFile, SelfTest, model_bytes, self_test_signal
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.identify import fit_frequencies, fit_sections, identify, responses
from triode.training.networks.block_oriented import (
    LEAD_SAMPLES,
    BlockOriented,
    Curve,
    CurveConfig,
    FirConfig,
    Sections,
    SectionsConfig,
    bend,
    section_response,
)
from triode.training.networks.sizes import make_network
from triode.training.recipes import recipe
from triode.training.save import play, warm_up_samples
from triode.training.train import train
from triode.training.updates import validation_esr

RATE = 48_000
BANDS = ("low_shelf", "peak", "high_shelf", "high_pass", "low_pass")


def test_sections_have_the_response_of_the_cookbook() -> None:
    values = {
        "frequency": [0.004, 0.02, 0.1, 0.002, 0.3],
        "gain_db": [6.0, -9.0, 12.0, 3.0, 3.0],
        "q": [0.7, 3, 1, 0.5, 2],
    }
    frequencies = torch.tensor([1e-4, 0.004, 0.02, 0.1, 0.3, 0.45], dtype=torch.float64)
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
    found = section_response(BANDS, tensors, frequencies).numpy()
    expected = np.ones(6, dtype=complex)
    for band, frequency, gain, q in zip(BANDS, *values.values(), strict=True):
        b, a = reference.cookbook_section(band, frequency, q, gain)
        assert np.abs(np.roots(a)).max() < 1, f"{band} is stable"
        expected *= scipy.signal.freqz(b, a, 2 * np.pi * frequencies.numpy())[1]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # What the names promise: gain at the peak's centre, half of the shelves' decibels at their corners.
    at = {}
    for i, band in enumerate(BANDS):
        own = {name: value[i : i + 1] for name, value in tensors.items()}
        at[band] = section_response((band,), own, own["frequency"])
    gains_db = {band: 20 * np.log10(abs(complex(response))) for band, response in at.items()}
    expected_db = {"low_shelf": 3.0, "peak": -9.0, "high_shelf": 6.0, "high_pass": -6.02, "low_pass": 6.02}
    assert gains_db == pytest.approx(expected_db, abs=0.01)


def test_the_curve_is_smooth_at_its_knees_and_ends_where_it_says() -> None:
    value = {"knees": torch.tensor([0.4, 1.1]).double(), "slopes": torch.tensor([3.0, 0.5]).double()}
    z = torch.linspace(-12, 12, 240_001, dtype=torch.float64)
    y = bend(z, value)
    slope = torch.diff(y) / torch.diff(z)
    assert slope.min() >= 0
    assert torch.diff(slope).abs().max() < 1e-3, "neither a jump nor a corner"
    inside = (z > -1.1) & (z < 0.4)
    assert torch.equal(y[inside], torch.tanh(z[inside]))
    ends = [np.tanh(k) + (1 - np.tanh(k) ** 2) / g for k, g in ((0.4, 3.0), (1.1, 0.5))]
    assert [float(y[-1]), float(-y[0])] == pytest.approx(ends, abs=2e-3)


def test_a_bias_shift_follows_the_level() -> None:
    """A loud tone moves the operating point after some milliseconds: the mean of what comes out moves with it."""
    curve = Curve(CurveConfig())
    curve.set_values(
        {"bias_shift": torch.tensor([0.5]), "bias": torch.zeros(1), "bias_shift_frequency": torch.tensor([2e-4])}
    )
    tone = torch.sin(2 * torch.pi * torch.arange(24_000) * 0.01).double().unsqueeze(0)
    means = curve(tone, 8192)[0].reshape(-1, 100).mean(1)
    # The time constant of 2e-4 cycles a sample is 796 samples.
    rise = int(torch.nonzero(means > 0.63 * means[-1])[0])
    assert means[0] < 0.2 * means[-1]
    assert rise in range(6, 11)
    assert curve(torch.zeros(1, 10).double(), 8192).abs().max() == 0, "at rest it is silent"


def known_device() -> BlockOriented:
    """A mid-boosted overdrive: what is to be found again."""
    front, back = SectionsConfig(("high_shelf", "peak")), SectionsConfig(("high_pass", "peak", "high_shelf"))
    device = BlockOriented((front, CurveConfig(), back))
    sections = [block for block in device.blocks if isinstance(block, Sections)]
    sections[0].set_values(
        {"frequency": torch.tensor([0.02, 0.017]), "gain_db": torch.tensor([10.0, 6.0]), "q": torch.tensor([0.6, 0.9])}
    )
    sections[1].set_values(
        {
            "frequency": torch.tensor([0.0015, 0.05, 0.08]),
            "gain_db": torch.tensor([0.0, 5.0, -18.0]),
            "q": torch.tensor([0.7, 1.5, 0.6]),
        }
    )
    device.curves()[0].set_values(
        {"pre_gain": torch.tensor([8.0]), "bias": torch.tensor([0.2]), "post_gain": torch.ones(1)}
    )
    return device


@pytest.fixture(scope="module")
def data() -> Dataset:
    """16 s of notes that decay, from quiet to loud, through the known device."""
    rng = np.random.default_rng(0)
    t = np.arange(16 * RATE) / RATE
    notes = rng.choice([82.4, 110, 146.8, 196, 246.9, 329.6], 32).repeat(RATE // 2)
    levels = np.geomspace(0.003, 0.5, 32)[rng.permutation(32)].repeat(RATE // 2)
    phase = 2 * np.pi * np.cumsum(notes) / RATE
    tones = sum(np.sin(k * phase) / k for k in range(1, 30))
    dry = levels * (np.exp(-3 * (t % 0.5)) * tones * 0.5 + 0.3 * rng.standard_normal(len(t)))
    wet = play(known_device(), dry.astype(np.float32), LEAD_SAMPLES)
    return make_dataset([Pair(dry.astype(np.float32), wet, (0, 13 * RATE), (13 * RATE, 16 * RATE))], RATE)


def test_sections_are_fitted_to_a_gain() -> None:
    block = Sections(SectionsConfig(("low_shelf", "peak", "peak", "peak", "high_shelf")))
    frequencies = fit_frequencies(RATE)
    b, a = reference.cookbook_section("peak", 800 / RATE, 1.2, 11.0)
    tilt = 20 * np.log10(np.abs(scipy.signal.freqz([1, -0.4], [1], 2 * np.pi * frequencies / RATE)[1]))
    wanted = 20 * np.log10(np.abs(scipy.signal.freqz(b, a, 2 * np.pi * frequencies / RATE)[1])) + tilt
    fit_sections(block, wanted, RATE)
    values = {name: value.detach() for name, value in block.values().items()}
    found = 20 * np.log10(
        section_response(block.config.bands, values, torch.from_numpy(frequencies / RATE)).abs().numpy()
    )
    error = found - np.mean(found) - (wanted - np.mean(wanted))
    assert np.sqrt(np.mean(error**2)) < 0.5


def test_quiet_playing_shows_all_filters_and_loud_playing_those_behind(data: Dataset) -> None:
    quiet, loud = responses(data)
    device = known_device()
    gains = []
    for block in device.blocks:
        if isinstance(block, Sections):
            values = {name: value.detach() for name, value in block.values().items()}
            response = section_response(block.config.bands, values, torch.from_numpy(fit_frequencies(RATE) / RATE))
            gains.append(20 * np.log10(response.abs().numpy()))
    middle = slice(24, 90)  # 120 Hz to 5 kHz
    spread = np.std((quiet - gains[0] - gains[1])[middle])
    assert spread < 1.5
    assert np.std((loud - gains[0] - gains[1])[middle]) > 1.5 * spread


def test_identification_finds_the_device(data: Dataset) -> None:
    network = make_network("wiener-hammerstein", "4", 0)
    assert isinstance(network, BlockOriented)
    identify(network, data)
    assert validation_esr(network, data) < 0.15


def test_a_second_curve_begins_out_of_the_way(data: Dataset) -> None:
    """A grey box is identified as well as the chain with one curve that it holds."""
    errors = []
    for arch in ("wiener-hammerstein", "grey-box"):
        network = make_network(arch, "4", 0)
        assert isinstance(network, BlockOriented)
        identify(network, data)
        errors.append(validation_esr(network, data))
    assert errors[1] < 1.2 * errors[0]


def test_descent_turns_a_detuned_device_back(data: Dataset) -> None:
    network = known_device()
    curve = network.curves()[0]
    curve.set_values({"post_gain": torch.tensor([1 / data.target_gain])})
    assert validation_esr(network, data) < 1e-6
    curve.set_values({"pre_gain": torch.tensor([4.0])})
    detuned = validation_esr(network, data)
    config = recipe("wiener-hammerstein", epochs=0.4, batch_size=2, learning_rate=0.05)
    assert train(network, data, config).esr < 0.5 * detuned


def test_a_model_that_leaves_its_ranges_is_not_written() -> None:
    network = make_network("hammerstein", "nano", 0)
    signal = self_test_signal(RATE)
    tensors = {name: tensor.detach().numpy() for name, tensor in network.tensors(1.0).items()}
    warm_up = warm_up_samples(network, RATE)
    model = ModelFile("x", network.architecture(), tensors, RATE, warm_up, SelfTest(signal, signal))
    assert model_bytes(model)
    for name, value in (("blocks.1.frequency", 0.5), ("blocks.1.q", 0.0), ("blocks.0.slopes", -1.0)):
        wrong = dataclasses.replace(model, tensors=tensors | {name: np.full_like(tensors[name], value)})
        with pytest.raises(ModelFileError, match=f"{name} holds"):
            model_bytes(wrong)


def test_an_impulse_response_begins_as_a_wire() -> None:
    x = torch.randn(1, 20_000, generator=torch.Generator().manual_seed(0))
    y = BlockOriented((CurveConfig(), FirConfig(100)))(x)
    assert torch.allclose(y, BlockOriented((CurveConfig(),))(x), atol=1e-5)
