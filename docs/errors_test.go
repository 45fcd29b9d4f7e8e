package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// An error says what to do, or wraps a cause, or has a row in Troubleshooting. The others are listed in testdata/plain-errors.txt: they
// explain themselves, or are part of an error that does. Config's errors are not checked here: each names its key.
func TestErrorsAreExplained(t *testing.T) {
	list, err := os.ReadFile("testdata/plain-errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	plain, quoted := strings.Split(strings.TrimSpace(string(list)), "\n"), quotedTexts(troubleshooting(t))
	found := map[string]bool{}
	for path, texts := range errorTexts(t, "../components", "../internal", "../cmd", "../ci") {
		for _, text := range texts {
			found[text] = true
			hasRow := slices.ContainsFunc(quoted, func(piece string) bool { return strings.Contains(text, piece) })
			if !saysWhatToDo(text) && !hasRow && !slices.Contains(plain, text) {
				t.Errorf("%s: %q does not say what to do, and Troubleshooting has no row for it", path, text)
			}
		}
	}
	for _, text := range plain {
		if !found[text] {
			t.Errorf("no error is %q any more", text)
		}
	}
}

// saysWhatToDo reports whether a text has a command, a cause, or several sentences with advice at the end; or names what is missing, as
// components do.
func saysWhatToDo(text string) bool {
	return slices.ContainsFunc([]string{"`", "%w", "; ", "missing", " need"}, func(part string) bool { return strings.Contains(text, part) })
}

// quotedTexts returns the quotations in the table's first column, in pieces between ellipses that are long enough to be unique.
func quotedTexts(table string) []string {
	var pieces []string
	for line := range strings.Lines(table) {
		column, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for i, quoted := range strings.Split(column, "`") {
			for piece := range strings.SplitSeq(quoted, "…") {
				if piece = strings.Trim(piece, " :"); i%2 == 1 && len(piece) > 10 {
					pieces = append(pieces, piece)
				}
			}
		}
	}
	return pieces
}

// errorTexts returns the texts of errors, by file.
func errorTexts(t *testing.T, folders ...string) map[string][]string {
	t.Helper()
	texts := map[string][]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			switch name := filepath.Base(path); {
			case err != nil:
				return err
			case entry.IsDir() && slices.Contains([]string{"mocks", "fsbp", "programtest", "settings"}, name): // of tests, and of config
				return filepath.SkipDir
			case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if call, ok := node.(*ast.CallExpr); ok && makesError(call) {
					for _, arg := range call.Args[:min(2, len(call.Args))] { // cli.Said has the exit code first
						if text := literal(arg); text != "" {
							texts[path] = append(texts[path], text)
							break
						}
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) < 30 {
		t.Errorf("errors are found in %d files", len(texts))
	}
	return texts
}

// makesError reports whether a call makes an error.
func makesError(call *ast.CallExpr) bool {
	name := ""
	switch function := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = function.Sel.Name
	case *ast.Ident:
		name = function.Name
	}
	return slices.Contains([]string{"Errorf", "New", "Said", "UnknownOutcome", "problem"}, name)
}

// literal returns a text that is written out, perhaps over several lines, or "".
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}
