"""The whole study again under other master seeds: `snakemake --cores N stability` compares the verdicts."""


rule stability:
    message: "comparing the verdicts of several master seeds"
    input:
        claims=RESULTS + "/claims.parquet",
        others=[f"{RESULTS}/stability/{seed}.parquet" for seed in stability.others(STUDY.seed)],
    output:
        RESULTS + "/stability.parquet",
    log:
        RESULTS + "/logs/stability.log",
    threads: 1
    shell:
        RUN + "python -m carousel stability --claims {input.claims} --out {output} {input.others}"


rule reseed:
    message: "the study with master seed {wildcards.seed}"
    input:
        STUDY_FILE,
    output:
        f"{RESULTS}/stability/{study.name(STUDY_FILE)}-{{seed}}.yaml",
    log:
        RESULTS + "/logs/stability/reseed-{seed}.log",
    threads: 1
    shell:
        RUN + "python -m carousel reseed --study {input:q} --seed {wildcards.seed} --out {output}"


rule other_seed:
    message: "the whole study under master seed {wildcards.seed}"
    input:
        study=rules.reseed.output,
        sources=sources.everything(),
    output:
        RESULTS + "/stability/{seed}.parquet",
    log:
        RESULTS + "/logs/stability/{seed}.log",
    params:
        claims=RESULTS + "-{seed}/claims.parquet",
        exact=str(bool(EXACT)).lower(),
    threads: workflow.resource_settings.cores or 1 # a cluster's profile says how many
    shell:
        RUN + "sh -c 'python -m snakemake --cores {threads} --config study={input.study} exact={params.exact}"
        " -- {params.claims} && cp {params.claims} {output}.tmp && mv {output}.tmp {output}'"
