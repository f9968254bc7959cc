"""The loop: it learns, it keeps the best, it can be interrupted and resumed, and a seed fixes the result."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from triode.errors import OptionError, TrainingError
from triode.training import descent
from triode.training import train as train_module
from triode.training.checkpoint import read_checkpoint, write_checkpoint
from triode.training.config import TrainConfig
from triode.training.dataset import Dataset, Pair, make_dataset
from triode.training.losses import LossConfig
from triode.training.networks.concatenated import ConcatenatedConfig, ConcatenatedWaveNet
from triode.training.networks.linear import Linear, LinearConfig
from triode.training.networks.recurrent import Recurrent, RecurrentConfig
from triode.training.networks.sizes import TANH
from triode.training.networks.wavenet import ArrayConfig, HeadConfig, WaveNet, WaveNetConfig
from triode.training.recipes import recipe
from triode.training.train import learning_rate, train

RATE = 8000

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data() -> Dataset:
    """A little device: one-pole low-pass, then a soft clipper with an offset."""
    rng = np.random.default_rng(0)
    x = (0.4 * rng.normal(size=5 * RATE)).astype(np.float32)
    y = np.convolve(x, 0.5 ** np.arange(12))[: len(x)]
    wet = (np.tanh(2 * y + 0.3) - math.tanh(0.3)).astype(np.float32)
    return make_dataset([Pair(x, wet, (0, 4 * RATE), (4 * RATE, 5 * RATE))], RATE)


def small_wavenet(seed: int = 0) -> WaveNet:
    torch.manual_seed(seed)
    array = ArrayConfig(1, 4, (3, 3, 3), (1, 2, 4), (TANH,) * 3, HeadConfig(bias=True))
    return WaveNet(WaveNetConfig((array,), head_scale=0.1))


CONFIG = TrainConfig(epochs=30, batch_size=4, segment_samples=500, learning_rate=0.01, seed=1)


def test_a_wavenet_learns_the_device(data: Dataset) -> None:
    result = train(small_wavenet(), data, CONFIG)
    assert result.esr < 0.005
    assert result.esr == min(point.validation_esr for point in result.history)
    assert result.epochs == pytest.approx(30, abs=0.1)


def test_the_papers_gated_network_learns_by_the_default_recipe_too(data: Dataset) -> None:
    """Its last residual 1x1 is heard by nothing and has no gradient, which SOAP has to bear."""
    torch.manual_seed(0)
    network = ConcatenatedWaveNet(ConcatenatedConfig(4, (1, 2, 4)))
    config = recipe("wavenet", epochs=10, rate_hz=RATE, seed=1, batch_size=4, segment_samples=500)
    assert config.optimiser == "soap"
    assert train(network, data, config).esr < 0.02


def test_an_lstm_learns_the_device_with_carried_state(data: Dataset) -> None:
    network = Recurrent(RecurrentConfig("lstm", 8))
    config = dataclasses.replace(CONFIG, epochs=12, update_samples=250, settle_samples=50, learning_rate=0.02)
    assert train(network, data, config).esr < 0.05


def test_a_linear_system_is_solved(data: Dataset) -> None:
    wet = torch.from_numpy(np.convolve(data.dry[0].numpy(), [0.0, 0.5, -0.25])[: len(data.dry[0])].astype(np.float32))
    result = train(Linear(LinearConfig(16)), dataclasses.replace(data, wet=(wet,)), CONFIG)
    assert result.esr < 1e-6


@pytest.mark.parametrize(("unit", "optimiser", "threads"), [("", "adam", 1), ("", "soap", 2), ("gru", "soap", 2)])
def test_the_same_seed_gives_the_same_weights(data: Dataset, unit: str, optimiser: str, threads: int) -> None:
    torch.set_num_threads(threads)
    config = dataclasses.replace(CONFIG, epochs=2, optimiser=optimiser, batch_size=5)

    def weights(seed: int) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        network = Recurrent(RecurrentConfig("gru", 6)) if unit else small_wavenet()
        return train(network, data, dataclasses.replace(config, seed=seed)).network.state_dict()

    first, second, other = weights(1), weights(1), weights(2)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_network_ends_with_its_best_weights(data: Dataset, monkeypatch) -> None:
    """Held-out error that rises again must not be what is returned."""
    scores = iter([0.5, 0.1, 0.9] + [0.8] * 100)
    seen = []

    def scripted(network, data):
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        return next(scores)

    monkeypatch.setattr(train_module, "validation_esr", scripted)
    result = train(small_wavenet(), data, dataclasses.replace(CONFIG, epochs=2))
    assert result.esr == 0.1
    assert all(torch.equal(seen[1][name], tensor) for name, tensor in result.network.state_dict().items())


def test_patience_stops_early(data: Dataset, monkeypatch) -> None:
    monkeypatch.setattr(train_module, "validation_esr", lambda network, data: 0.5)
    result = train(small_wavenet(), data, dataclasses.replace(CONFIG, patience=3))
    assert len(result.history) == 6  # the first is the best, three are forgiven, the fifth stops, and the closing one
    assert result.epochs < 15


def test_ctrl_c_returns_the_best_so_far(data: Dataset) -> None:
    def interrupt(progress):
        if progress.epoch > 1:
            raise KeyboardInterrupt

    result = train(small_wavenet(), data, dataclasses.replace(CONFIG, epochs=10_000), interrupt)
    assert result.interrupted
    assert result.esr < 1.0
    assert result.epochs < 10_000


def test_an_interrupted_training_resumes_where_it_stopped(data: Dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(train_module, "REPORT_SECONDS", 0.0)
    path = tmp_path / "state"
    config = dataclasses.replace(CONFIG, epochs=3)
    uninterrupted = train(small_wavenet(), data, config)

    def stop(progress):
        if progress.share > 0.4:
            raise KeyboardInterrupt

    first = train(small_wavenet(), data, config, stop, checkpoint=path)
    assert first.interrupted
    saved = read_checkpoint(path)
    assert 0.3 < saved.numbers["samples"] / (3 * data.train_samples) < 0.5
    resumed = train(small_wavenet(seed=9), data, config, checkpoint=path, resume=True)
    assert not path.exists()
    assert resumed.history[: len(saved.numbers["history"])] == first.history[: len(saved.numbers["history"])]
    curves = [
        [(point.epoch, point.loss, point.validation_esr) for point in r.history] for r in (resumed, uninterrupted)
    ]
    assert curves[0] == curves[1], "as if it had never stopped"
    weights = resumed.network.state_dict()
    assert all(torch.equal(weights[name], tensor) for name, tensor in uninterrupted.network.state_dict().items())


def interrupted_at(share: float):
    """An observer that ends a training there."""

    def stop(progress):
        if progress.share > share:
            raise KeyboardInterrupt

    return stop


def test_a_longer_budget_is_listened_to_from_where_it_begins(data: Dataset, tmp_path, monkeypatch) -> None:
    """What was to come at a share of the old budget comes much later in the new one."""
    monkeypatch.setattr(train_module, "REPORT_SECONDS", 0.0)
    path, short, long = tmp_path / "state", dataclasses.replace(CONFIG, epochs=1), dataclasses.replace(CONFIG, epochs=8)
    train(small_wavenet(), data, short, interrupted_at(0.8), checkpoint=path)
    stopped = read_checkpoint(path).numbers["samples"] / data.train_samples
    resumed = train(small_wavenet(), data, long, checkpoint=path, resume=True)
    step = CONFIG.batch_size * CONFIG.segment_samples / data.train_samples
    epochs = [stopped, *(point.epoch for point in resumed.history if point.epoch > stopped)]
    assert max(np.diff(epochs)) <= 8 / train_module.VALIDATIONS + 2 * step
    assert epochs[-1] == pytest.approx(8, abs=2 * step)


def test_patience_goes_on_where_it_was(data: Dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(train_module, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(train_module, "validation_esr", lambda network, data: 0.5)
    path, config = tmp_path / "state", dataclasses.replace(CONFIG, epochs=5, patience=8)
    uninterrupted = train(small_wavenet(), data, config)
    train(small_wavenet(), data, config, interrupted_at(0.1), checkpoint=path)
    resumed = train(small_wavenet(), data, config, checkpoint=path, resume=True)
    assert len(resumed.history) == len(uninterrupted.history) == 11


def test_ctrl_c_leaves_the_state_to_resume_from(data: Dataset, tmp_path) -> None:
    """However early it comes: 'resume' is what the user is told to do next."""
    path = tmp_path / "state"

    def stop(progress):
        raise KeyboardInterrupt

    first = train(small_wavenet(), data, dataclasses.replace(CONFIG, epochs=10_000), stop, checkpoint=path)
    assert first.interrupted
    assert read_checkpoint(path).numbers["samples"] == pytest.approx(first.epochs * data.train_samples)


def test_resume_refuses_what_is_not_a_training_state(data: Dataset, tmp_path, monkeypatch) -> None:
    path = tmp_path / "state"
    with pytest.raises(OptionError, match="no interrupted training"):
        train(small_wavenet(), data, CONFIG, checkpoint=path, resume=True)
    path.write_bytes(b"not a state")
    with pytest.raises(OptionError, match="not a training state"):
        train(small_wavenet(), data, CONFIG, checkpoint=path, resume=True)
    monkeypatch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)
    path.unlink()

    def stop(progress):
        raise KeyboardInterrupt

    train(small_wavenet(), data, dataclasses.replace(CONFIG, epochs=1000), stop, checkpoint=path)
    with pytest.raises(OptionError, match="another --arch"):
        train(Recurrent(RecurrentConfig("gru", 4)), data, CONFIG, checkpoint=path, resume=True)
    saved = read_checkpoint(path)
    numbers = {name: value for name, value in saved.numbers.items() if name != "optimiser"}
    write_checkpoint(path, dataclasses.replace(saved, numbers=numbers))
    with pytest.raises(OptionError, match="another version"):
        train(small_wavenet(), data, CONFIG, checkpoint=path, resume=True)


@pytest.mark.parametrize(("used", "given"), [("adam", "soap"), ("soap", "adam")])
def test_resume_names_the_optimiser_that_was_used(data: Dataset, tmp_path, used: str, given: str) -> None:
    """The state of the one says nothing to the other."""
    path = tmp_path / "state"

    def stop(progress):
        raise KeyboardInterrupt

    train(small_wavenet(), data, dataclasses.replace(CONFIG, epochs=1000, optimiser=used), stop, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(OptionError, match=f"used --optimiser {used}, this one would use {given}"):
        train(small_wavenet(), data, dataclasses.replace(CONFIG, optimiser=given), checkpoint=path, resume=True)
    assert path.read_bytes() == before, "it can still go on with the right one"


def test_divergence_goes_back_to_the_best_weights_and_then_gives_up(data: Dataset, monkeypatch) -> None:
    real = descent.losses
    poisoned = []

    def poison(*arguments):
        for index, (loss, samples) in enumerate(real(*arguments)):
            broken = index == 20
            poisoned.append(broken)
            yield (loss * math.nan if broken else loss), samples

    monkeypatch.setattr(descent, "losses", poison)
    notices = []
    with pytest.raises(TrainingError, match="infinite 5 times"):
        train(small_wavenet(), data, CONFIG, lambda progress: notices.append(progress.notice))
    assert sum(poisoned) == 5
    told = [notice for notice in notices if notice]
    assert len(told) == 4
    for times, notice in enumerate(told, 1):
        assert f"half the learning rate ({CONFIG.learning_rate / 2**times:g})" in notice


def test_a_divergence_is_survived(data: Dataset, tmp_path, monkeypatch) -> None:
    """One infinite loss in the middle: the state that is kept is never infinite, and the device is learned."""
    monkeypatch.setattr(train_module, "CHECKPOINT_SECONDS", 0.0)
    real_losses, real_write, written = descent.losses, train_module.write_checkpoint, []

    def poison(*arguments):
        for loss, samples in real_losses(*arguments):
            yield (loss * math.inf if len(written) == 60 else loss), samples

    def write(path, checkpoint):
        written.append(all(bool(torch.isfinite(tensor).all()) for tensor in checkpoint.network.values()))
        real_write(path, checkpoint)

    monkeypatch.setattr(descent, "losses", poison)
    monkeypatch.setattr(train_module, "write_checkpoint", write)
    result = train(small_wavenet(), data, dataclasses.replace(CONFIG, epochs=8), checkpoint=tmp_path / "state")
    assert len(written) > 100
    assert all(written)
    assert result.esr < 0.05


def test_loss_options_reach_the_loop(data: Dataset) -> None:
    config = dataclasses.replace(CONFIG, epochs=1, loss=LossConfig(mse=0.75, dc=0.25, pre_emphasis=0.85))
    assert train(small_wavenet(), data, config).esr < 1.0


def test_learning_rate_rises_then_falls_along_a_cosine() -> None:
    config = TrainConfig(epochs=1, learning_rate=0.01, rising_share=0.1, final_learning_rate=0.01)
    rates = [learning_rate(share, config) for share in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert rates[0] < rates[1] < rates[2] == 0.01
    assert rates[3] == pytest.approx(0.01 * (0.01 + 0.99 * 0.5))
    assert rates[4] == pytest.approx(0.0001)


def test_budgets_are_checked() -> None:
    for arguments in (
        {},
        {"epochs": 1, "seconds": 1},
        {"epochs": 0},
        {"seconds": math.inf},
        {"epochs": 1, "batch_size": 0},
    ):
        with pytest.raises(OptionError):
            TrainConfig(**arguments)
