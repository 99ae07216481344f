"""From the gathered tables to verdicts, figures and the page."""

from carousel.pipeline import fingerprint
from carousel.tables import machine_folders
from carousel.tables.machine_folders import FOLDER


rule study:
    input:
        SETUP.file,
    output:
        RESULTS / "study.yaml",
    log:
        RESULTS / "logs/study.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "keeping what was asked beside what was measured"
    shell:
        "{params.job} {log} cp {input:q} {output}"


rule summarise:
    input:
        decay=RESULTS / "decay.parquet",
        code=fingerprint.files("summarise"),
    output:
        summary=RESULTS / "summary.parquet",
        routes=RESULTS / "routes.parquet",
    log:
        RESULTS / "logs/summarise.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "summing up the decay, setting by setting"
    shell:
        "{params.job} {log} python -m carousel summarise --decay {input.decay} --out {output.summary}"
        " --routes {output.routes}"


rule judge:
    input:
        decay=RESULTS / "decay.parquet",
        accuracy=RESULTS / "accuracy.parquet",
        dynamics=RESULTS / "dynamics.parquet",
        calibration=RESULTS / "calibration.parquet",
        study=SETUP.file,
        own=SETUP.claim_files(),
        code=fingerprint.judging(),
    output:
        claims=RESULTS / "claims.parquet",
        csv=report(RESULTS / "claims.csv", caption="../report/claims.rst", category="Verdicts"),
        json=RESULTS / "claims.json",
        evidence=RESULTS / "evidence.parquet",
        agreement=RESULTS / "agreement.parquet",
    log:
        RESULTS / "logs/judge.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "deciding the claims"
    shell:
        "{params.job} {log} python -m carousel judge --study {input.study:q} --decay {input.decay}"
        " --accuracy {input.accuracy} --dynamics {input.dynamics} --calibration {input.calibration}"
        " --out {output.claims} --csv {output.csv} --json {output.json} --evidence {output.evidence}"
        " --agreement {output.agreement}"


rule published:
    input:
        accuracy=RESULTS / "accuracy.parquet",
        dynamics=RESULTS / "dynamics.parquet",
        code=fingerprint.files("published"),
    output:
        published=RESULTS / "published.parquet",
        csv=RESULTS / "published.csv",
    log:
        RESULTS / "logs/published.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "holding what others published against the tables"
    shell:
        "{params.job} {log} python -m carousel published --accuracy {input.accuracy} --dynamics {input.dynamics}"
        " --out {output.published} --csv {output.csv}"


rule explore:
    input:
        decay=RESULTS / "decay.parquet",
        accuracy=RESULTS / "accuracy.parquet",
        summary=RESULTS / "summary.parquet",
        routes=RESULTS / "routes.parquet",
        code=fingerprint.files("explore"),
    output:
        explorer=RESULTS / "explorer.json",
        advice=RESULTS / "advice.parquet",
        half_lives=RESULTS / "half_lives.parquet",
        learned=RESULTS / "learned.parquet",
    log:
        RESULTS / "logs/explore.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "choosing the curves of the explorer, and what to advise"
    shell:
        "{params.job} {log} python -m carousel explore --decay {input.decay} --accuracy {input.accuracy}"
        " --summary {input.summary} --routes {input.routes} --explorer {output.explorer} --advice {output.advice}"
        " --half-lives {output.half_lives} --learned {output.learned}"


