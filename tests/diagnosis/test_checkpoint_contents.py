"""What people save beside their weights, and how they save the weights: read without running any code of the file."""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import random
import subprocess
import types
import uuid
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

import carousel
from carousel.diagnosis.layer import ModuleError


class Colour(enum.Enum):
    RED = "red"


class Options(dict):
    """A dictionary whose items are attributes, too."""

    def __init__(self, **items: Any) -> None:
        super().__init__(**items)
        self.__dict__.update(items)


class Losses(list):
    """A list of a class of its own."""


class Point(NamedTuple):
    x: float
    y: float


@dataclasses.dataclass
class Config:
    hidden: int
    folder: Path


@dataclasses.dataclass(slots=True, frozen=True)
class Frozen:
    hidden: int


NAMESPACE = argparse.Namespace(lr=np.float32(0.1), out=Path("a") / "b", sizes=[1, 2], inner=Config(3, Path()))
BESIDE = {
    "numpy's numbers": [np.float64(0.3), np.float32(1), np.int64(3), np.bool_(True), np.complex128(1j)],
    "numpy's arrays": [np.arange(3), np.zeros((2, 0)), np.array([{"a": 1}, None]), np.array(["ab", "c"])],
    "a structured array": np.zeros(2, dtype=[("a", "f4"), ("b", "O")]),
    "numpy's types": [np.dtype("f4"), np.float32, np.datetime64("2026-01-02")],
    "random states": [random.getstate(), np.random.get_state(), torch.get_rng_state()],
    "random generators": [np.random.default_rng(1), np.random.RandomState(2), np.random.SeedSequence(3)],
    "a namespace": NAMESPACE,
    "a simple namespace": types.SimpleNamespace(a=1, b=NAMESPACE),
    "default dictionaries": collections.defaultdict(list, {"loss": [1.0], 3: [collections.Counter("ab")]}),
    "queues": [collections.deque([1, 2], maxlen=5), collections.deque()],
    "paths": [Path("a"), PurePosixPath("/b"), PureWindowsPath("c:/d")],
    "enumerations": {Colour.RED: [Colour.RED]},
    "dictionaries of a class": Options(lr=0.1, inner=Options(a=NAMESPACE)),
    "lists of a class": [Losses([0.5, 0.2]), Losses()],
    "named tuples": Point(1.0, 2.0),
    "data classes": [Config(3, Path("x")), Frozen(4)],
    "times": [datetime.datetime(2026, 1, 2), datetime.timedelta(1), datetime.UTC, datetime.date(2026, 1, 2)],
    "exact numbers": [decimal.Decimal("0.1"), uuid.UUID(int=5), 2**100, 1j],
    "sets": [{1, 2}, frozenset({3}), slice(1, 2), range(3), bytearray(b"a"), b"bytes"],
    "torch's own": [torch.float16, torch.device("cpu"), torch.Size([2]), nn.Parameter(torch.ones(2))],
    "a class as a key": {Config: {"best": 3}},
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", BESIDE)
def test_weights_come_out_whatever_data_stands_beside_them(name: str, zipped: bool, tmp_path: Path) -> None:
    lstm, path = nn.LSTM(3, 4), tmp_path / "model.pt"
    torch.save(
        {"first": BESIDE[name], "model": lstm.state_dict(), "last": BESIDE[name]},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    same(carousel.load_checkpoint(path), lstm)


def same(found: nn.RNNBase, wanted: nn.RNNBase, tolerance: float = 0.0) -> None:
    """That two modules compute alike."""
    x = torch.randn(6, 2, wanted.input_size, dtype=next(wanted.parameters()).dtype)
    with torch.no_grad():
        torch.testing.assert_close(found.eval()(x)[0], wanted.eval()(x)[0], rtol=tolerance, atol=tolerance)


def test_all_of_it_at_once_leaves_torch_s_own_list_as_it_was(tmp_path: Path) -> None:
    gru, before = nn.GRU(3, 4), set(torch.serialization.get_safe_globals())
    torch.save([BESIDE, gru.state_dict()], tmp_path / "model.pt")
    same(carousel.load_checkpoint(tmp_path / "model.pt"), gru)
    assert set(torch.serialization.get_safe_globals()) == before


PLACES = {
    "a list": lambda state: [state, {"lr": 0.1}],
    "a tuple in a list": lambda state: [3, (None, [state])],
    "an object": lambda state: argparse.Namespace(epoch=3, model=state),
    "a default dictionary": lambda state: collections.defaultdict(dict, {"net": state}),
    "lightning": lambda state: {
        "pytorch-lightning_version": "2.5.0",
        "state_dict": {f"model.rnn.{name}": tensor for name, tensor in state.items()}
        | {"loss.w": torch.ones(3)},
        "hyper_parameters": Options(lr=1e-3, data=Path("d")),
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(1.0)}},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(16, 3)}}, "param_groups": []}],
    },
    "arrays": lambda state: {name: tensor.numpy() for name, tensor in state.items()},
    "arrays of Fortran": lambda state: {n: np.asfortranarray(t.numpy()) for n, t in state.items()},
    "swapped bytes": lambda state: {n: t.numpy().astype(">f4") for n, t in state.items()},
    "parameters": lambda state: {name: nn.Parameter(tensor) for name, tensor in state.items()},
}


