"""Provenance of gathered tables."""

from hypothesis import given
from hypothesis import strategies as st

from carousel.provenance import describe, merge
from carousel.study import find

parts = st.lists(
    st.fixed_dictionaries({"commit": st.sampled_from("abc"), "seed": st.integers(0, 3)}), min_size=1
)


@given(parts, parts)
def test_merging_what_was_merged_is_merging_all_at_once(left, right):
    assert merge([merge(left), merge(right)]) == merge([*left, *right])


def test_values_that_agree_stay_values_and_others_become_a_list():
    assert merge([{"a": 1, "b": "x"}, {"a": 1, "b": "y", "c": 2}]) == {"a": 1, "b": ["x", "y"], "c": 2}


def test_a_description_names_code_study_versions_and_machine_and_no_time():
    first = describe(find("smoke"))
    assert first == describe(find("smoke"))
    assert {
        "carousel",
        "commit",
        "study",
        "study_hash",
        "seed",
        "python",
        "numpy",
        "torch",
        "machine",
    } <= set(first)