rule draw:
    input:
        decay=RESULTS / "decay.parquet",
        accuracy=RESULTS / "accuracy.parquet",
        claims=RESULTS / "claims.parquet",
        evidence=RESULTS / "evidence.parquet",
        summary=RESULTS / "summary.parquet",
        dynamics=RESULTS / "dynamics.parquet",
        learned=RESULTS / "learned.parquet",
        depth=RESULTS / "depth.parquet",
        code=fingerprint.files("draw"),
    output:
        report(
            directory(RESULTS / "figures"),
            patterns=["{name,[^/]+}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        RESULTS / "logs/draw.log",
    conda:
        "../../environment.yml"
    threads: 2
    params:
        job=JOB,
    message:
        "drawing the figures"
    shell:
        "{params.job} {log} python -m carousel draw --decay {input.decay} --accuracy {input.accuracy}"
        " --claims {input.claims} --evidence {input.evidence} --summary {input.summary} --dynamics {input.dynamics}"
        " --learned {input.learned} --depth {input.depth} --out {output} --cores {threads}"


rule diagnosed:
    input:
        advice=RESULTS / "advice.parquet",
        code=fingerprint.files("diagnosed", ["torch"], ["lstm"]),
    output:
        RESULTS / "diagnosed.json",
    log:
        RESULTS / "logs/diagnosed.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "diagnosing PyTorch's default LSTM"
    shell:
        "{params.job} {log} python -m carousel diagnosed --advice {input.advice} --out {output}"


rule timings:
    input:
        rules.judge.output.claims,
        rules.explore.output.explorer,
        rules.diagnosed.output,
        rules.published.output.published,
        rules.draw.output,
    output:
        RESULTS / "timings.parquet",
    log:
        RESULTS / "logs/timings.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
        logs=RESULTS / "logs",
    message:
        "adding up what every rule took"
    shell:
        "{params.job} {log} python -m carousel timings --logs {params.logs} --out {output}"


use rule judge as judge_other_machine with:
    input:
        decay=RESULTS / FOLDER / "{machine}/decay.parquet",
        accuracy=RESULTS / FOLDER / "{machine}/accuracy.parquet",
        dynamics=RESULTS / FOLDER / "{machine}/dynamics.parquet",
        calibration=RESULTS / FOLDER / "{machine}/calibration.parquet",
        study=SETUP.file,
        own=SETUP.claim_files(),
        code=fingerprint.judging(),
    output:
        claims=RESULTS / FOLDER / "{machine}/claims.parquet",
        csv=RESULTS / FOLDER / "{machine}/claims.csv",
        json=RESULTS / FOLDER / "{machine}/claims.json",
        evidence=RESULTS / FOLDER / "{machine}/evidence.parquet",
        agreement=RESULTS / FOLDER / "{machine}/agreement.parquet",
    log:
        RESULTS / "logs/judge_other_machine/{machine}.log",
    message:
        "deciding the claims from the tables of {wildcards.machine} alone"


rule machines:
    input:
        RESULTS / "decay.parquet",
        machine_folders.measured(RESULTS),
        code=fingerprint.files("machines"),
    output:
        RESULTS / "machines.parquet",
    log:
        RESULTS / "logs/machines.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
        results=RESULTS,
    message:
        "comparing the machines that the tables come from"
    shell:
        "{params.job} {log} python -m carousel machines --results {params.results} --out {output}"


rule report:
    input:
        explorer=RESULTS / "explorer.json",
        advice=RESULTS / "advice.parquet",
        half_lives=RESULTS / "half_lives.parquet",
        learned=RESULTS / "learned.parquet",
        diagnosed=RESULTS / "diagnosed.json",
        published=RESULTS / "published.parquet",
        timings=RESULTS / "timings.parquet",
        machines=RESULTS / "machines.parquet",
        others=machine_folders.judged(RESULTS),
        decay=RESULTS / "decay.parquet",
        accuracy=RESULTS / "accuracy.parquet",
        tuning=SETUP.tuning(),
        claims=RESULTS / "claims.parquet",
        evidence=RESULTS / "evidence.parquet",
        routes=RESULTS / "routes.parquet",
        agreement=RESULTS / "agreement.parquet",
        calibration=RESULTS / "calibration.parquet",
        summary=RESULTS / "summary.parquet",
        dynamics=RESULTS / "dynamics.parquet",
        depth=RESULTS / "depth.parquet",
        figures=RESULTS / "figures",
        code=fingerprint.report(),
    output:
        page=report(RESULTS / "report.html", caption="../report/report.rst", category="Report"),
        short=RESULTS / "summary.md",
    log:
        RESULTS / "logs/report.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
        results=RESULTS,
    message:
        "writing the report"
    shell:
        "{params.job} {log} python -m carousel render --results {params.results} --out {output.page}"
        " --summary {output.short}"
