# Lectern in one container: what `make up` runs, as user 1000, on a root file system that may be read-only.
# It writes to /data (DATA_DIR) and /tmp only. docs/deploy-space.md and docs/deploy-vps.md say how to run it.

FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /opt/venv
COPY requirements.txt ./
# Wheels only: nothing is compiled, so neither stage needs a compiler.
RUN /opt/venv/bin/pip install --no-cache-dir --no-compile --only-binary :all: --require-hashes -r requirements.txt
COPY shared shared
COPY flows/__init__.py flows/vocabulary.py flows/
# Token counts are exact only with the vocabulary; at run time there may be no network to fetch it from.
RUN /opt/venv/bin/python -m flows.vocabulary \
    && test -n "$(ls .data/tiktoken)" \
    && /opt/venv/bin/pip uninstall --quiet --yes setuptools pip
COPY flows flows
COPY server server
# Hashed, not dated: copying may change a file's date, and a read-only root could not be compiled again.
RUN /opt/venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/venv/lib /app

FROM python:3.11-slim-bookworm
# git reads BOOK_SOURCE=git+https://...; tini reaps what a killed worker leaves behind and passes SIGTERM on.
# No versions: Debian's mirrors keep only the newest of a release, so a pinned one stops building within weeks.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    && groupadd --gid 1000 lectern \
    && useradd --uid 1000 --gid 1000 --no-log-init --no-create-home --home-dir /data --shell /usr/sbin/nologin lectern \
    && install --directory --owner=1000 --group=1000 --mode=0750 /data \
    && ln --symbolic /app/.data/tiktoken /data/tiktoken
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY --from=build /app ./
COPY LICENSE prefect.yaml ./
COPY docs docs
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    DATA_DIR=/data \
    ENVIRONMENT=production \
    PREFECT_LOGGING_CONFIG_PATH=/app/flows/orchestration/logging.yml \
    PREFECT_SERVER_UI_STATIC_DIRECTORY=/tmp/prefect-ui \
    PORT=7860
USER 1000:1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-ISc", "import os, urllib.request as web; web.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health/live', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "flows.launch"]
