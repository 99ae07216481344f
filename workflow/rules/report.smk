"""From the gathered tables to verdicts, figures and the page."""


rule summarise:
    message: "summing up the decay, setting by setting"
    input:
        decay=RESULTS + "/decay.parquet",
        sources=sources.summary(),
    output:
        RESULTS + "/summary.parquet",
    log:
        RESULTS + "/logs/summarise.log",
    threads: 1
    shell:
        "python -m carousel summarise --decay {input.decay} --out {output} > {log} 2>&1"


rule judge:
    message: "deciding the claims"
    input:
        decay=RESULTS + "/decay.parquet",
        accuracy=RESULTS + "/accuracy.parquet",
        dynamics=RESULTS + "/dynamics.parquet",
        calibration=RESULTS + "/calibration.parquet",
        sources=sources.claims(),
    output:
        claims=RESULTS + "/claims.parquet",
        csv=RESULTS + "/claims.csv",
        agreement=RESULTS + "/agreement.parquet",
    log:
        RESULTS + "/logs/judge.log",
    threads: 1
    shell:
        "python -m carousel judge --decay {input.decay} --accuracy {input.accuracy} --dynamics {input.dynamics}"
        " --calibration {input.calibration} --out {output.claims} --csv {output.csv} --agreement {output.agreement} > {log} 2>&1"


rule draw:
    message: "drawing the figures"
    input:
        decay=RESULTS + "/decay.parquet",
        accuracy=RESULTS + "/accuracy.parquet",
        claims=RESULTS + "/claims.parquet",
        summary=RESULTS + "/summary.parquet",
        dynamics=RESULTS + "/dynamics.parquet",
        sources=sources.figures(),
    output:
        directory(RESULTS + "/figures"),
    log:
        RESULTS + "/logs/draw.log",
    threads: 1
    shell:
        "python -m carousel draw --decay {input.decay} --accuracy {input.accuracy} --claims {input.claims}"
        " --summary {input.summary} --dynamics {input.dynamics} --out {output} > {log} 2>&1"


rule report:
    message: "writing the report"
    input:
        decay=RESULTS + "/decay.parquet",
        accuracy=RESULTS + "/accuracy.parquet",
        claims=RESULTS + "/claims.parquet",
        agreement=RESULTS + "/agreement.parquet",
        calibration=RESULTS + "/calibration.parquet",
        summary=RESULTS + "/summary.parquet",
        dynamics=RESULTS + "/dynamics.parquet",
        figures=RESULTS + "/figures",
        sources=sources.report(),
    output:
        RESULTS + "/report.html",
    log:
        RESULTS + "/logs/report.log",
    params:
        results=RESULTS,
    threads: 1
    shell:
        "python report/render.py --results {params.results} --out {output} > {log} 2>&1"
