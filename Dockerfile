# The studio with its pretrained models, without a GPU, run by an unprivileged user.
#
#     docker build --tag manymodes .
#     docker run --rm --publish 127.0.0.1:7860:7860 manymodes
#
# and open http://127.0.0.1:7860. tests/test_dockerfile.py runs the steps as plain commands.

FROM python:3.12-slim-bookworm AS build
ENV PREFIX=/opt/manymodes \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY . .
RUN python -m pip wheel --no-deps --wheel-dir wheels .
RUN python -m venv "$PREFIX" \
    && "$PREFIX/bin/python" -m pip install --constraint constraints.txt "$(echo wheels/*.whl)[studio]"

FROM python:3.12-slim-bookworm
# The home folder holds parsed tunes and the caches of matplotlib and numba.
ENV PREFIX=/opt/manymodes \
    HOME=/home/player
ENV PATH="$PREFIX/bin:$PATH"
COPY --from=build /opt/manymodes /opt/manymodes
RUN mkdir -p "$HOME" && chmod 1777 "$HOME"
WORKDIR /home/player
USER 10001:10001
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/', timeout=4)"]
# Connections that --publish forwards do not arrive on the loopback interface of the container.
ENTRYPOINT ["python", "-m", "manymodes_studio", "--host", "0.0.0.0", "--port", "7860"]
