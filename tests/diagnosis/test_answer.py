"""What follows from a diagnosis for its user: shares, biases, higher ones, recommendations, evaluation in parallel."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from support.report_results import ORIGIN
from torch import nn

import carousel
from carousel.analysis.stats.tables import select
from carousel.diagnosis import answer, recommended
from carousel.diagnosis.higher_bias import Change, changed_layer, higher_of
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.modules import layers_of
from carousel.tables import parquet
from carousel.tables.schemas import names

D, H, B = 3, 4, 2
KINDS = {"lstm": nn.LSTM, "gru": nn.GRU}
KEYS = ["layer", "direction", "lag"]


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(kind, seed=0, **options):
    """A module of torch in float64, with random weights and biases."""
    module = kind(D, H, **options).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.uniform_(-0.5, 0.6, generator=generator)
    return module


def silent(kind, first, second):
    """A module whose weights are zero but for the two biases of its forget or update gate."""
    module = kind(D, H).double()
    with torch.no_grad():
        for weight in module.parameters():
            weight.zero_()
        module.bias_ih_l0[H : 2 * H], module.bias_hh_l0[H : 2 * H] = first, second
    return module


class Leaky(nn.Module):
    """A state that fades by alpha a step."""

    def __init__(self, alpha):
        super().__init__()
        self.alpha, self.hidden_size = nn.Parameter(torch.tensor(alpha, dtype=torch.float64)), H

    def forward(self, x, state):
        state = self.alpha * state + x.mean(-1, keepdim=True)
        return state, state


@pytest.mark.parametrize("name", KINDS)
def test_a_network_whose_share_is_known(name):
    report = carousel.diagnose(silent(KINDS[name], 1.5, -0.7), noise(100, B, D), exponents=0, higher=[0.5, 3])
    start = (
        math.log10(1.25 / 2) / 2 if name == "lstm" else 0.0
    )  # h_t = c_t / 2 there, and two states at lag 0
    assert sorted(set(report.shares["added"])) == [0.0, 0.5, 3.0]
    assert sorted(set(report.shares["lag"])) == [10, 100, 1000]
    for row in report.shares.itertuples():
        gate = 1 / (1 + math.exp(-(0.8 + row.added)))
        assert row.log10_share == pytest.approx(start + row.lag * math.log10(gate), rel=1e-10)
        assert row.extrapolated == (row.lag == 1000)
        assert (row.n, row.n_zero) == (B, 0)
        np.testing.assert_allclose([row.low, row.high], row.log10_share, rtol=1e-7)
    (bias,) = report.biases.itertuples()
    assert (bias.cell, bias.gate, bias.units) == (name, "f" if name == "lstm" else "u", H)
    np.testing.assert_allclose([bias.mean, bias.smallest, bias.largest], 0.8, rtol=1e-12)
    assert bias.deviation == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("suffix", ["", "_reverse"])
def test_the_bias_is_that_of_both_vectors_over_the_units(name, suffix):
    module = made(KINDS[name], num_layers=2, bidirectional=True)
    report = carousel.diagnose(module, noise(6, B, D), exponents=0, higher=())
    for layer in range(2):
        end = f"l{layer}{suffix}"
        own = [getattr(module, f"bias_{role}_{end}").detach().numpy()[H : 2 * H] for role in ("ih", "hh")]
        bias = own[0] + own[1]
        where = {"layer": layer + 1, "direction": "backward" if suffix else "forward"}
        (row,) = select(report.biases, **where).itertuples()
        wanted = bias.mean(), bias.std(), bias.min(), bias.max()
        found = row.mean, row.deviation, row.smallest, row.largest
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


MODULES = {
    "lstm": lambda: made(nn.LSTM),
    "gru": lambda: made(nn.GRU),
    "stack": lambda: made(nn.LSTM, num_layers=2, bidirectional=True, batch_first=True),
    "gru stack": lambda: made(nn.GRU, num_layers=3),
    "projected": lambda: made(nn.LSTM, proj_size=2, num_layers=2),
    "lstm cell": lambda: made(nn.LSTMCell),
    "gru cell": lambda: made(nn.GRUCell),
    "float32": lambda: made(nn.GRU).float(),
}


def built_with(module, added):
    """`module` with so much more on the second bias of its forget or update gates: not the one that is raised."""
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if name.startswith("bias_hh"):
                weight[H : 2 * H] += added
    return module


@pytest.mark.parametrize("name", MODULES)
def test_a_higher_bias_on_a_copy_is_a_network_built_with_it(name):
    xs = noise(25, B, D)
    xs = xs.transpose(0, 1) if name == "stack" else xs.float() if name == "float32" else xs
    shares = carousel.diagnose(MODULES[name](), xs, exponents=0, higher=[1.25]).shares
    built = carousel.diagnose(built_with(MODULES[name](), 1.25), xs, exponents=0, higher=()).shares
    found = shares[shares["added"] == 1.25].reset_index(drop=True)
    tolerance = 1e-4 if name == "float32" else 1e-10
    pd.testing.assert_frame_equal(
        found.drop(columns="added"), built.drop(columns="added"), rtol=tolerance, atol=tolerance
    )
    ten = shares[shares["lag"] == 10].groupby("added")["log10_share"].mean()
    assert abs(ten[1.25] - ten[0.0]) > 0.1


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.LSTMCell, nn.GRUCell])
def test_a_network_without_biases_gets_one(kind):
    bare, xs = made(kind, bias=False), noise(25, B, D)
    whole = kind(D, H).double()
    with torch.no_grad():
        for name, weight in whole.named_parameters():
            weight.copy_(getattr(bare, name)) if hasattr(
                bare, name
            ) and "bias" not in name else weight.zero_()
    report = carousel.diagnose(bare, xs, exponents=0, higher=[2])
    wanted = carousel.diagnose(built_with(whole, 2), xs, exponents=0, higher=()).shares["log10_share"]
    np.testing.assert_allclose(report.shares.query("added == 2")["log10_share"], wanted, rtol=1e-10)
    assert report.biases["mean"].item() == 0.0


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_of_any_origin_is_raised_by_its_own_weights(name):
    module, xs = made(KINDS[name], bidirectional=True), noise(25, B, D)
    like = torch.zeros((), dtype=torch.float64)
    rng = np.random.default_rng(1)
    raised = [changed_layer(layer, Change(1.5), rng) for layer in layers_of(module, xs, None, like)]
    built = layers_of(built_with(module, 1.5), xs, None, like)
    for one, other in zip(raised, built, strict=True):
        torch.testing.assert_close(one.params.b, other.params.b, rtol=1e-12, atol=1e-12)
        assert torch.equal(one.params.R, other.params.R)


def test_weights_under_weight_norm_are_raised_as_what_they_are():
    xs, wanted = noise(25, B, D), made(nn.LSTM)
    module = nn.utils.parametrizations.weight_norm(made(nn.LSTM), "weight_hh_l0")
    found, wanted = (carousel.diagnose(each, xs, exponents=0, higher=[3]).shares for each in (module, wanted))
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-10)


def test_nothing_of_the_module_or_the_process_is_changed():
    module, xs = made(nn.LSTM, num_layers=2, dropout=0.5).train(), noise(20, B, D)
    before = {name: value.numpy().tobytes() for name, value in module.state_dict().items()}
    states = torch.get_rng_state().clone(), np.random.get_state()[1].tobytes()
    carousel.diagnose(module, xs, exponents=0)
    assert {name: value.numpy().tobytes() for name, value in module.state_dict().items()} == before
    assert module.training and all(w.requires_grad and w.grad is None for w in module.parameters())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.random.get_state()[1].tobytes() == states[1]


def test_the_interval_is_that_of_the_sequences():
    module, xs = made(nn.LSTM), noise(40, 5, D)
    (found,) = carousel.diagnose(module, xs, exponents=0, higher=()).shares.query("lag == 10").itertuples()
    each = [
        carousel.diagnose(module, xs[:, b : b + 1], exponents=0, higher=()).shares.query("lag == 10")
        for b in range(5)
    ]
    logs = [table["log10_share"].item() for table in each]
    assert all(math.isnan(table["low"].item()) for table in each)  # one sequence, whose norm is exact
    assert found.log10_share == pytest.approx(np.mean(logs), rel=1e-12)
    wanted = stats.t.interval(0.95, 4, np.mean(logs), stats.sem(logs))
    np.testing.assert_allclose([found.low, found.high], wanted, rtol=1e-9)


def test_sequences_count_up_to_their_own_lengths():
    module, xs = made(nn.GRU), noise(40, 3, D)
    packed = nn.utils.rnn.pack_padded_sequence(xs, torch.tensor([40, 8, 30]), enforce_sorted=False)
    (found,) = (
        carousel.diagnose(module, packed, exponents=0, higher=()).shares.query("lag == 10").itertuples()
    )
    wanted = [
        carousel.diagnose(module, xs[:n, b : b + 1], exponents=0, higher=()).shares.query("lag == 10")
        for b, n in ((0, 40), (2, 30))
    ]
    assert found.n == 2
    assert found.log10_share == pytest.approx(
        np.mean([table["log10_share"].item() for table in wanted]), rel=1e-10
    )


def test_an_estimate_s_own_error_is_in_its_interval():
    module = nn.RNN(D, 300).double()
    report = carousel.diagnose(module, noise(12, 1, D), exponents=0)
    (row,) = report.shares.query("lag == 10").itertuples()
    (norm,) = report.decay.query("lag == 10 and quantity == 'jacobian_fro'").itertuples()
    assert (
        row.high - row.log10_share == pytest.approx(stats.norm.ppf(0.975) * norm.error, rel=1e-3)
        and norm.error > 0
    )


@pytest.mark.parametrize("alpha", [0.9, 1.0])
def test_a_lag_beyond_the_sequences_follows_from_a_rate_that_holds(alpha):
    report = carousel.diagnose(Leaky(alpha), noise(60, B, D), torch.zeros(B, H, dtype=torch.float64))
    assert report.shares["lag"].tolist() == [10, 100, 1000]
    assert report.shares["extrapolated"].tolist() == [False, True, True]
    np.testing.assert_allclose(
        report.shares["log10_share"], report.shares["lag"] * math.log10(alpha), rtol=1e-9, atol=1e-12
    )
    assert report.biases.empty and "bias" not in str(report)


def test_a_transient_says_nothing_of_lags_beyond_it():
    torch.manual_seed(0)
    lstm = nn.LSTM(8, 32)
    built_with_five = lstm.bias_ih_l0.detach()
    built_with_five[32:64] += 5
    report = carousel.diagnose(lstm, torch.randn(100, 4, 8), higher=())
    assert report.rates["changes"].item()
    assert report.shares["lag"].tolist() == [10, 100]
    assert "of lag 1,000 these sequences do not tell" in str(report)
    assert "is open" in str(report) and "Gonzalez" not in str(report)


def test_what_is_exactly_zero_arrives_nowhere():
    report = carousel.diagnose(Leaky(0.0), noise(20, B, D), torch.zeros(B, H, dtype=torch.float64))
    (row,) = report.shares.itertuples()
    assert (row.lag, row.n, row.n_zero) == (10, B, B)
    assert row.log10_share == row.low == row.high == -math.inf
    assert "Of the gradient arrives 0 at lag 10" in str(report)
    assert "All of the state is lost on the way" in str(report)


@pytest.mark.parametrize(
    ("alpha", "said"),
    [
        (0.9, "below zero: the steps can be"),
        (1.1, "too many iterations"),
        (1.0, "may be above or below zero"),
    ],
)
def test_below_zero_the_steps_can_be_evaluated_in_parallel(alpha, said):
    report = carousel.diagnose(Leaky(alpha), noise(60, B, D), torch.zeros(B, H, dtype=torch.float64))
    assert said in str(report)
    without = carousel.diagnose(
        Leaky(alpha), noise(60, B, D), torch.zeros(B, H, dtype=torch.float64), exponents=0
    )
    assert "parallel" not in str(without)


def test_an_exponent_s_error_decides_whether_its_sign_is_told():
    rate = next(pd.DataFrame({"value": [-0.1], "changes": [False]}).itertuples())
    for error, told in ((0.04, True), (0.06, False)):
        table = pd.DataFrame({"index": [1, 2], "value": [-0.1, -0.5], "error": [error, 0.0]})
        assert ("can be evaluated in parallel over time (" in answer.parallel(table, rate)) == told
        assert "\N{MINUS SIGN}0.1 ± 0.1" in answer.parallel(table, rate) or told


@pytest.mark.parametrize(
    ("value", "error", "said"),
    [
        (0.123, 0.02, "0.12 ± 0.02"),
        (-0.12345, 0.0042, "\N{MINUS SIGN}0.123 ± 0.004"),
        (1.26, 0.1, "1.3 ± 0.1"),
        (12.6, 4.0, "13 ± 4"),
        (0.5, 0.0, "0.500 ± 0"),
    ],
)
def test_a_number_has_the_digits_that_its_error_leaves(value, error, said):
    assert answer.with_error(value, error) == said


def row(**values):
    usual = {"added": 0.0, "lag": 10, "log10_share": 0.0, "low": 0.0, "high": 0.0, "n": 4, "n_zero": 0}
    return usual | {"extrapolated": False, "chrono": 0, "entry": math.nan} | values


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "100\xa0%"),
        ({"low": -1.0, "high": 0.3}, "100\xa0% (10\xa0% to 200\xa0%)"),
        ({"low": math.nan, "high": math.nan, "extrapolated": True}, "100\xa0% (extrapolated)"),
        ({"n_zero": 1}, "100\xa0% (1 of 4 sequences exactly zero)"),
    ],
)
def test_a_share_with_all_that_has_to_be_known_of_it(values, said):
    (each,) = pd.DataFrame([row(**values)]).itertuples()
    assert answer.arrives(each) == said


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([row(low=-0.9, high=0.9)], "as it is"),
        ([row(low=-1.1), row(added=2.0, log10_share=-0.3, low=-0.3, high=-0.3)], "with 2 added: 50\xa0%"),
        ([row(low=-1.1), row(added=2.0, high=1.1)], "with none of 2 added"),
        ([row(low=-1.1)], "these sequences do not tell"),
        (
            [row(low=-5.0), row(added=2.0, log10_share=-0.9, low=math.nan, high=math.nan)],
            "with 2 added: 13\xa0%",
        ),
    ],
)
def test_the_smallest_bias_with_which_enough_arrives(shares, said):
    assert answer.wanted(pd.DataFrame(shares), [2.0]) == said


LITTLE = row(log10_share=-5.0, low=-5.0, entry=0.5)
TWO = row(added=2.0, entry=0.02)
CHRONO = row(added=math.nan, chrono=150, entry=0.49)
LOST = "(with 2 added the gradient by the state is kept and the input shut out: 100\xa0%, d h / d c 0.02)"


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (
            [CHRONO, LITTLE, TWO],
            f"with chrono biases for 150 steps: 100\xa0%, d h / d c 0.49 {LOST}",
        ),
        ([CHRONO, LITTLE, TWO | {"entry": 0.1}], "with 2 added: 100\xa0%, d h / d c 0.1"),
        (
            [LITTLE, TWO, CHRONO | {"log10_share": -2.0, "low": -2.0}],
            "with none of 2 added, not with chrono biases for 150 steps: 1\xa0% (1\xa0% to 100\xa0%), "
            f"d h / d c 0.49 {LOST}",
        ),
        ([LITTLE, TWO], f"these sequences do not tell {LOST}"),
        (
            [LITTLE | {"low": 0.0, "entry": 0.09, "log10_share": 0.0}, TWO, CHRONO],
            "with chrono biases for 150 steps: 100\xa0%, d h / d c 0.49 (as it is the gradient by the state is kept "
            "and the input shut out: 100\xa0%, d h / d c 0.09)",
        ),
    ],
)
def test_a_bias_that_shuts_the_input_out_is_not_the_answer(shares, said):
    assert answer.wanted(pd.DataFrame(shares), [2.0], 150) == said


def test_a_cell_that_saturates_is_sent_to_chrono():
    """Inputs of one sign, which an LSTM that forgets nothing adds up until tanh(c) is flat."""
    torch.manual_seed(0)
    lstm, xs = nn.LSTM(2, 8).double(), 1 + noise(120, B, 2).abs()
    report = carousel.diagnose(lstm, xs, exponents=0)
    (line,) = (each for each in str(report).splitlines() if "or more arrives" in each)
    shares = report.shares.query("lag == 100").set_index(["added", "chrono"])
    open_ = shares[shares["entry"] >= 0.1]
    assert (shares.loc[[(5.0, 0), (7.0, 0)], "entry"] < 0.1).all()
    assert (shares.loc[[(5.0, 0), (7.0, 0)], "low"] > -1).all()
    assert open_["low"].gt(-1).tolist() == [False] * (len(open_) - 1) + [True]  # chrono's alone, the last
    assert "at lag 100 with chrono biases for 120 steps" in line and "the input shut out" in line


def chrono_built(module, seed, longest):
    """`module` with chrono biases, the forward and backward vectors of each layer in turn, in the second vector."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, one in module.named_parameters():
            if name.startswith("bias_ih"):
                other = dict(module.named_parameters())[name.replace("ih", "hh")]
                drawn = torch.tensor(np.log(rng.uniform(1, longest - 1, H)), dtype=one.dtype)
                one[H : 2 * H], other[H : 2 * H] = 0.0, drawn
                if isinstance(module, (nn.LSTM, nn.LSTMCell)):
                    one[:H], other[:H] = 0.0, -drawn
    return module


