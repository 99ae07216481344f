"""All checks of a folder of results, and what comes out."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from carousel.pipeline.checking import again, coverage, files, instrument, verdicts
from carousel.pipeline.checking.results import Finding, Results
from carousel.study.errors import StudyError
from carousel.tables.files import StoreError


class Check(NamedTuple):
    """A check: what holds where it finds nothing, and what finds the exceptions."""

    says: str
    find: Callable[[Results], Iterable[Finding]]


CHECKS = {
    "files": Check("every table of the study is there", files.present),
    "checksums": Check("every table is as it was written", files.whole),
    "columns": Check("every table has the columns of its kind", files.columns),
    "study": Check("the text of the study is that of the tables", files.study),
    "provenance": Check(
        "every table is of this study, its seed and the jobs that are here", files.provenance
    ),
    "models": Check(
        "the models are those of the study, with its repetitions on each backend", coverage.models
    ),
    "rows": Check("no model has fewer rows than those like it", coverage.rows),
    "gathered": Check("the tables of the jobs, put together again, are the gathered ones", again.gathered),
    "backends": Check("no backend's table is a copy of the other's", instrument.backends),
    "calibration": Check("every backend passed every system whose answer is known", instrument.calibration),
    "claims": Check("every claim is decided on every backend", verdicts.decided),
    "judged": Check("the tables, judged again, give the same verdicts", again.judged),
    "texts": Check("claims.csv and claims.json say what claims.parquet says", again.exported),
    "seals": Check("the rules that decided are the sealed ones", verdicts.seals),
    "derived": Check("summaries and recommended settings, made again, are the same", again.derived),
    "seeds": Check("the effects are those of other master seeds", verdicts.reference),
}


class Outcome(NamedTuple):
    """What a check came to."""

    name: str
    findings: tuple[Finding, ...]
    unmade: str  # why it could not be made, or not in full; "" where it was

    @property
    def clean(self) -> bool:
        """Whether the check was made and found nothing."""
        return not self.findings and not self.unmade


def outcomes(results: Results) -> Iterator[Outcome]:
    """What each check comes to, one after another."""
    for name, check in CHECKS.items():
        findings, unmade = [], ""
        try:
            for finding in check.find(results):
                findings.append(finding)  # noqa: PERF402, those before an error count
        except (StoreError, StudyError) as error:
            unmade = str(error)
        yield Outcome(name, tuple(findings), unmade)
