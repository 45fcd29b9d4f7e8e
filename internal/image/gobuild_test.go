package image

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

var arm64 = v1.Platform{OS: "linux", Architecture: "arm64"}

// buildContext is a folder with these files.
func buildContext(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, file := range files {
		file = filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func compilationsOf(t *testing.T, stage string) ([]compilation, error) {
	t.Helper()
	r, err := read([]byte("ARG VERSION=dev\nFROM golang AS build\n" + stage + "\nFROM scratch\n"))
	if err != nil {
		t.Fatal(err)
	}
	return r.compilations(0, buildContext(t, "go.mod", "main.go", "cmd/api/main.go", "internal/a/a.go", "app/go.mod", "app/main.go"), map[string]string{"VERSION": "7"}, arm64)
}

func TestCompilations(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stage string
		want  []compilation
	}{
		"all of the context": {
			"WORKDIR /src\nCOPY . .\nRUN CGO_ENABLED=0 go build -trimpath -o /out/app .",
			[]compilation{{dir: ".", env: []string{"CGO_ENABLED=0"}, args: []string{"-trimpath", "."}, output: "/out/app"}},
		},
		"in steps": {
			"WORKDIR /src\nCOPY go.mod ./\nRUN go mod download\nCOPY cmd cmd\nCOPY internal/ ./internal/\nRUN go build -o app ./cmd/api",
			[]compilation{{dir: ".", args: []string{"./cmd/api"}, output: "/src/app"}},
		},
		"two hyphens": {
			"WORKDIR /src\nCOPY . .\nRUN go build --o /out/app --race .",
			[]compilation{{dir: ".", args: []string{"--race", "."}, output: "/out/app"}},
		},
		"a folder of the context": {
			"WORKDIR /src\nCOPY app/go.mod .\nRUN go mod download && go mod verify\nCOPY app/ .\nRUN go build -o=/out/ ./...",
			[]compilation{{dir: "app", args: []string{"./..."}, output: "/out/"}},
		},
		"mounted": {
			"WORKDIR /src\nRUN --mount=type=cache,target=/go/pkg/mod --mount=type=bind,source=app,target=. go build -o /out/app",
			[]compilation{{dir: "app", output: "/out/app"}},
		},
		"the root of a context": {
			"COPY . /\nRUN go build -o /out/app ./cmd/api",
			[]compilation{{dir: ".", args: []string{"./cmd/api"}, output: "/out/app"}},
		},
		"in another folder": {
			"WORKDIR /src\nCOPY . .\nRUN go build -C app -o /out/app .",
			[]compilation{{dir: "app", args: []string{"."}, output: "/out/app"}},
		},
		"variables": {
			"ARG TARGETARCH\nARG VERSION\nENV GOOS=linux\nCOPY . /src\nWORKDIR /src\nRUN GOARCH=$TARGETARCH go build -ldflags=\"-s -X main.version=$VERSION\" -o /app .",
			[]compilation{{
				dir: ".", env: []string{"TARGETARCH=arm64", "VERSION=7", "GOOS=linux", "GOARCH=arm64"},
				args: []string{"-ldflags=-s -X main.version=7", "."}, output: "/app",
			}},
		},
		"two, one in words": {
			"WORKDIR /src\nCOPY . .\nRUN go build -o /out/a ./cmd/api && go build -o /out/b .\nRUN [\"go\", \"build\", \"-o\", \"/out/c\", \".\"]",
			[]compilation{
				{dir: ".", args: []string{"./cmd/api"}, output: "/out/a"},
				{dir: ".", args: []string{"."}, output: "/out/b"},
				{dir: ".", args: []string{"."}, output: "/out/c"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := compilationsOf(t, test.stage)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("%+v, %v\nwant %+v", got, err, test.want)
			}
		})
	}
}

func TestCompilationsRefused(t *testing.T) {
	t.Parallel()
	const source = "WORKDIR /src\nCOPY . .\n"
	for name, test := range map[string]struct{ stage, want string }{
		"another program":  {source + "RUN npm ci", "line 5: RUN npm ci: only `go build` and `go mod download` can be run"},
		"after the build":  {source + "RUN go build -o /app . && upx /app", "only `go build`"},
		"a pipe":           {source + "RUN go build -o /app . | tee log", "more of a shell"},
		"a semicolon":      {source + "RUN go build -o /app .; true", "more of a shell"},
		"a substitution":   {source + "RUN go build -ldflags=-X=main.v=$(date) -o /app .", "more of a shell"},
		"a here-document":  {source + "RUN <<EOF\ngo build -o /app .\nEOF", "here-documents are not supported"},
		"no output":        {source + "RUN go build .", "needs -o"},
		"no value":         {source + "RUN go build -o", "flag -o has no value"},
		"no source":        {"WORKDIR /src\nRUN go build -o /app .", "/src has 0 folders of the build context"},
		"two sources":      {"WORKDIR /src\nCOPY cmd internal ./\nRUN go build -o /app .", "/src has 2 folders of the build context, want one"},
		"another place":    {"WORKDIR /src\nCOPY . .\nCOPY internal lib\nRUN go build -o /app .", "internal of the build context is at another place in /src"},
		"a missing file":   {"COPY nothing /src", "the build context has no nothing"},
		"another image":    {"COPY --from=busybox /bin/sh /bin/sh", "only files of the build context can be copied"},
		"a mounted stage":  {source + "RUN --mount=type=bind,from=other,target=/x go build -o /app .", "only the build context can be mounted"},
		"ADD":              {"ADD https://example.com/a /a", "instruction ADD is not supported"},
		"SHELL":            {"SHELL [\"/bin/bash\", \"-c\"]", "instruction SHELL is not supported"},
		"a bad substitute": {"ARG A\nWORKDIR ${A?is missing}", "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := compilationsOf(t, test.stage)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v; want an error with %q", got, err, test.want)
			}
		})
	}
}
