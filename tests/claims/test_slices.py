"""Every claim names the slices of the study that it rests on."""

import pytest

from carousel.claims import CLAIMS
from carousel.claims.claim import Tables
from carousel.claims.settings_text import slices


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_names_its_slices(plant, name: str) -> None:
    tables = plant(need=name)
    measured = {str(one) for table in tables for one in table["slice"].unique()}
    found = slices(CLAIMS[name].rows(tables)).split()
    assert found and set(found) <= measured
    assert slices(CLAIMS[name].rows(Tables(*(table.head(0) for table in tables)))) == ""
