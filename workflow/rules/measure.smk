"""One job measures one cell on one backend; everything else reads the gathered tables."""


wildcard_constraints:
    backend="numpy|torch",
    task=r"\w+",
    cell=r"\w+",
    slice=r"search_[\w-]+",


def gpus(parts):
    """The GPUs that a job of these slices needs, for a cluster, or --resources gpu=1 here; None asks for none."""
    wanted = [part for part in parts if part.device != "cpu"]
    return lambda w: 1 if w.backend == "torch" and any(w.cell in part.cells for part in wanted) else None


rule decay:
    message: "gradient decay: {wildcards.cell} on {wildcards.backend}"
    input:
        study=STUDY_FILE,
        sources=lambda w: sources.files("decay", [w.backend], [w.cell]),
    output:
        RESULTS + "/decay/{backend}/{cell}.parquet",
    log:
        RESULTS + "/logs/decay/{backend}/{cell}.log",
    params:
        cache=RESULTS + "/cache",
        exact=EXACT,
    threads: 1
    resources:
        gpu=gpus(STUDY.decay),
    shell:
        RUN + "python -m carousel decay --study {input.study:q} --backend {wildcards.backend} --cell {wildcards.cell}"
        " --cache {params.cache} --out {output}{params.exact}"


rule dynamics:
    message: "dynamics: {wildcards.cell} on {wildcards.backend}"
    input:
        study=STUDY_FILE,
        sources=lambda w: sources.files("dynamics", [w.backend], [w.cell]),
    output:
        RESULTS + "/dynamics/{backend}/{cell}.parquet",
    log:
        RESULTS + "/logs/dynamics/{backend}/{cell}.log",
    params:
        cache=RESULTS + "/cache",
        exact=EXACT,
    threads: 1
    resources:
        gpu=gpus(STUDY.dynamics),
    shell:
        RUN + "python -m carousel dynamics --study {input.study:q} --backend {wildcards.backend} --cell {wildcards.cell}"
        " --cache {params.cache} --out {output}{params.exact}"


rule accuracy:
    message: "learning: {wildcards.cell} on {wildcards.backend}, task {wildcards.task}"
    input:
        study=STUDY_FILE,
        sources=lambda w: sources.files("accuracy", [w.backend], [w.cell]),
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
        gpu=gpus(STUDY.training),
    shell:
        RUN + "python -m carousel accuracy --study {input.study:q} --backend {wildcards.backend} --task {wildcards.task}"
        " --cell {wildcards.cell} --cache {params.cache} --out {output.accuracy} --decay-out {output.decay}"
        " --dynamics-out {output.dynamics}{params.exact}"


rule search:
    message: "searching for a counterexample: {wildcards.slice}"
    input:
        study=STUDY_FILE,
        sources=lambda w: sources.files("search", BACKENDS, study.search_job(STUDY, w.slice).cells),
    output:
        RESULTS + "/search/{slice}.parquet",
    log:
        RESULTS + "/logs/search/{slice}.log",
    params:
        cache=RESULTS + "/cache",
        exact=EXACT,
    threads: 1
    resources:
        gpu=lambda w: None if study.search_job(STUDY, w.slice).device == "cpu" else 1,
    shell:
        RUN + "python -m carousel search --study {input.study:q} --slice {wildcards.slice}"
        " --cache {params.cache} --out {output}{params.exact}"


rule calibrate:
    message: "calibration: systems whose answer is known, on {wildcards.backend}"
    input:
        sources=lambda w: sources.files("calibration", [w.backend], CELLS),
    output:
        RESULTS + "/calibration/{backend}.parquet",
    log:
        RESULTS + "/logs/calibrate/{backend}.log",
    params:
        exact=EXACT,
    threads: 1
    shell:
        RUN + "python -m carousel calibrate --backend {wildcards.backend} --out {output}{params.exact}"


rule gather_decay:
    message: "gathering decay.parquet"
    input:
        tables=[
            *[f"{RESULTS}/decay/{b}/{c}.parquet" for b, c in study.decay_jobs(STUDY)],
            *[f"{RESULTS}/search/{part.slice}.parquet" for part in STUDY.search],
            *[f"{RESULTS}/accuracy/{b}/{t}/{c}.decay.parquet" for b, t, c in study.accuracy_jobs(STUDY)],
        ],
        sources=sources.files("gather"),
    output:
        RESULTS + "/decay.parquet",
    log:
        RESULTS + "/logs/gather_decay.log",
    threads: 1
    shell:
        RUN + "python -m carousel gather --out {output} {input.tables}"


rule gather_accuracy:
    message: "gathering accuracy.parquet"
    input:
        tables=[f"{RESULTS}/accuracy/{b}/{t}/{c}.parquet" for b, t, c in study.accuracy_jobs(STUDY)],
        sources=sources.files("gather"),
    output:
        RESULTS + "/accuracy.parquet",
    log:
        RESULTS + "/logs/gather_accuracy.log",
    threads: 1
    shell:
        RUN + "python -m carousel gather --out {output} {input.tables}"


rule gather_dynamics:
    message: "gathering dynamics.parquet"
    input:
        tables=[
            *[f"{RESULTS}/dynamics/{b}/{c}.parquet" for b, c in study.dynamics_jobs(STUDY)],
            *[f"{RESULTS}/accuracy/{b}/{t}/{c}.dynamics.parquet" for b, t, c in study.accuracy_jobs(STUDY)],
        ],
        sources=sources.files("gather"),
    output:
        RESULTS + "/dynamics.parquet",
    log:
        RESULTS + "/logs/gather_dynamics.log",
    threads: 1
    shell:
        RUN + "python -m carousel gather --out {output} {input.tables}"


rule gather_calibration:
    message: "gathering calibration.parquet"
    input:
        tables=expand(RESULTS + "/calibration/{backend}.parquet", backend=("numpy", "torch")),
        sources=sources.files("gather"),
    output:
        RESULTS + "/calibration.parquet",
    log:
        RESULTS + "/logs/gather_calibration.log",
    threads: 1
    shell:
        RUN + "python -m carousel gather --out {output} {input.tables}"
