# The image of the container action, which serves as well in Kubernetes or by hand: one static binary, CA roots, /tmp.
# Commands to wrap are not in it: copy /bellwether into an image of theirs, or use `setup`.
#
#   docker build -t bellwether .
#   docker build --target binary --output type=local,dest=. .     # only the binary, as it is released
#
# It runs as root, because the runner of GitHub Actions mounts files that only root may write. Elsewhere choose a user:
# `docker run --user 65532`, or `runAsUser` in Kubernetes. Nothing in it needs root.

# The digest is that of all platforms together.
ARG BUILDER_IMAGE=rust:1.97.1-slim-bookworm@sha256:158b745f1b82dbeec7ea06e6b1617d6b005723bb66e6141cd2ddfee40d079ec3

FROM ${BUILDER_IMAGE} AS build
RUN set -eu; \
    if ! command -v musl-gcc; then \
        apt-get update; \
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates musl-tools; \
    fi; \
    target=$(uname -m)-unknown-linux-musl; \
    if ! rustup target list --installed | grep -qx "$target"; then rustup target add "$target"; fi
WORKDIR /build
# For mimalloc (Cargo.toml): memory is taken when it is used, so that a small leader needs 8 MiB and not 13.
ENV CFLAGS=-DMI_DEFAULT_ARENA_EAGER_COMMIT=0
# The dependencies make a layer of their own, which changes with Cargo.lock alone.
COPY Cargo.toml Cargo.lock ./
RUN set -eu; \
    mkdir -p src benches/bench tests/it; \
    for main in src/main.rs benches/bench/main.rs tests/it/main.rs; do echo 'fn main() {}' >"$main"; done; \
    : >src/lib.rs; \
    cargo build --release --locked --bin bellwether --target "$(uname -m)-unknown-linux-musl"
COPY migrations migrations
COPY src src
# cargo goes by the files' times, and those of a checkout are older than the layer above
RUN set -eu; \
    touch src/lib.rs src/main.rs; \
    cargo build --release --locked --bin bellwether --target "$(uname -m)-unknown-linux-musl"; \
    mkdir -p /root-of-image/etc/ssl/certs; \
    mkdir -m 1777 /root-of-image/tmp; \
    cp "target/$(uname -m)-unknown-linux-musl/release/bellwether" /root-of-image/bellwether; \
    cp -L /etc/ssl/certs/ca-certificates.crt /root-of-image/etc/ssl/certs/

FROM scratch AS binary
COPY --from=build /root-of-image/bellwether /bellwether

FROM scratch
ARG VERSION=unreleased
ARG REVISION=unknown
ARG SOURCE=https://github.com/OWNER/bellwether
LABEL org.opencontainers.image.title="bellwether" \
    org.opencontainers.image.description="One participant of a deploy migrates the database; everyone else waits for its verdict." \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.source="${SOURCE}"
COPY --from=build /root-of-image/ /
ENTRYPOINT ["/bellwether"]
