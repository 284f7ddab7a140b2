# One image for the API, both workers, Beat and Flower: the command makes the service.
# It builds with BuildKit and with the classic builder alike.

# What must be installed, in a stage of its own: an edit of pyproject.toml that leaves the
# dependencies alone (the version, a linter's setting) keeps the layers below.
FROM python:3.13-slim-trixie AS requirements
COPY pyproject.toml /
RUN python -c "import tomllib; p = tomllib.load(open('/pyproject.toml', 'rb')); \
    open('/run.txt', 'w').write('\n'.join(p['project']['dependencies'])); \
    open('/build.txt', 'w').write('\n'.join(p['build-system']['requires']))"


# /opt/venv goes into the image; /opt/build, which holds pip and the build backend, does not.
FROM python:3.13-slim-trixie AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/build && python -m venv --without-pip /opt/venv
COPY --from=requirements /run.txt /build.txt /
COPY constraints.txt /
RUN /opt/build/bin/pip install --quiet -c /constraints.txt -r /build.txt \
    && /opt/build/bin/pip --python /opt/venv install --quiet -c /constraints.txt -r /run.txt


FROM dependencies AS project
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY shop shop
RUN /opt/build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /opt/build/bin/pip --python /opt/venv install --quiet --no-deps --prefix /opt/project \
        /wheels/*.whl
COPY docker/healthcheck /src/
RUN install -m 0755 healthcheck /opt/project/bin/


FROM python:3.13-slim-trixie
# The base image's pip goes: nothing is installed in a running container.
RUN python -c "import pathlib, pip, shutil; shutil.rmtree(pathlib.Path(pip.__file__).parent)" \
    && rm -f /usr/local/bin/pip* /usr/bin/pip* \
    && groupadd --gid 10001 shop \
    && useradd --uid 10001 --gid shop --home-dir /app --shell /usr/sbin/nologin shop \
    && install -d -o shop -g shop /app/run /app/logs /app/schedule
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SHOP_RUN_DIR=/app/run
# A change of code replaces only the second, small layer.
COPY --from=dependencies /opt/venv /opt/venv
COPY --from=project /opt/project /opt/venv
WORKDIR /app
USER 10001:10001
EXPOSE 8000 5555
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["healthcheck", "http", "8000", "/health/live"]
CMD ["uvicorn", "shop.asgi:app", "--http", "shop.api.protocol:ShopProtocol", \
    "--loop", "shop.api.loop:ShopLoop", "--host", "0.0.0.0", "--port", "8000", "--no-server-header"]
