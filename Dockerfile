# The worker in a container, on a CPU. docker-compose.yml shows it at work.
#
#   docker build -t wiretag .
#   docker run --rm wiretag --version
#   docker run -v ./my.yaml:/etc/wiretag/wiretag.yaml:ro -v ./models:/models:ro wiretag
#   docker build --platform linux/arm64 -t wiretag:arm64 .
#
# It is built by the scripts that build it everywhere else. The first stage keeps compilers, headers and
# the 1.5 GB of libtorch to itself; the second has what is installed, and the demonstration. It needs no rights and
# writes nothing: docker run --read-only --cap-drop ALL works.
#
# For ARM64 on another processor the first stage compiles on that processor, for it; the second, Debian's packages, is
# emulated (binfmt_misc with qemu-user-static). A builder that does not know both platforms, as BuildKit does, wants
# them: --build-arg BUILDPLATFORM=linux/amd64 --build-arg TARGETPLATFORM=linux/arm64.

FROM --platform=${BUILDPLATFORM:-linux/amd64} debian:12-slim AS build
ARG TARGETARCH
WORKDIR /opt/wiretag
# What the scripts are to build, from here on.
RUN here=$(dpkg --print-architecture); case $here/${TARGETARCH:-$here} in \
        "$here/$here") echo 'option= folder=build emulator=' ;; \
        */arm64) echo "option=--arm folder=build-arm64 emulator='qemu-aarch64 -cpu max -L .deps/arm64/debian'" ;; \
        *) echo "no image for $TARGETARCH can be made on $here" >&2; exit 1 ;; \
    esac >target
# What changes rarely comes first: system packages and libtorch.
COPY scripts/setup scripts/
COPY scripts/lib scripts/lib
COPY scripts/requirements/libtorch.txt scripts/requirements/librdkafka.txt scripts/requirements/arm64.packages scripts/requirements/
RUN . ./target && scripts/setup --build-only $option \
    && rm -rf /var/lib/apt/lists/* ~/.cache .deps/pip
COPY CMakeLists.txt CMakePresets.json LICENSE THIRD_PARTY.md ./
COPY cmake cmake
COPY scripts/build scripts/
COPY scripts/tools scripts/tools
COPY config config
COPY models models
COPY include include
COPY src src
# Installed as anywhere else: the program, the libraries that no distribution has, everybody's licences.
RUN . ./target && scripts/build --no-install $option \
    && DESTDIR=/image cmake --install "$folder" --strip --prefix /usr/local \
    && $emulator /image/usr/local/bin/wiretag --version
# Readable for the worker's user: COPY keeps the modes of this folder, and a umask may have closed them.
RUN install -D -m 644 config/wiretag.yaml /image/etc/wiretag/wiretag.yaml \
    && install -D -m 644 models/demo.pt /image/srv/wiretag/models/demo.pt

FROM --platform=${TARGETPLATFORM:-linux/amd64} debian:12-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libcurl4 libjansson4 libmicrohttpd12 libssl3 libstdc++6 libxml2 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin wiretag
COPY --from=build /image/ /
# The program finds its libraries by where it lies itself; the loader learns that from /proc. Without one, from here.
RUN cd /usr/local/lib/wiretag \
    && find "$PWD" -name '*.so*' -printf '%h\n' | sort -u > /etc/ld.so.conf.d/wiretag.conf \
    && ldconfig \
    && wiretag --version

# config/wiretag.yaml names the model by a path relative to here.
WORKDIR /srv/wiretag
USER 10001
EXPOSE 9464
# Alive, not ready: a worker that waits for its broker is well, and a restart would not bring the broker back. The page
# answers while the model is loaded, too.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9464; printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3; grep -q ' 200 ' <&3"]
ENTRYPOINT ["wiretag"]
CMD ["run", "-c", "/etc/wiretag/wiretag.yaml", "--set", "http.listen=:9464"]
