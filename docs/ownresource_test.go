package docs

import (
	"go/ast"
	"go/parser"
	"os"
	"reflect"
	"regexp"
	"testing"

	"slipway/bootstrap/permissions"
)

// The last block of the page belongs in the table of permissions: it is an entry of the map, with the fields of the other entries.
func TestPermissionsOfAnOwnResource(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("add-your-own-resource.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) == 0 {
		t.Fatal("the page has no Go")
	}
	table, err := parser.ParseExpr("map[string]Operations{\n" + blocks[len(blocks)-1][1] + "}")
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	for _, entry := range table.(*ast.CompositeLit).Elts {
		for _, field := range entry.(*ast.KeyValueExpr).Value.(*ast.CompositeLit).Elts {
			name := field.(*ast.KeyValueExpr).Key.(*ast.Ident).Name
			if _, ok := reflect.TypeFor[permissions.Operations]().FieldByName(name); !ok {
				t.Errorf("an entry of the table has no field %s", name)
			}
			fields++
		}
	}
	if fields < 4 {
		t.Errorf("the entry has %d fields; a queue takes more", fields)
	}
}
