# A static binary, git, and nothing else that a server does not need.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/gatehouse ./cmd/gatehouse

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates git \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 65532 --home-dir /nonexistent --shell /usr/sbin/nologin gatehouse \
 && install -d -o gatehouse -g gatehouse /data /cache
COPY --from=build /out/gatehouse /usr/local/bin/gatehouse
USER 65532:65532
# The root file system may be read-only: what is written goes to these two volumes. /cache may be deleted at any time.
VOLUME ["/data", "/cache"]
WORKDIR /data
ENV GATEHOUSE_ADDR=:8080 \
    GATEHOUSE_DATABASE_URL=sqlite:/data/gatehouse.db \
    GATEHOUSE_SIGNING_KEY_FILE=/data/signing.key \
    GATEHOUSE_DATA_DIR=/cache \
    TMPDIR=/cache
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s CMD ["gatehouse", "health"]
ENTRYPOINT ["gatehouse"]
CMD ["serve"]