@pytest.mark.parametrize("name", MODULES)
def test_chrono_and_the_entry_factor_on_a_copy_are_those_of_a_network_built_so(name):
    xs = noise(25, B, D)
    xs = xs.transpose(0, 1) if name == "stack" else xs.float() if name == "float32" else xs
    shares = carousel.diagnose(MODULES[name](), xs, exponents=0, higher=["chrono", 4], seed=7).shares
    tolerance = 1e-4 if name == "float32" else 1e-10
    for module, copies in (
        (chrono_built(MODULES[name](), 7, 25), shares[shares["chrono"] == 25]),
        (built_with(MODULES[name](), 4), shares[shares["added"] == 4]),
    ):
        report = carousel.diagnose(module, xs, exponents=0, higher=())
        columns = [*KEYS, "log10_share", "low", "high", "entry"]
        assert len(copies) and len(copies) == len(report.shares)
        pd.testing.assert_frame_equal(
            copies[columns].reset_index(drop=True), report.shares[columns], rtol=tolerance, atol=tolerance
        )
        entries = report.gates.query("quantity == 'entry' and quantile == 0.5")["value"]
        assert sorted(set(report.shares["entry"].dropna())) == sorted(set(entries))
    assert shares["entry"].isna().all() == (name.startswith("gru") or name in ("float32", "projected"))


