# docker build --tag carousel .
# docker run --rm --user "$(id -u)" --volume "$PWD:/work" carousel --cores 4 --config study=smoke
# The results come to lie in ./results. The CPU build of PyTorch; pandoc, not Quarto, makes the page.
FROM python:3.11-slim-bookworm

WORKDIR /opt/carousel
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
    --requirement requirements.lock

COPY pyproject.toml README.md LICENSE CITATION.cff Snakefile environment.yml ./
COPY config config
COPY workflow workflow
COPY profiles profiles
COPY report report
COPY src src
COPY benchmarks/stability.csv benchmarks/
COPY docs/full/claims.csv docs/full/
COPY docs/published/published.csv docs/published/
RUN python -m pip install --no-cache-dir --no-deps --editable .

ENV HOME=/tmp
USER 1000
WORKDIR /work
ENTRYPOINT ["snakemake", "--snakefile", "/opt/carousel/Snakefile"]
CMD ["--cores", "all"]
