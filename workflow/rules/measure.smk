"""One job measures one cell on one backend; everything else reads the gathered tables."""


wildcard_constraints:
    backend="numpy|torch",
    task=r"\w+",
    cell=r"\w+",


rule decay:
    message: "gradient decay: {wildcards.cell} on {wildcards.backend}"
    input:
        study=STUDY_FILE,
        sources=lambda w: sources.measuring("decay", w.backend, w.cell),
    output:
        RESULTS + "/decay/{backend}/{cell}.parquet",
    log:
        RESULTS + "/logs/decay/{backend}/{cell}.log",
    params:
        cache=RESULTS + "/cache",
    threads: 1
    shell:
        "python -m carousel decay --study {input.study:q} --backend {wildcards.backend} --cell {wildcards.cell}"
        " --cache {params.cache} --out {output} > {log} 2>&1"


rule accuracy:
    message: "learning: {wildcards.cell} on {wildcards.backend}, task {wildcards.task}"
    input:
        study=STUDY_FILE,
        sources=lambda w: sources.measuring("accuracy", w.backend, w.cell),
    output:
        accuracy=RESULTS + "/accuracy/{backend}/{task}/{cell}.parquet",
        decay=RESULTS + "/accuracy/{backend}/{task}/{cell}.decay.parquet",
    log:
        RESULTS + "/logs/accuracy/{backend}/{task}/{cell}.log",
    params:
        cache=RESULTS + "/cache",
    threads: 1
    shell:
        "python -m carousel accuracy --study {input.study:q} --backend {wildcards.backend} --task {wildcards.task}"
        " --cell {wildcards.cell} --cache {params.cache} --out {output.accuracy} --decay-out {output.decay}"
        " > {log} 2>&1"


rule gather_decay:
    message: "gathering decay.parquet"
    input:
        [f"{RESULTS}/decay/{b}/{c}.parquet" for b, c in study.decay_jobs(STUDY)],
        [f"{RESULTS}/accuracy/{b}/{t}/{c}.decay.parquet" for b, t, c in study.accuracy_jobs(STUDY)],
    output:
        RESULTS + "/decay.parquet",
    log:
        RESULTS + "/logs/gather_decay.log",
    threads: 1
    shell:
        "python -m carousel gather --out {output} {input} > {log} 2>&1"


rule gather_accuracy:
    message: "gathering accuracy.parquet"
    input:
        [f"{RESULTS}/accuracy/{b}/{t}/{c}.parquet" for b, t, c in study.accuracy_jobs(STUDY)],
    output:
        RESULTS + "/accuracy.parquet",
    log:
        RESULTS + "/logs/gather_accuracy.log",
    threads: 1
    shell:
        "python -m carousel gather --out {output} {input} > {log} 2>&1"