@pytest.mark.parametrize("name", KINDS)
def test_a_layer_of_any_origin_has_chrono_biases_by_its_own_weights(name):
    module, xs = made(KINDS[name], bidirectional=True), noise(25, B, D)
    like, rng = torch.zeros((), dtype=torch.float64), np.random.default_rng(3)
    before = layers_of(module, xs, None, like)
    found = [changed_layer(layer, Change(math.nan, 40), rng) for layer in before]
    built = layers_of(chrono_built(module, 3, 40), xs, None, like)
    for one, other in zip(found, built, strict=True):
        torch.testing.assert_close(one.params.b, other.params.b, rtol=1e-12, atol=1e-12)


def test_what_is_not_measured_of_a_projected_lstm_is_said():
    for options, told in (({"proj_size": 2}, True), ({}, False)):
        text = str(carousel.diagnose(made(nn.LSTM, **options), noise(25, B, D), exponents=0))
        assert ("Whether the input is shut out was not measured" in text) == told
    assert "shut out" not in str(carousel.diagnose(made(nn.GRU), noise(25, B, D), exponents=0))


@pytest.mark.parametrize(
    ("decades", "text"),
    [(-0.5, "32\xa0%"), (-45.2, "10⁻⁴⁵"), (-math.inf, "0"), (0.3, "200\xa0%"), (400.0, "10⁴⁰⁰ times")],
)
def test_shares_in_words(decades, text):
    assert answer.share_text(decades) == text


