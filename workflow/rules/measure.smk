"""One job measures one cell on one backend; everything else reads the gathered tables."""

from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.pipeline import fingerprint
from carousel.pipeline.workflow import gpus
from carousel.study.schema import search_job


wildcard_constraints:
    backend="|".join(BACKENDS),
    task=r"\w+",
    cell=r"\w+",
    slice=r"search_[\w-]+",


rule measure:
    message: "measuring {wildcards.table}: {wildcards.cell} on {wildcards.backend}"
    input:
        study=SETUP.file,
        code=lambda w: fingerprint.files(w.table, [w.backend], [w.cell]),
    output:
        RESULTS + "/{table}/{backend}/{cell}.parquet",
    log:
        RESULTS + "/logs/{table}/{backend}/{cell}.log",
    wildcard_constraints:
        table="decay|dynamics",
    params:
        cache=RESULTS + "/cache",
        exact=EXACT,
    threads: 1
    resources:
        gpu=lambda w: SETUP.gpu(w.table, w.backend, w.cell),
    shell:
        SETUP.command + "{wildcards.table} --study {input.study:q} --backend {wildcards.backend} --cell {wildcards.cell}"
        " --cache {params.cache} --out {output}{params.exact}"


rule accuracy:
    message: "learning: {wildcards.cell} on {wildcards.backend}, task {wildcards.task}"
    input:
        study=SETUP.file,
        code=lambda w: fingerprint.files("accuracy", [w.backend], [w.cell]),
    output:
        accuracy=RESULTS + "/accuracy/{backend}/{task}/{cell}.parquet",
        decay=RESULTS + "/accuracy/{backend}/{task}/{cell}.decay.parquet",
        dynamics=RESULTS + "/accuracy/{backend}/{task}/{cell}.dynamics.parquet",
    log:
        RESULTS + "/logs/accuracy/{backend}/{task}/{cell}.log",
    params:
        cache=RESULTS + "/cache",
        exact=EXACT,
    threads: 1
    resources:
        gpu=lambda w: SETUP.gpu("accuracy", w.backend, w.cell),
    shell:
        SETUP.command + "accuracy --study {input.study:q} --backend {wildcards.backend} --task {wildcards.task}"
        " --cell {wildcards.cell} --cache {params.cache} --out {output.accuracy} --decay-out {output.decay}"
        " --dynamics-out {output.dynamics}{params.exact}"


rule search:
    message: "searching for a counterexample: {wildcards.slice}"
    input:
        study=SETUP.file,
        code=lambda w: fingerprint.files("search", BACKENDS, search_job(SETUP.study, w.slice).cells),
    output:
        RESULTS + "/search/{slice}.parquet",
    log:
        RESULTS + "/logs/search/{slice}.log",
    params:
        cache=RESULTS + "/cache",
        exact=EXACT,
    threads: 1
    resources:
        gpu=lambda w: gpus([search_job(SETUP.study, w.slice)], BACKENDS),
    shell:
        SETUP.command + "search --study {input.study:q} --slice {wildcards.slice}"
        " --cache {params.cache} --out {output}{params.exact}"


rule calibrate:
    message: "calibration: systems whose answer is known, on {wildcards.backend}"
    input:
        code=lambda w: fingerprint.files("calibration", [w.backend], CELLS),
    output:
        RESULTS + "/calibration/{backend}.parquet",
    log:
        RESULTS + "/logs/calibrate/{backend}.log",
    params:
        exact=EXACT,
    threads: 1
    shell:
        SETUP.command + "calibrate --backend {wildcards.backend} --out {output}{params.exact}"


rule gather:
    message: "gathering {wildcards.table}.parquet"
    input:
        tables=lambda w: SETUP.parts(w.table),
        code=fingerprint.files("gather"),
    output:
        RESULTS + "/{table}.parquet",
    log:
        RESULTS + "/logs/gather_{table}.log",
    wildcard_constraints:
        table="decay|accuracy|dynamics|calibration",
    threads: 1
    shell:
        SETUP.command + "gather --out {output} {input.tables}"
