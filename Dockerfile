# The image of a real installation. It is built on python and not on apache/airflow: that image brings about
# a hundred providers in versions of its own choosing, while this one holds exactly the locked versions that
# the tests ran with, each checked against its hash, and no package manager's leftovers.

FROM python:3.12.11-slim-bookworm AS build
COPY requirements-uv.txt requirements-image.txt /build/
RUN pip install --no-cache-dir --require-hashes --requirement /build/requirements-uv.txt \
    && python -m venv --without-pip /opt/venv \
    && uv pip install --no-cache --no-deps --require-hashes --compile-bytecode \
        --python /opt/venv/bin/python --requirement /build/requirements-image.txt

FROM python:3.12.11-slim-bookworm
ARG UID=50000
# More of Debian's packages, such as postgresql-15 where clusters are restored: 250 MB that few need.
ARG PACKAGES=""
# What makes and restores backups (docs/backups.md): Debian has each in the version that the tests ran with.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        git mariadb-client openssh-client pgbackrest postgresql-client restic \
    && sed -i 's/^#create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && if [ -n "$PACKAGES" ]; then apt-get install --yes --no-install-recommends $PACKAGES; fi \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid "$UID" --gid 0 --create-home --home-dir /opt/airflow --shell /usr/sbin/nologin airflow \
    && install --directory --owner airflow --group root --mode 0770 /opt/airflow/logs /opt/airflow/catalog
COPY --from=build /opt/venv /opt/venv
COPY scripts/container/accounts.py scripts/container/clean-database scripts/container/health.py scripts/container/initialise scripts/container/upkeep /usr/local/bin/
COPY dags /opt/upkeep/dags
COPY plugins /opt/upkeep/plugins
COPY include /opt/upkeep/include
RUN python -m compileall -q /opt/upkeep/include
# Airflow puts dags/ and plugins/ on the path of some services and include/ on none: every service gets it here.
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/upkeep/include \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    UPKEEP_CACHE=/opt/airflow/catalog \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/upkeep/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/upkeep/plugins
WORKDIR /opt/upkeep
USER airflow
ENTRYPOINT []
CMD ["airflow", "version"]
