# Two images from one wheel: `train` has everything, `serve` only what serving needs.
#   docker build --target serve --tag waterhorse-serve .
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY compiler compiler
COPY runtime runtime
COPY service service
COPY protos protos
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# The same user in both images: what the one writes to the volume, the other may read.
FROM python:3.12-slim AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --create-home waterhorse \
    && mkdir /models \
    && chown waterhorse /models
WORKDIR /home/waterhorse
VOLUME /models

FROM base AS train
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl
USER waterhorse
CMD ["waterhorse", "quickstart", "--train-only", "--repository", "/models"]

FROM base AS serve
COPY service/requirements.txt requirements.txt
RUN pip install --no-cache-dir --requirement requirements.txt
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir --no-deps /wheels/*.whl
USER waterhorse
EXPOSE 8001
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "waterhorse.service.probe", "127.0.0.1:8001"]
CMD ["waterhorse", "serve", "/models", "--host", "0.0.0.0", "--port", "8001"]
