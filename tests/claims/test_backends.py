"""Claims, agreement and explorer go over the table of backends: a third one is compared, and changes no verdict."""

import json

import numpy as np
import pandas as pd
import pytest
from support import planted

from carousel.analysis.summary import summarise
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims import CLAIMS
from carousel.claims.agreement import agreement
from carousel.claims.judge import judge
from carousel.report import explorer

THIRD = "third"
OTHERS = [*BACKENDS]
SAME = ["id", "verdict", "effect", "low", "high", "boundary_at"]


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """The names of three backends, all of them in the table."""
    monkeypatch.setitem(BACKENDS, THIRD, BACKENDS[REFERENCE]._replace(label="Third"))
    return (*BACKENDS,)


def with_third(table: pd.DataFrame) -> pd.DataFrame:
    """The table of two backends and, once more, the rows of the reference under the third one's name."""
    rows = table[table["backend"] == REFERENCE].assign(backend=THIRD)
    return pd.concat([table.astype({"backend": str}), rows], ignore_index=True)


@pytest.mark.campaign
def test_a_third_backend_that_agrees_changes_no_verdict(study, calibration, verdicts, three) -> None:
    tables = study._replace(**{name: with_third(table) for name, table in study._asdict().items()})
    found = judge(CLAIMS, tables, with_third(calibration)).claims
    for name in SAME:
        numbers = pd.api.types.is_float_dtype(verdicts[name])
        alike = (
            np.isclose(found[name], verdicts[name], equal_nan=True)
            if numbers
            else found[name] == verdicts[name]
        )
        assert alike.all(), found.loc[~alike, "id"].tolist()


def test_no_claim_is_decided_before_the_third_has_measured(plant, calibration, three) -> None:
    claims = {"A1d": CLAIMS["A1d"], "K1": CLAIMS["K1"]}
    table = judge(claims, plant(need="K1", backends=tuple(OTHERS)), with_third(calibration)).claims
    assert set(table["verdict"]) == {"inconclusive"}
    assert table["condition"].str.contains(f"the {THIRD} backend has not measured it").all()


def test_agreement_finds_the_one_of_three_that_differs(study, three) -> None:
    decay = with_third(study.decay)
    place = np.flatnonzero((decay["backend"] == THIRD) & (decay["cell"] == "lstm97") & (decay["lag"] == 200))
    decay.loc[place[0], "log10_norm"] += 0.25
    lost = np.flatnonzero(
        (decay["backend"] == OTHERS[1]) & (decay["cell"] == "rnn_relu") & (decay["step"] == 0)
    )
    table = agreement(decay.drop(index=lost[:2])).set_index("measure")
    assert table["value"].iloc[0] == pytest.approx(0.25)
    assert "lag 200" in table["where"].iloc[0]
    assert table["value"]["differences above 1e-08 decades, before training, float64"] == 2
    assert table["value"]["measured by one backend alone, before training, float64"] == 0
    two = agreement(study.decay).set_index("measure")
    assert table["n"].iloc[0] == 3 * two["n"].iloc[0] - 4


def test_the_explorer_tells_the_largest_difference_from_the_reference(three) -> None:
    decay = planted.decay()
    third = decay[decay["backend"] == REFERENCE].assign(backend=THIRD)
    third["log10_norm"] += 1e-3 * (third["lag"] > 0)
    both = pd.concat([decay, third], ignore_index=True)
    two, found = (json.loads(explorer.text(explorer.explore(t, summarise(decay)))) for t in (decay, both))
    each = [path for setting in found["settings"] for path in setting["paths"].values()]
    assert {path["apart"] for path in each if "apart" in path} == {1e-3}
    assert [setting["paths"]["full"]["y"] for setting in found["settings"]] == [
        setting["paths"]["full"]["y"] for setting in two["settings"]
    ]