@pytest.mark.parametrize("higher", [[0], [-1], [math.nan], [math.inf], [101.0], [1, -1], np.array([0.0])])
def test_a_bias_that_is_none_is_refused_in_one_line(higher):
    with pytest.raises(
        ModuleError, match="^higher: found .*; allowed: a list of numbers above 0, up to 100"
    ) as error:
        carousel.diagnose(made(nn.LSTM), noise(5, B, D), higher=higher)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("higher", [3, "12", [None], [[1]], [1, "x"], {"a": 1}])
def test_what_is_no_list_of_numbers_is_refused_in_one_line(higher):
    with pytest.raises(ModuleError, match="^higher: found .*; allowed: a list of numbers above 0, up to 100"):
        higher_of(higher)


def test_biases_are_taken_as_people_write_them():
    assert higher_of(None) == (1.0, 2.0, 3.0, 5.0, 7.0, "chrono")
    assert higher_of(["chrono", 3, "chrono", 1]) == (1.0, 3.0, "chrono") and higher_of({"chrono"}) == (
        "chrono",
    )
    assert higher_of([]) == higher_of(()) == ()
    assert (
        higher_of(np.array([3, 1])) == higher_of(torch.tensor([1.0, 3.0])) == higher_of({3, 1}) == (1.0, 3.0)
    )


