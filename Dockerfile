# The worker in a container, on a CPU. docker-compose.yml shows it at work.
#
#   docker build -t wiretag .
#   docker run --rm wiretag --version
#   docker run -v ./my.yaml:/etc/wiretag/wiretag.yaml:ro -v ./models:/models:ro wiretag
#
# It is built by the scripts that build it everywhere else. The first stage keeps compilers, headers and
# the 1.5 GB of libtorch to itself; the second has what the program is linked to, and the demonstration.

FROM debian:12-slim AS build
WORKDIR /opt/wiretag
# What changes rarely comes first: system packages and libtorch.
COPY scripts/setup scripts/requirements-libtorch.txt scripts/requirements-librdkafka.txt scripts/
COPY scripts/lib scripts/lib
RUN scripts/setup --build-only \
    && rm -rf /var/lib/apt/lists/* ~/.cache .deps/pip
COPY CMakeLists.txt CMakePresets.json LICENSE THIRD_PARTY.md ./
COPY scripts/build scripts/manpage scripts/
COPY scripts/completion scripts/completion
COPY config config
COPY models models
COPY include include
COPY src src
RUN scripts/build --no-install \
    && cmake --install build --strip --prefix /usr/local \
    && build/wiretag --version

FROM debian:12-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libjansson4 libmicrohttpd12 librdkafka1 libssl3 libstdc++6 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin wiretag
# The libraries of libtorch that a CPU needs, where the program looks for them.
COPY --from=build \
    /opt/wiretag/.deps/libtorch/torch/lib/libtorch_cpu.so \
    /opt/wiretag/.deps/libtorch/torch/lib/libc10.so \
    /opt/wiretag/.deps/libtorch/torch/lib/libgomp.so.1 \
    /opt/wiretag/.deps/libtorch/torch/lib/
COPY --from=build \
    /opt/wiretag/.deps/libtorch/nvidia/cu13/lib/libcudart.so.13 \
    /opt/wiretag/.deps/libtorch/nvidia/cu13/lib/libcupti.so.13 \
    /opt/wiretag/.deps/libtorch/nvidia/cu13/lib/
# Their licences go where they go.
COPY --from=build /opt/wiretag/.deps/libtorch/torch-2.15.0.dist-info/licenses /usr/local/share/doc/wiretag/libtorch
COPY --from=build /opt/wiretag/.deps/libtorch/nvidia_cuda_runtime-13.2.75.dist-info/licenses \
    /usr/local/share/doc/wiretag/nvidia
COPY --from=build /usr/local/bin/wiretag /usr/local/bin/wiretag
COPY --from=build /usr/local/share/doc/wiretag /usr/local/share/doc/wiretag
COPY config/wiretag.yaml /etc/wiretag/wiretag.yaml
COPY models/demo.pt /srv/wiretag/models/demo.pt

# config/wiretag.yaml names the model by a path relative to here.
WORKDIR /srv/wiretag
USER 10001
EXPOSE 9464
# Serves /readyz once the model is loaded and partitions are assigned.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464; printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3; grep -q ' 200 ' <&3"]
ENTRYPOINT ["wiretag"]
CMD ["run", "-c", "/etc/wiretag/wiretag.yaml", "--set", "http.listen=0.0.0.0:9464"]