@pytest.mark.parametrize("place", PLACES)
def test_the_weights_may_stand_anywhere(place: str, tmp_path: Path) -> None:
    lstm, path = nn.LSTM(3, 4, num_layers=2, bidirectional=True), tmp_path / "model.pt"
    torch.save(PLACES[place](lstm.state_dict()), path)
    same(carousel.load_checkpoint(path), lstm)


class Calls:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple:
        return self.call


@pytest.mark.parametrize(
    "function", [eval, exec, getattr, subprocess.Popen, subprocess.run, print, torch.load]
)
def test_a_file_that_calls_a_function_is_refused_by_its_name(function: Any, tmp_path: Path) -> None:
    state = nn.LSTM(3, 4).state_dict() | {"x": Calls(function, "1/0")}
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(
        ModuleError, match=f"{function.__name__}, which is code to load; allowed: weights only"
    ):
        carousel.load_checkpoint(tmp_path / "model.pt")


RAN: list[str] = []


class Runs:
    """Runs when it is made, filled or given its state; a class of data by its name."""

    def __init__(self, *arguments: Any) -> None:
        RAN.append("made")

    def __reduce__(self) -> tuple:
        return Runs, (1,), {"a": 1}

    def __setstate__(self, state: Any) -> None:
        RAN.append("filled")


def test_no_class_that_a_file_names_is_made(tmp_path: Path) -> None:
    lstm = nn.LSTM(3, 4)
    torch.save({"x": Runs(), "model": lstm.state_dict()}, tmp_path / "model.pt")
    RAN.clear()
    same(carousel.load_checkpoint(tmp_path / "model.pt"), lstm)
    assert RAN == []
    torch.load(tmp_path / "model.pt", weights_only=False)
    assert RAN == ["made", "filled"]  # they would have been


def test_another_pickle_protocol_is_named(tmp_path: Path) -> None:
    torch.save(nn.LSTM(3, 4).state_dict(), tmp_path / "model.pt", pickle_protocol=5)
    with pytest.raises(ModuleError, match=r"pickle protocol \(2\)"):
        carousel.load_checkpoint(tmp_path / "model.pt")


WRAPPERS = "{}", "module.{}", "_orig_mod.{}", "module._orig_mod.{}", "model.module.rnn.{}", "net._orig_mod.{}"


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapper_s_name_is_no_part_of_a_prefix(wrapper: str, tmp_path: Path) -> None:
    encoder, decoder = nn.GRU(3, 4), nn.GRU(3, 2)
    both = nn.ModuleDict({"encoder": encoder, "decoder": decoder}).state_dict()
    torch.save(
        {"state_dict": {wrapper.format(name): tensor for name, tensor in both.items()}}, tmp_path / "m.pt"
    )
    for prefix in ("encoder", "encoder.", wrapper.format("encoder")):
        same(carousel.load_checkpoint(tmp_path / "m.pt", prefix=prefix), encoder)
    with pytest.raises(ModuleError, match="prefix: found None; allowed: 'state_dict"):
        carousel.load_checkpoint(tmp_path / "m.pt")
    with pytest.raises(ModuleError, match="prefix: found 'coder'; allowed: "):  # no whole name
        carousel.load_checkpoint(tmp_path / "m.pt", prefix="coder")


def test_two_modules_that_only_a_wrapper_tells_apart_stay_two(tmp_path: Path) -> None:
    plain, wrapped = nn.GRU(3, 4), nn.GRU(3, 4)
    both = plain.state_dict() | {f"module.{name}": tensor for name, tensor in wrapped.state_dict().items()}
    torch.save(both, tmp_path / "m.pt")
    same(carousel.load_checkpoint(tmp_path / "m.pt", prefix=""), plain)
    same(carousel.load_checkpoint(tmp_path / "m.pt", prefix="module"), wrapped)


def pruned(lstm: nn.LSTM) -> nn.LSTM:
    prune.l1_unstructured(lstm, "weight_hh_l0", amount=0.5)
    return prune.random_unstructured(lstm, "weight_ih_l1", amount=2)