def advice(**values):
    """A table of advice with a row for an LSTM at each of three lags."""
    usual = dict.fromkeys(names("advice"), 0.0) | {
        "cell": "lstm",
        "init": "keras",
        "passes": True,
        "n": 40,
    }
    usual |= {"choice": "smallest bias", "trained": "", "left": -0.5, "low": -0.6, "high": -0.4}
    rows = [
        {"lag": 10, "forget_bias": "2"},
        {
            "lag": 10,
            "forget_bias": "0",
            "choice": "learned",
            "passes": False,
            "trained": "adding 3 of 5 seeds",
        },
        {"lag": 30, "forget_bias": "4"},
        {"lag": 100, "forget_bias": "chrono:1000"},
        {"lag": 1000, "forget_bias": "3", "choice": "steadiest", "passes": False},
    ]
    return pd.DataFrame([usual | each | values for each in rows])


def test_the_study_s_settings_stand_beside_the_module_s_own(tmp_path):
    parquet.write(advice(), tmp_path / "advice.parquet", ORIGIN)
    report = carousel.diagnose(
        silent(nn.LSTM, 1.5, -0.7), noise(20, B, D), higher=(), advice=tmp_path / "advice.parquet"
    )
    assert report.advice["lag"].tolist() == [10, 100, 1000]
    (line,) = (each for each in str(report).splitlines() if "Recommended" in each)
    assert f"(LSTM, by {tmp_path / 'advice.parquet'})" in line
    init = "Keras's default init, which leaves 32\xa0% (25\xa0% to 40\xa0%)"
    assert (
        f"At lag 10 forget bias 0 (0.80 below this one), {init}; in training it solved adding 3 of 5 seeds."
        in line
    )
    assert f"At lag 100 chrono biases for 1,000 steps, {init}; not tried in training." in line
    assert line.endswith("At lag 1,000 none of the 40 settings measured.")
    alone = report.advice.set_index("lag")
    assert alone.loc[10, "forget_bias"] == "0" and alone.loc[10, "trained"] == "adding 3 of 5 seeds"
    gru = carousel.diagnose(made(nn.GRU), noise(20, B, D), higher=(), advice=tmp_path / "advice.parquet")
    assert gru.advice.empty and "Recommended" not in str(gru)


