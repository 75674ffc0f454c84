# Two images: `front` meets people and has no torch; `worker` makes the replies and has no chat library.
FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    HOME=/tmp \
    HF_HOME=/models \
    COMPANION_DATA_DIR=/var/lib/companion
RUN useradd --uid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin companion \
 && install --directory --owner companion --group companion --mode 0700 /var/lib/companion /models
WORKDIR /app
# What we build on changes seldom, our own code often: installed with an empty project, the large layer is kept.
COPY pyproject.toml ./
RUN mkdir bot workers && touch bot/__init__.py workers/__init__.py README.md LICENSE

FROM base AS front
RUN pip install '.[console,discord,telegram]' && rm -r bot workers build
COPY README.md LICENSE ./
COPY bot bot
RUN pip install --no-deps --force-reinstall . && rm -r build
USER companion
CMD ["companion", "doctor"]

FROM base AS worker
# The quick attention kernel is compiled for the GPU that is there.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN pip install '.[worker]' && rm -r bot workers build
COPY README.md LICENSE ./
COPY bot bot
COPY workers workers
RUN pip install --no-deps --force-reinstall . && rm -r build
USER companion
CMD ["python", "-m", "workers", "run"]