class Stored(nn.Module):
    """The dropped weights of AWD-LSTM: what is trained stands beside a sample of it."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        self.module = lstm
        self.weight_hh_l0_raw = nn.Parameter(lstm.weight_hh_l0.detach().clone())


DERIVED: dict[str, Any] = {
    "weight norm": lambda lstm: parametrizations.weight_norm(lstm, "weight_hh_l0"),
    "weight norm of all": lambda lstm: [
        parametrizations.weight_norm(lstm, name)
        for name, _ in list(lstm.named_parameters())
        if "weight" in name
    ],
    "weight norm by columns": lambda lstm: parametrizations.weight_norm(lstm, "weight_ih_l0", dim=1),
    "weight norm as a whole": lambda lstm: parametrizations.weight_norm(lstm, "weight_hh_l1", dim=None),
    "spectral norm": lambda lstm: parametrizations.spectral_norm(lstm, "weight_hh_l0"),
    "old spectral norm": lambda lstm: nn.utils.spectral_norm(lstm, "weight_hh_l0"),
    "pruning": pruned,
}


@pytest.mark.parametrize("derived", DERIVED)
def test_a_weight_is_made_of_its_parts_as_the_module_makes_it(derived: str, tmp_path: Path) -> None:
    lstm, path = nn.LSTM(3, 4, num_layers=2, dtype=torch.float64), tmp_path / "model.pt"
    DERIVED[derived](lstm)
    with torch.no_grad():
        for weight in lstm.parameters():
            weight.mul_(1.5)
    torch.save({"net": lstm.state_dict()}, path)
    lstm.eval()(torch.randn(2, 1, 3, dtype=torch.float64))  # the old ones make their weight in a forward pass
    found = carousel.load_checkpoint(path)
    for name, weight in found.named_parameters():
        torch.testing.assert_close(weight.data, getattr(lstm, name).detach(), rtol=1e-14, atol=1e-15)


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated")
def test_the_old_weight_norm_and_raw_weights(tmp_path: Path) -> None:
    lstm, path = nn.LSTM(3, 4), tmp_path / "model.pt"
    state = nn.utils.weight_norm(lstm, "weight_hh_l0").state_dict()
    assert "weight_hh_l0_g" in state
    torch.save(state, path)
    torch.testing.assert_close(carousel.load_checkpoint(path).weight_hh_l0.data, lstm.weight_hh_l0.detach())
    stored = Stored(nn.LSTM(3, 4))
    raw = stored.weight_hh_l0_raw.detach()
    stored.module.weight_hh_l0.data *= 0
    torch.save({"rnns.0": stored.state_dict()}, path)
    assert torch.equal(carousel.load_checkpoint(path).weight_hh_l0.data, raw)


UNTOLD: dict[str, Any] = {
    "orthogonal": lambda gru: parametrizations.orthogonal(gru, "weight_hh_l0"),
    "a function of one's own": lambda gru: parametrize.register_parametrization(
        gru, "weight_hh_l0", nn.Tanh()
    ),
    "two of them": lambda gru: parametrizations.spectral_norm(
        parametrizations.spectral_norm(gru, "weight_hh_l0"), "weight_hh_l0"
    ),
}


@pytest.mark.parametrize("derived", UNTOLD)
def test_parts_that_do_not_tell_the_weight_are_named(derived: str, tmp_path: Path) -> None:
    gru = nn.GRU(3, 4)
    UNTOLD[derived](gru)
    torch.save(gru.state_dict(), tmp_path / "model.pt")
    with pytest.raises(ModuleError, match=r"weight_hh_l0: found \['\..*remove_parametrizations"):
        carousel.load_checkpoint(tmp_path / "model.pt")


KINDS = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16"}


def written(state: dict[str, torch.Tensor], path: Path, **changes: Any) -> None:
    """A safetensors file, by the format's description."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, tensor in state.items():
        numbers = bytes(tensor.contiguous().flatten().view(torch.uint8).numpy())
        header[name] = {
            "dtype": KINDS[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(numbers)],
        } | changes
        data += numbers
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


@pytest.mark.parametrize("dtype", KINDS)
def test_a_safetensors_file(dtype: torch.dtype, tmp_path: Path) -> None:
    lstm, path = nn.LSTM(3, 4, num_layers=2).to(dtype), tmp_path / "model.safetensors"
    written({f"model.rnn.{name}": tensor for name, tensor in lstm.state_dict().items()}, path)
    found = carousel.load_checkpoint(path, prefix="rnn")
    for name, tensor in lstm.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor.to(found.weight_ih_l0.dtype))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dtype": "F8_E4M3"}, "found 'F8_E4M3'; allowed: F64, F32"),
        ({"data_offsets": [0, 10**9]}, "allowed: all of its numbers"),
        ({"data_offsets": [-4, 236]}, "allowed: all of its numbers"),
        ({"shape": [2, -1]}, "allowed: all of its numbers"),
        ({"shape": None}, "no safetensors file, or not all of it"),
    ],
)
def test_a_damaged_safetensors_file_is_one_line(changes: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    written(nn.LSTM(3, 4).state_dict(), path, **changes)
    with pytest.raises(ModuleError, match=said) as error:
        carousel.load_checkpoint(path)
    assert "\n" not in str(error.value)


def test_every_beginning_of_a_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    written(nn.LSTM(3, 4).state_dict(), path)
    data = path.read_bytes()
    for size in range(0, len(data), 37):
        path.write_bytes(data[:size])
        with pytest.raises(ModuleError, match="allowed: "):
            carousel.load_checkpoint(path)