def test_without_a_study_nothing_is_recommended(tmp_path, monkeypatch):
    monkeypatch.setattr(recommended, "config_folder", lambda: tmp_path / "config")
    own = tmp_path / "results/standard/advice.parquet"
    assert "Recommended" not in str(carousel.diagnose(made(nn.LSTM), noise(20, B, D), higher=()))
    parquet.write(advice(), own, ORIGIN)
    found = str(carousel.diagnose(made(nn.LSTM), noise(20, B, D), higher=()))
    assert "Recommended (LSTM, by results/standard/advice.parquet)" in found
    own.write_bytes(own.read_bytes()[:-5])
    assert "Recommended" not in str(carousel.diagnose(made(nn.LSTM), noise(20, B, D), higher=()))
    with pytest.raises(ModuleError, match="advice: .*; allowed: the advice.parquet of a study"):
        carousel.diagnose(made(nn.LSTM), noise(20, B, D), advice=own)
    with pytest.raises(ModuleError, match="advice: .*missing.parquet.*; allowed"):
        carousel.diagnose(made(nn.LSTM), noise(20, B, D), advice=str(tmp_path / "missing.parquet"))
    parquet.write(advice()[["cell"]], own, ORIGIN)
    with pytest.raises(ModuleError, match="has no column changed; allowed"):
        carousel.diagnose(made(nn.LSTM), noise(20, B, D), advice=own)


@pytest.mark.parametrize("hidden", [4, 40])
def test_what_is_found_at_a_lag_does_not_hang_on_which_others_are_recorded(hidden):
    module, xs = nn.LSTM(D, hidden).double(), noise(40, B, D)
    whole, few = (
        carousel.diagnose(module, xs, lags=lags, exponents=0, higher=[3]) for lags in (None, [3, 10])
    )
    both = few.decay.merge(whole.decay, on=[*KEYS, "quantity"], suffixes=("", "_whole"))
    assert len(both) == len(few.decay)
    np.testing.assert_allclose(both["log10_norm"], both["log10_norm_whole"], rtol=0, atol=1e-12)
    near = whole.shares.query("lag == 10").reset_index(drop=True)
    pd.testing.assert_frame_equal(few.shares, near, rtol=0, atol=1e-12)
