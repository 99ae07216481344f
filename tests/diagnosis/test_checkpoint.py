"""A module out of a checkpoint: weights only, and one line for whatever is wrong with them."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import carousel
from carousel.__main__ import main
from carousel.diagnosis.layer import ModuleError


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple:
        return Path.touch, (self.mark,)


def told(path: Path, **options: Any) -> str:
    """The one line that is said of a checkpoint."""
    with pytest.raises(ModuleError) as error:
        carousel.load_checkpoint(path, **options)
    (line,) = str(error.value).splitlines()
    assert line.startswith(f"{path}: ") and len(line) < 500 + len(str(path))
    return line.removeprefix(f"{path}: ")


MODULES = {
    "lstm": lambda: nn.LSTM(3, 5, num_layers=2),
    "bidirectional": lambda: nn.LSTM(3, 5, num_layers=2, bidirectional=True),
    "projected": lambda: nn.LSTM(3, 5, proj_size=2),
    "gru": lambda: nn.GRU(3, 5, dtype=torch.float64),
    "rnn": lambda: nn.RNN(3, 5, bias=False),
    "one unit": lambda: nn.LSTM(1, 1),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("inside", ["alone", "encoder", "state"])
def test_a_module_comes_back_out_of_its_checkpoint(name: str, inside: str, tmp_path: Path) -> None:
    module, path = MODULES[name](), tmp_path / "model.pt"
    encoder = nn.ModuleDict({"encoder": module, "head": nn.Linear(5, 1)}).state_dict()
    forms = {
        "alone": module.state_dict(),
        "encoder": encoder,
        "state": {"epoch": 3, "model": encoder, "none": None},
    }
    torch.save(forms[inside], path)
    back = carousel.load_checkpoint(path)
    x = torch.randn(7, 2, module.input_size, dtype=module.weight_ih_l0.dtype)
    assert type(back) is type(module)
    assert torch.equal(back(x)[0], module(x)[0])


def test_a_cell_counts_as_one_layer_and_half_precision_becomes_single(tmp_path: Path) -> None:
    path, cell = tmp_path / "cell.pt", nn.GRUCell(3, 5)
    torch.save(cell.state_dict(), path)
    x = torch.randn(1, 2, 3)
    assert torch.allclose(carousel.load_checkpoint(path)(x)[0][0], cell(x[0]), atol=1e-6)
    torch.save(nn.LSTM(3, 5).bfloat16().state_dict(), path)
    assert carousel.load_checkpoint(path).weight_ih_l0.dtype == torch.float32


def test_a_relu_is_asked_for_and_a_module_of_several_is_named(tmp_path: Path) -> None:
    path = tmp_path / "both.pt"
    both = nn.ModuleDict({"encoder": nn.RNN(3, 5, nonlinearity="relu"), "decoder": nn.RNN(5, 2)})
    torch.save(both.state_dict(), path)
    x = torch.randn(4, 1, 3)
    back = carousel.load_checkpoint(path, prefix="encoder", nonlinearity="relu")
    assert torch.equal(back(x)[0], both["encoder"](x)[0])
    assert carousel.load_checkpoint(path, prefix="decoder.").hidden_size == 2
    assert told(path) == "prefix: found None; allowed: 'encoder', 'decoder'"
    assert (
        told(path, prefix="encoderr")
        == "prefix: found 'encoderr'; allowed: 'encoder', 'decoder'; nearest: 'encoder'"
    )
    assert "allowed: tanh, relu" in told_of_nonlinearity(path)


def told_of_nonlinearity(path: Path) -> str:
    """What is said of a nonlinearity that there is not."""
    with pytest.raises(ModuleError) as error:
        carousel.load_checkpoint(path, nonlinearity="gelu")
    return str(error.value)


@pytest.mark.parametrize("form", ["torch", "old torch", "pickle", "zip"])
def test_a_file_with_code_in_it_is_refused_and_does_not_run(form: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "model.pt", tmp_path / "ran"
    evil = nn.LSTM(3, 5).state_dict() | {"more": Code(mark)}
    if form == "pickle":
        path.write_bytes(pickle.dumps(Code(mark)))
    elif form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(Code(mark)))
            archive.writestr("archive/version", "3")
    else:
        torch.save(evil, path, _use_new_zipfile_serialization=form == "torch")
    said = told(path)
    assert "code to load; allowed: weights only" in said
    assert not mark.exists()
    torch.load(path, weights_only=False) if form != "pickle" else pickle.loads(path.read_bytes())
    assert mark.exists()  # it would have


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    torch.save(nn.LSTM(3, 5), tmp_path / "model.pt")
    assert "LSTM" in told(tmp_path / "model.pt")


def changed(**weights: Any) -> dict[str, Any]:
    """The weights of an LSTM, some of them others; None for none."""
    state = nn.LSTM(3, 5, num_layers=2).state_dict() | weights
    return {name: tensor for name, tensor in state.items() if tensor is not None}


WRONG = {
    "weight_hh_l1: missing; allowed: shape (20, 5)": changed(weight_hh_l1=None),
    "weight_hh_l0: missing": changed(weight_hh_l0=None),
    "bias_hh_l1: found shape (19,); allowed: (20,)": changed(bias_hh_l1=torch.zeros(19)),
    "weight_ih_l1: found shape (20, 3); allowed: (20, 5)": changed(weight_ih_l1=torch.zeros(20, 3)),
    "weight_ih_l0: found shape (15, 3); allowed: (20, 3)": changed(weight_ih_l0=torch.zeros(15, 3)),
    "weight_hh_l0: found (10, 5); allowed: 1 (RNN), 3 (GRU) or 4": changed(weight_hh_l0=torch.zeros(10, 5)),
    "weight_hh_l0: found (0, 0); allowed: 1 (RNN)": changed(weight_hh_l0=torch.zeros(0, 0)),
    "allowed: matrices": changed(weight_hh_l0=torch.zeros(20)),
    "bias_ih_l0: found NaN or infinity": changed(bias_ih_l0=torch.full((20,), torch.nan)),
    "weight_hh_l1: found NaN or infinity": changed(weight_hh_l1=torch.full((20, 5), torch.inf)),
    "weight_hh_l0: found torch.int64": changed(weight_hh_l0=torch.ones(20, 5, dtype=torch.int64)),
    "weight_hh_l0: found torch.complex64": changed(weight_hh_l0=torch.ones(20, 5, dtype=torch.complex64)),
    "torch.sparse_coo; allowed: dense": changed(weight_hh_l0=torch.ones(20, 5).to_sparse()),
    "weight_ih_l2: missing, though there are layers up to 9": changed(weight_hh_l9=torch.zeros(20, 5)),
    "weight_hh_l0: found (20, 5); allowed: 1 (RNN)": changed(weight_hr_l0=torch.zeros(2, 4)),
    "weight_hh_l0: found shape (20, 5); allowed: (20, 2)": changed(weight_hr_l0=torch.zeros(2, 5)),
    "weight_ih_l0_reverse: missing; allowed: shape (20, 3)": changed(weight_hh_l0_reverse=torch.zeros(20, 5)),
    "no recurrent weights": {"weight": torch.zeros(3), "deep": {"er": [torch.zeros(2)]}},
}


@pytest.mark.parametrize("said", WRONG)
def test_a_wrong_weight_is_one_line(said: str, tmp_path: Path) -> None:
    torch.save(WRONG[said], tmp_path / "model.pt")
    line = told(tmp_path / "model.pt")
    assert said in line
    assert "missing" in line or "allowed" in line


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    path, whole = tmp_path / "model.pt", io.BytesIO()
    torch.save(nn.LSTM(3, 5).state_dict(), whole)
    data = whole.getvalue()
    for spoilt in (
        b"",
        b"text",
        data[:100],
        data[: len(data) // 2],
        data[:-30],
        b"\0" * 500,
        b"cos\nsystem\n(S'ls'\ntR.",
    ):
        path.write_bytes(spoilt)
        assert "allowed: " in told(path)
    assert "cannot be read" in told(tmp_path / "none.pt")
    assert "cannot be read" in told(tmp_path)


def test_the_verb_says_how_far_a_checkpoint_reaches(tmp_path: Path, capsys) -> None:
    path, picture = tmp_path / "model.pt", tmp_path / "model.svg"
    torch.manual_seed(1)
    torch.save(nn.LSTM(3, 5).state_dict(), path)
    assert main(["diagnose", f"--checkpoint={path}", "--length=40", "--batch=2", f"--figure={picture}"]) == 0
    assert capsys.readouterr().out.startswith("Layer 1 (LSTM, 5 units): the gradient halves every ")
    assert picture.stat().st_size > 1000
    path.write_bytes(b"text")
    for wrong in (["--length=0"], ["--seed=-1"], ["--prefix=a"], ["--nonlinearity=no"]):
        assert main(["diagnose", f"--checkpoint={path}", *wrong]) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_torch_whose_weights_only_has_a_hole_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.save(nn.LSTM(3, 5).state_dict(), tmp_path / "model.pt")
    monkeypatch.setattr(torch, "__version__", "2.9.1")
    assert told(tmp_path / "model.pt") == "torch: found 2.9.1; allowed: 2.10 or later, for CVE-2026-24747"


MORE = {  # what a module has beside an LSTM's weights
    "layer norm": ("rnn.cell", {"ln_ih.weight": (16,), "ln_ih.bias": (16,)}),
    "peepholes": ("", {"weight_peep": (3, 4)}),
    "a context": ("net.0", {"weight_ch": (16, 4), "alpha": ()}),
    "a first state": ("lstm", {"h0": (1, 4)}),
    "layer norm without a prefix": ("", {"norm.weight": (4,)}),
}


@pytest.mark.parametrize("case", MORE)
def test_a_cell_that_has_more_than_torch_s_is_not_read_as_torch_s(tmp_path, case):
    prefix, more = MORE[case]
    own = nn.LSTMCell(3, 4).state_dict() | {name: torch.rand(shape) for name, shape in more.items()}
    whole = {f"{prefix}.{name}" if prefix else name: weight for name, weight in own.items()}
    torch.save(
        {"model": whole, "optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}}} if prefix else whole,
        tmp_path / "m.pt",
    )
    with pytest.raises(ModuleError, match="found beside its weights") as caught:
        carousel.load_checkpoint(tmp_path / "m.pt")
    assert next(iter(more)) in str(caught.value)


@pytest.mark.parametrize("prefix", ["encoder.lstm.", ""])
def test_what_stands_elsewhere_in_a_checkpoint_is_no_part_of_the_module(tmp_path, prefix):
    lstm = nn.LSTM(3, 4, num_layers=2)
    whole = {f"{prefix}{name}": weight for name, weight in lstm.state_dict().items()}
    whole |= {"head.weight": torch.rand(2, 4), "encoder.norm.weight": torch.rand(4)} if prefix else {}
    torch.save(whole | {"optimizer": {"state": {0: {"exp_avg": torch.rand(3)}}}}, tmp_path / "m.pt")
    found = carousel.load_checkpoint(tmp_path / "m.pt")
    assert all(torch.equal(w, found.state_dict()[name]) for name, w in lstm.state_dict().items())
