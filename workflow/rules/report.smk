"""From the gathered tables to verdicts, figures and the page."""


rule summarise:
    message: "summing up the decay, setting by setting"
    input:
        decay=RESULTS + "/decay.parquet",
        sources=sources.files("summarise"),
    output:
        RESULTS + "/summary.parquet",
    log:
        RESULTS + "/logs/summarise.log",
    threads: 1
    shell:
        RUN + "python -m carousel summarise --decay {input.decay} --out {output}"


rule judge:
    message: "deciding the claims"
    input:
        decay=RESULTS + "/decay.parquet",
        accuracy=RESULTS + "/accuracy.parquet",
        dynamics=RESULTS + "/dynamics.parquet",
        calibration=RESULTS + "/calibration.parquet",
        sources=sources.files("judge"),
    output:
        claims=RESULTS + "/claims.parquet",
        csv=report(RESULTS + "/claims.csv", caption="../report/claims.rst", category="Verdicts"),
        json=RESULTS + "/claims.json",
        agreement=RESULTS + "/agreement.parquet",
    log:
        RESULTS + "/logs/judge.log",
    threads: 1
    shell:
        RUN + "python -m carousel judge --decay {input.decay} --accuracy {input.accuracy} --dynamics {input.dynamics}"
        " --calibration {input.calibration} --out {output.claims} --csv {output.csv} --json {output.json} --agreement {output.agreement}"


rule explore:
    message: "choosing the curves of the explorer, and what to advise"
    input:
        decay=RESULTS + "/decay.parquet",
        accuracy=RESULTS + "/accuracy.parquet",
        summary=RESULTS + "/summary.parquet",
        sources=sources.files("explore"),
    output:
        explorer=RESULTS + "/explorer.json",
        advice=RESULTS + "/advice.parquet",
        half_lives=RESULTS + "/half_lives.parquet",
        learned=RESULTS + "/learned.parquet",
    log:
        RESULTS + "/logs/explore.log",
    threads: 1
    shell:
        RUN + "python -m carousel explore --decay {input.decay} --accuracy {input.accuracy} --summary {input.summary}"
        " --explorer {output.explorer} --advice {output.advice} --half-lives {output.half_lives}"
        " --learned {output.learned}"


rule draw:
    message: "drawing the figures"
    input:
        decay=RESULTS + "/decay.parquet",
        accuracy=RESULTS + "/accuracy.parquet",
        claims=RESULTS + "/claims.parquet",
        summary=RESULTS + "/summary.parquet",
        dynamics=RESULTS + "/dynamics.parquet",
        learned=RESULTS + "/learned.parquet",
        sources=sources.files("draw"),
    output:
        report(
            directory(RESULTS + "/figures"),
            patterns=["{name}.svg"],
            caption="../report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        RESULTS + "/logs/draw.log",
    threads: 1
    shell:
        RUN + "python -m carousel draw --decay {input.decay} --accuracy {input.accuracy} --claims {input.claims}"
        " --summary {input.summary} --dynamics {input.dynamics} --learned {input.learned} --out {output}"


rule timings:
    message: "adding up what every rule took"
    input:
        rules.judge.output.claims,
        rules.explore.output.explorer,
        rules.draw.output,
    output:
        RESULTS + "/timings.parquet",
    log:
        RESULTS + "/logs/timings.log",
    params:
        logs=RESULTS + "/logs",
    threads: 1
    shell:
        RUN + "python -m carousel timings --logs {params.logs} --out {output}"


use rule judge as judge_elsewhere with:
    message:
        "deciding the claims from the tables of {wildcards.machine} alone"
    input:
        decay=RESULTS + "/elsewhere/{machine}/decay.parquet",
        accuracy=RESULTS + "/elsewhere/{machine}/accuracy.parquet",
        dynamics=RESULTS + "/elsewhere/{machine}/dynamics.parquet",
        calibration=RESULTS + "/elsewhere/{machine}/calibration.parquet",
        sources=sources.files("judge"),
    output:
        claims=RESULTS + "/elsewhere/{machine}/claims.parquet",
        csv=RESULTS + "/elsewhere/{machine}/claims.csv",
        json=RESULTS + "/elsewhere/{machine}/claims.json",
        agreement=RESULTS + "/elsewhere/{machine}/agreement.parquet",
    log:
        RESULTS + "/logs/judge_elsewhere/{machine}.log",


rule machines:
    message: "comparing the machines that the tables come from"
    input:
        RESULTS + "/decay.parquet",
        abroad.measured(RESULTS),
        sources=sources.files("machines"),
    output:
        RESULTS + "/machines.parquet",
    log:
        RESULTS + "/logs/machines.log",
    params:
        results=RESULTS,
    threads: 1
    shell:
        RUN + "python -m carousel machines --results {params.results} --out {output}"


rule report:
    message: "writing the report"
    input:
        explorer=RESULTS + "/explorer.json",
        advice=RESULTS + "/advice.parquet",
        half_lives=RESULTS + "/half_lives.parquet",
        learned=RESULTS + "/learned.parquet",
        timings=RESULTS + "/timings.parquet",
        machines=RESULTS + "/machines.parquet",
        elsewhere=abroad.judged(RESULTS),
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
        report(RESULTS + "/report.html", caption="../report/report.rst", category="Report"),
    log:
        RESULTS + "/logs/report.log",
    params:
        results=RESULTS,
    threads: 1
    shell:
        RUN + "python -m carousel render --results {params.results} --out {output}"
