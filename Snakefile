"""From a study to its report: measure, gather, judge, draw, report.

snakemake --cores 4 --config study=smoke        a study of config/, or the path of a yaml file
snakemake --cores 4 --config exact=true         the plain path throughout, however slow
snakemake --cores 4 results/standard/decay/numpy/lstm.parquet
carousel run smoke --cores 4                    from a folder of one's own: results/ comes to lie there
"""

import sys

sys.path.insert(0, f"{workflow.current_basedir.get_path_or_uri(secret_free=True)}/src")

from carousel.pipeline.workflow import fail, setup, start

SETUP = setup(workflow, config)
RESULTS, JOB, EXACT = SETUP.results, SETUP.job, " --exact" * SETUP.exact


onstart:
    start(workflow, RESULTS)


onerror:
    fail(workflow)


include: "workflow/rules/measure.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/stability.smk"


rule all:
    default_target: True
    input:
        rules.report.output,
        rules.study.output,
        SETUP.tuning(),
