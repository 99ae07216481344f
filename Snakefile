"""From a study to its report: measure, gather, judge, draw, report.

    snakemake --cores 4 --config study=smoke        a study of config/, or the path of a yaml file
    snakemake --cores 4 --config exact=true         the plain path throughout, however slow
    snakemake --cores 4 results/standard/decay/numpy/lstm.parquet
"""

import os
import sys

SRC = os.path.join(workflow.basedir, "src")
sys.path.insert(0, SRC)

from carousel import sources, stability, study

if unknown := set(config) - {"study", "exact"}:
    sys.exit(f"--config: found {', '.join(sorted(unknown))}; allowed: study, exact")
if (asked := str(config.get("exact", False)).lower()) not in ("true", "false"):
    sys.exit(f"--config: exact: found {config['exact']}; allowed: true, false")
EXACT = " --exact" if asked == "true" else ""
try:
    STUDY_FILE = str(study.find(str(config.get("study", "standard")))).removeprefix(os.getcwd() + os.sep)
    STUDY = study.load(STUDY_FILE)
    study.check_devices(STUDY)
except study.StudyError as error:
    sys.exit(str(error))

RESULTS = "results/" + study.name(STUDY_FILE)
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(filter(None, [SRC, os.environ.get("PYTHONPATH")])),
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
    "MPLBACKEND": "Agg",
    # glibc hands large blocks back to the kernel and fetches them again, which costs torch up to half its speed
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
os.environ.update(ENVIRONMENT)

onstart:
    global LOCK  # held as long as the process lives
    from carousel import store

    try:
        LOCK = store.lock(RESULTS)
    except store.StoreError as error:
        sys.exit(str(error))

include: "workflow/rules/measure.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/stability.smk"

rule all:
    default_target: True
    input: rules.report.output
