"""One job measures one cell on one backend; everything else reads the gathered tables."""

from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.pipeline import fingerprint
from carousel.pipeline.workflow import gpus
from carousel.study.jobs import search_job, tuned

MEASURING = 1
"""The priority of what measures: what reads finished tables then runs where a core would wait for the last of it."""


wildcard_constraints:
    backend=r"\w+",
    task=r"\w+",
    cell=r"\w+",
    slice=r"search_[\w-]+",


rule measure:
    input:
        study=lambda w: SETUP.file_with(f"{w.table}/{w.backend}/{w.cell}"),
        code=lambda w: fingerprint.files(w.table, [w.backend], [w.cell]),
    output:
        RESULTS / "{table}/{backend}/{cell}.parquet",
    log:
        RESULTS / "logs/{table}/{backend}/{cell}.log",
    wildcard_constraints:
        table="decay|dynamics|depth",
    priority: MEASURING
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=lambda w: SETUP.gpu(w.table, w.backend, w.cell),
    params:
        job=JOB,
        cache=RESULTS / "cache",
        exact=EXACT,
    message:
        "measuring {wildcards.table}: {wildcards.cell} on {wildcards.backend}"
    shell:
        "{params.job} {log} python -m carousel {wildcards.table} --study {input.study:q} --backend {wildcards.backend}"
        " --cell {wildcards.cell} --cache {params.cache} --out {output}{params.exact}"


rule accuracy:
    input:
        study=lambda w: SETUP.file_with(f"accuracy/{w.backend}/{w.task}/{w.cell}"),
        tuning=lambda w: SETUP.tuning(w.task, w.cell),
        code=lambda w: fingerprint.files("accuracy", [w.backend], [w.cell]),
    output:
        accuracy=RESULTS / "accuracy/{backend}/{task}/{cell}.parquet",
        decay=RESULTS / "accuracy/{backend}/{task}/{cell}.decay.parquet",
        dynamics=RESULTS / "accuracy/{backend}/{task}/{cell}.dynamics.parquet",
    log:
        RESULTS / "logs/accuracy/{backend}/{task}/{cell}.log",
    priority: MEASURING
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=lambda w: SETUP.gpu("accuracy", w.backend, w.cell),
    params:
        job=JOB,
        cache=RESULTS / "cache",
        exact=EXACT,
        tuning=lambda w, input: f" --tuning {input.tuning}" if input.tuning else "",
    message:
        "learning: {wildcards.cell} on {wildcards.backend}, task {wildcards.task}"
    shell:
        "{params.job} {log} python -m carousel accuracy --study {input.study:q} --backend {wildcards.backend}"
        " --task {wildcards.task} --cell {wildcards.cell} --cache {params.cache} --out {output.accuracy}"
        " --decay-out {output.decay} --dynamics-out {output.dynamics}{params.tuning}{params.exact}"


rule tune:
    input:
        study=lambda w: SETUP.file_with(f"tuning/{w.task}/{w.cell}"),
        code=lambda w: fingerprint.files("tuning", BACKENDS, [w.cell]),
    output:
        RESULTS / "tuning/{task}/{cell}.parquet",
    log:
        RESULTS / "logs/tune/{task}/{cell}.log",
    priority: MEASURING
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=lambda w: gpus(tuned(SETUP.study.training, w.task, w.cell), BACKENDS),
    params:
        job=JOB,
        cache=RESULTS / "cache",
        exact=EXACT,
    message:
        "choosing learning rates: {wildcards.cell}, task {wildcards.task}"
    shell:
        "{params.job} {log} python -m carousel tune --study {input.study:q} --task {wildcards.task}"
        " --cell {wildcards.cell} --cache {params.cache} --out {output}{params.exact}"


rule search:
    input:
        study=lambda w: SETUP.file_with(f"search/{w.slice}"),
        code=lambda w: fingerprint.files("search", BACKENDS, search_job(SETUP.study, w.slice).cells),
    output:
        RESULTS / "search/{slice}.parquet",
    log:
        RESULTS / "logs/search/{slice}.log",
    priority: MEASURING
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        gpu=lambda w: gpus([search_job(SETUP.study, w.slice)], BACKENDS),
    params:
        job=JOB,
        cache=RESULTS / "cache",
        exact=EXACT,
    message:
        "searching for a counterexample: {wildcards.slice}"
    shell:
        "{params.job} {log} python -m carousel search --study {input.study:q} --slice {wildcards.slice}"
        " --cache {params.cache} --out {output}{params.exact}"


rule calibrate:
    input:
        code=lambda w: fingerprint.files("calibration", [w.backend], CELLS),
    output:
        RESULTS / "calibration/{backend}.parquet",
    log:
        RESULTS / "logs/calibrate/{backend}.log",
    wildcard_constraints:
        backend="|".join(BACKENDS),
    priority: MEASURING
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
        exact=EXACT,
    message:
        "calibration: systems whose answer is known, on {wildcards.backend}"
    shell:
        "{params.job} {log} python -m carousel calibrate --backend {wildcards.backend} --out {output}{params.exact}"


rule gather:
    input:
        tables=lambda w: SETUP.gathered(w.table),
        code=fingerprint.files("gather"),
    output:
        RESULTS / "{table}.parquet",
    log:
        RESULTS / "logs/gather_{table}.log",
    wildcard_constraints:
        table="decay|accuracy|dynamics|depth|calibration|tuning",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "gathering {wildcards.table}.parquet"
    shell:
        "{params.job} {log} python -m carousel gather --out {output} {input.tables}"
