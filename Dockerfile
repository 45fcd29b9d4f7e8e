# Builds app/ into an image of two files: the binary and the CA certificates.
#
#	docker buildx build --platform linux/amd64,linux/arm64 \
#	  --build-arg VERSION=1.4.2 --build-arg COMMIT="$(git rev-parse HEAD)" --build-arg BUILD_TIME="$(date -u +%FT%TZ)" \
#	  --build-arg SOURCE="$(git remote get-url origin)" .

# For /version and the labels. The binary works without them.
ARG VERSION=dev
ARG COMMIT
ARG BUILD_TIME
ARG SOURCE

# The build runs on the builder's own platform and cross-compiles: emulating the target would take ten times as long.
FROM --platform=$BUILDPLATFORM golang:1.26.8-alpine3.24@sha256:8ac98ca534ac3f51e1f420a1dd2c15e74c75cfa0f23f3ad27eb5d7236c349a0c AS build
WORKDIR /src

# A separate step, which only a changed go.mod or go.sum repeats.
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=bind,source=app/go.mod,target=go.mod \
    --mount=type=bind,source=app/go.sum,target=go.sum \
    go mod download

ARG TARGETOS
ARG TARGETARCH
ARG VERSION
ARG COMMIT
ARG BUILD_TIME
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    --mount=type=bind,source=app,target=. \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w -X main.version=$VERSION -X main.commit=$COMMIT -X main.buildTime=$BUILD_TIME" -o /out/app .

# No shell, no /tmp, no user database: the binary needs none, and an intruder finds none.
FROM scratch
ARG VERSION
ARG COMMIT
ARG BUILD_TIME
ARG SOURCE
LABEL org.opencontainers.image.title="slipway app" \
      org.opencontainers.image.description="A small HTTP and WebSocket service that drains before it stops" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$BUILD_TIME"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/app /app
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/app"]
