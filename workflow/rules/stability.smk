"""The whole study again under other master seeds: `snakemake --cores N stability` compares the verdicts."""

from carousel.pipeline import fingerprint, seed_stability
from carousel.study import files


rule stability:
    input:
        claims=RESULTS / "claims.parquet",
        others=[RESULTS / f"stability/{seed}.parquet" for seed in seed_stability.others(SETUP.study.seed)],
    output:
        RESULTS / "stability.parquet",
    log:
        RESULTS / "logs/stability.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "comparing the verdicts of several master seeds"
    shell:
        "{params.job} {log} python -m carousel stability --claims {input.claims} --out {output} {input.others}"


rule reseed:
    input:
        SETUP.file,
    output:
        RESULTS / f"stability/{files.name(SETUP.file)}-{{seed}}.yaml",
    log:
        RESULTS / "logs/reseed/{seed}.log",
    conda:
        "../../environment.yml"
    threads: 1
    params:
        job=JOB,
    message:
        "the study with master seed {wildcards.seed}"
    shell:
        "{params.job} {log} python -m carousel reseed --study {input:q} --seed {wildcards.seed} --out {output}"


rule other_seed:
    input:
        study=rules.reseed.output,
        code=fingerprint.everything(),
    output:
        RESULTS / "stability/{seed}.parquet",
    log:
        RESULTS / "logs/other_seed/{seed}.log",
    conda:
        "../../environment.yml"
    threads: workflow.resource_settings.cores or 1  # a cluster's profile says how many
    params:
        job=JOB,
        snakefile=SETUP.snakefile,
        claims=f"{RESULTS}-{{seed}}/claims.parquet",
        exact=str(SETUP.exact).lower(),
    message:
        "the whole study under master seed {wildcards.seed}"
    shell:
        "{params.job} {log} sh -c 'python -m snakemake -s {params.snakefile} --cores {threads} --config study={input.study}"
        " exact={params.exact} -- {params.claims} && cp {params.claims} {output}.tmp && mv {output}.tmp {output}'"
