"""Provenance of gathered tables."""

import subprocess

from hypothesis import given, strategies as st

from carousel.pipeline import provenance
from carousel.pipeline.fingerprint import code
from carousel.pipeline.provenance import describe, graphics
from carousel.study.files import find, load
from carousel.tables.provenance import brief, merge

parts = st.lists(
    st.fixed_dictionaries({"commit": st.sampled_from("abc"), "seed": st.integers(0, 3)}), min_size=1
)


@given(parts, parts)
def test_merging_what_was_merged_is_merging_all_at_once(left, right):
    assert merge([merge(left), merge(right)]) == merge([*left, *right])


def test_values_that_agree_stay_values_and_others_become_a_list():
    assert merge([{"a": 1, "b": "x"}, {"a": 1, "b": "y", "c": 2}]) == {"a": 1, "b": ["x", "y"], "c": 2}


def test_the_jobs_of_all_parts_are_put_together():
    parts = [{"jobs": {"decay/numpy/lstm": "a"}}, {"jobs": {"decay/numpy/gru": "b"}}, {"seed": 1}]
    merged = merge(parts)
    assert merged == {"jobs": {"decay/numpy/lstm": "a", "decay/numpy/gru": "b"}, "seed": 1}
    short = brief(merged)
    assert short["jobs"] == 2
    assert short["code"] != brief(parts[0])["code"]
    assert brief({"seed": 1}) == {"seed": 1}


def test_a_description_names_code_study_versions_and_machine_and_no_time():
    job = "decay/numpy/lstm"
    first = describe("smoke", load(find("smoke")), job, False)
    assert first == describe("smoke", load(find("smoke")), job, False)
    assert first["jobs"] == {job: code(job)}
    assert first["exact"] is False
    wanted = "carousel commit study study_hash sweep seed python numpy torch machine"
    assert set(wanted.split()) <= set(first)
    assert "gpu" not in first
    assert graphics(["cpu"]) == {}


def test_a_package_in_another_repository_does_not_take_its_commit_for_its_own(tmp_path, monkeypatch):
    named = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], [*named, "commit", "-q", "--allow-empty", "-m", "theirs"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    installed = tmp_path / "site-packages" / "carousel" / "project"
    installed.mkdir(parents=True)
    monkeypatch.chdir(installed)
    monkeypatch.setattr(provenance, "project_folder", lambda: installed)
    assert provenance.commit() == "unknown"
    monkeypatch.setattr(provenance, "project_folder", lambda: tmp_path)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, capture_output=True, text=True)
    assert provenance.commit() == head.stdout[:12]
