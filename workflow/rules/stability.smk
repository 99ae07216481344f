"""The whole study again under other master seeds: `snakemake --cores N stability` compares the verdicts."""

from carousel.pipeline import fingerprint, seed_stability
from carousel.study import schema


rule stability:
    message: "comparing the verdicts of several master seeds"
    input:
        claims=RESULTS + "/claims.parquet",
        others=[f"{RESULTS}/stability/{seed}.parquet" for seed in seed_stability.others(SETUP.study.seed)],
    output:
        RESULTS + "/stability.parquet",
    log:
        RESULTS + "/logs/stability.log",
    threads: 1
    shell:
        SETUP.command + "stability --claims {input.claims} --out {output} {input.others}"


rule reseed:
    message: "the study with master seed {wildcards.seed}"
    input:
        SETUP.file,
    output:
        f"{RESULTS}/stability/{schema.name(SETUP.file)}-{{seed}}.yaml",
    log:
        RESULTS + "/logs/reseed/{seed}.log",
    threads: 1
    shell:
        SETUP.command + "reseed --study {input:q} --seed {wildcards.seed} --out {output}"


rule other_seed:
    message: "the whole study under master seed {wildcards.seed}"
    input:
        study=rules.reseed.output,
        code=fingerprint.everything(),
    output:
        RESULTS + "/stability/{seed}.parquet",
    log:
        RESULTS + "/logs/other_seed/{seed}.log",
    params:
        claims=RESULTS + "-{seed}/claims.parquet",
        exact=str(SETUP.exact).lower(),
    threads: workflow.resource_settings.cores or 1 # a cluster's profile says how many
    shell:
        SETUP.job + "sh -c 'python -m snakemake --cores {threads} --config study={input.study} exact={params.exact}"
        " -- {params.claims} && cp {params.claims} {output}.tmp && mv {output}.tmp {output}'"
