// Package sdk reads the types of resources and functions from the Pulumi SDKs' sources. It parses the few files that it needs, and
// compiles none.
package sdk

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"slipway/localcloud/schema/internal/spec"
)

// packages has the root Go package of each SDK by its Pulumi package name.
var packages = map[string]string{
	"aws":        "github.com/pulumi/pulumi-aws/sdk/v6/go/aws",
	"cloudflare": "github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare",
}

// Sources are the SDKs that a Go module requires.
type Sources struct {
	Folders  map[string]string // of each SDK's root package, by Pulumi package name
	Versions map[string]string // such as "6.83.2"

	mu     sync.Mutex
	shared map[string]map[string]ast.Expr // by folder, the types that its resources share, by name
}

// Locate finds the SDKs at the versions that the module around dir requires. It downloads those that the module cache lacks.
func Locate(dir string) (*Sources, error) {
	s := &Sources{Folders: map[string]string{}, Versions: map[string]string{}, shared: map[string]map[string]ast.Expr{}}
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		if err := s.locate(dir, name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Describe describes the tokens. Its error names all that it could not describe.
func (s *Sources) Describe(tokens ...string) (*spec.File, error) {
	g := &generator{
		file: spec.File{
			SDKs:      s.Versions,
			Resources: map[string]spec.Resource{},
			Functions: map[string]spec.Function{},
			Types:     map[string]spec.Properties{},
		},
		sources: s,
	}
	var errs []error
	for _, tok := range tokens {
		if err := g.describe(tok); err != nil {
			errs = append(errs, fmt.Errorf("describe %s: %w", tok, err))
		}
	}
	return &g.file, errors.Join(errs...)
}

type generator struct {
	file    spec.File
	sources *Sources
}

func (s *Sources) locate(dir, name string) error {
	cmd := exec.Command("go", "list", "-find", "-f", "{{.Dir}} {{.Module.Version}}", packages[name])
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return fmt.Errorf("locate the %s SDK: %w", name, err)
	}
	root, version, ok := strings.Cut(strings.TrimSpace(string(out)), " v")
	if !ok {
		return fmt.Errorf("locate the %s SDK: go list answered %q", name, out)
	}
	s.Folders[name], s.Versions[name] = root, version
	return nil
}

// describe adds a resource or function to the file. A token such as aws:ec2/vpc:Vpc names its folder and file.
func (g *generator) describe(tok string) error {
	parts := strings.Split(tok, ":")
	if len(parts) != 3 || g.sources.Folders[parts[0]] == "" {
		return errors.New("not a token of a known SDK: want package:module/file:Name")
	}
	folder, file := path.Split(parts[1])
	dir := filepath.Join(g.sources.Folders[parts[0]], strings.TrimPrefix(folder, "index/"))
	name, err := find(dir, file+".go")
	if err != nil {
		return err
	}
	decls, err := parse(name)
	if err != nil {
		return err
	}
	src := &source{g: g, folder: dir, types: decls.types}
	for _, fn := range decls.funcs {
		switch findCall(fn, tok) {
		case "RegisterResource":
			resource, err := src.resource(fn)
			g.file.Resources[tok] = resource
			return err
		case "Invoke":
			function, err := src.function(fn)
			g.file.Functions[tok] = function
			return err
		}
	}
	return fmt.Errorf("%s.go has no function that registers or invokes it", file)
}

// find returns the file of that name, which may differ from the token's by case: glue/mLTransform is in mltransform.go.
func find(dir, name string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		if strings.EqualFold(e.Name(), name) {
			return filepath.Join(dir, e.Name()), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", dir, name)
}

// findCall returns the method of ctx that fn calls with the token as its first argument.
func findCall(fn *ast.FuncDecl, tok string) (method string) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 && stringValue(call.Args[0]) == tok {
			method = called(call)
		}
		return true
	})
	return method
}

// source is the file that declares one token.
type source struct {
	g      *generator
	folder string
	types  map[string]ast.Expr // only of this file
}

type declarations struct {
	types map[string]ast.Expr
	funcs []*ast.FuncDecl
}

// parse reads the type and function declarations of a file.
func parse(name string) (declarations, error) {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return declarations{}, err
	}
	d := declarations{types: map[string]ast.Expr{}}
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil {
				d.funcs = append(d.funcs, decl)
			}
		case *ast.GenDecl:
			for _, s := range decl.Specs {
				if t, ok := s.(*ast.TypeSpec); ok {
					d.types[t.Name.Name] = t.Type
				}
			}
		}
	}
	return d, nil
}

// resource describes the resource that the constructor fn registers: func NewVpc(ctx, name, args *VpcArgs, …) (*Vpc, error).
func (s *source) resource(fn *ast.FuncDecl) (spec.Resource, error) {
	var r spec.Resource
	name := typeName(fn.Type.Results.List[0].Type)
	ctor, err := readConstructor(fn)
	if err != nil {
		return r, err
	}
	r.SecretOutputs = ctor.secretOutputs
	if r.Outputs, err = s.outputs(name); err != nil {
		return r, err
	}

	// The engine gets the lower-case twin of the arguments: plain types, and a pointer for a value that may be absent.
	args, err := s.fields(lowerFirst(name) + "Args")
	if err != nil {
		return r, err
	}
	r.Inputs, r.Defaults = spec.Properties{}, map[string]string{}
	for _, f := range args {
		// A list, a map or an any is nil when absent, so only the constructor shows whether it is required.
		required := ctor.required[f.goName]
		if f.present && !required {
			return r, fmt.Errorf("%s is no pointer, yet the constructor does not require it", f.goName)
		}
		if r.Inputs[f.name], err = s.typeExpr(f.typ, required); err != nil {
			return r, fmt.Errorf("input %s: %w", f.name, err)
		}
		if ctor.secret[f.goName] {
			r.SecretInputs = append(r.SecretInputs, f.name)
		}
		if value, ok := ctor.defaults[f.goName]; ok {
			r.Defaults[f.name] = value
		}
		delete(ctor.required, f.goName)
	}
	if len(ctor.required) > 0 {
		return r, fmt.Errorf("the constructor requires %v, which %sArgs lacks", slices.Sorted(maps.Keys(ctor.required)), name)
	}
	return r, nil
}

// outputs describes the fields of a resource. They are pulumi.StringPtrOutput and the like; the struct of a resource's state
// has the same properties with plain types.
func (s *source) outputs(name string) (spec.Properties, error) {
	outputs, err := s.fields(name)
	if err != nil {
		return nil, err
	}
	state, err := s.fields(lowerFirst(name) + "State")
	if err != nil {
		return nil, err
	}
	plain := map[string]ast.Expr{}
	for _, f := range state {
		plain[f.name] = f.typ
	}
	props := spec.Properties{}
	for _, f := range outputs {
		if plain[f.name] == nil {
			return nil, fmt.Errorf("output %s is not in the state", f.name)
		}
		always := isSingle(plain[f.name]) && !strings.HasSuffix(typeName(f.typ), "PtrOutput")
		if props[f.name], err = s.typeExpr(plain[f.name], always); err != nil {
			return nil, fmt.Errorf("output %s: %w", f.name, err)
		}
	}
	return props, nil
}

// function describes the function that fn invokes: func GetRegion(ctx, args *GetRegionArgs, …) (*GetRegionResult, error).
func (s *source) function(fn *ast.FuncDecl) (spec.Function, error) {
	f := spec.Function{Args: spec.Properties{}}
	for _, param := range fn.Type.Params.List {
		if param.Names[0].Name != "args" {
			continue
		}
		var err error
		if f.Args, err = s.object(typeName(param.Type)); err != nil {
			return f, err
		}
	}
	var err error
	f.Result, err = s.object(typeName(fn.Type.Results.List[0].Type))
	return f, err
}

// constructor has the facts from a resource's New function about its arguments, by their Go names.
type constructor struct {
	required, secret map[string]bool
	defaults         map[string]string
	secretOutputs    []string // by their Pulumi names
}

// readConstructor reads the statements that the SDK's own generator writes. It refuses an assignment that it does not know, so
// that no default is lost.
func readConstructor(fn *ast.FuncDecl) (constructor, error) {
	c := constructor{required: map[string]bool{}, secret: map[string]bool{}, defaults: map[string]string{}}
	var errs []error
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			// if args.X == nil { return nil, errors.New("invalid value for required argument 'X'") }
			if cond, ok := n.Cond.(*ast.BinaryExpr); ok && cond.Op == token.EQL && argument(cond.X) != "" {
				if _, ok := n.Body.List[0].(*ast.ReturnStmt); ok {
					c.required[argument(cond.X)] = true
				}
			}
		case *ast.AssignStmt:
			name := argument(n.Lhs[0])
			if name == "" {
				break
			}
			switch value := n.Rhs[0].(type) {
			case *ast.TypeAssertExpr:
				// args.X = pulumi.ToSecret(args.X).(pulumi.StringPtrInput)
				if called(value.X) == "ToSecret" {
					c.secret[name] = true
					return true
				}
			case *ast.CallExpr:
				// args.X = pulumi.StringPtr("Managed by Pulumi")
				if called(value) == "StringPtr" && stringValue(value.Args[0]) != "" {
					c.defaults[name] = stringValue(value.Args[0])
					return true
				}
			}
			errs = append(errs, fmt.Errorf("the constructor sets %s to neither a secret nor a string", name))
		case *ast.CallExpr:
			// pulumi.AdditionalSecretOutputs([]string{"secretString"})
			if called(n) == "AdditionalSecretOutputs" {
				for _, e := range n.Args[0].(*ast.CompositeLit).Elts {
					c.secretOutputs = append(c.secretOutputs, stringValue(e))
				}
			}
		}
		return true
	})
	return c, errors.Join(errs...)
}

// field is a property as a Go struct declares it.
type field struct {
	goName, name string
	typ          ast.Expr
	present      bool // its type has no way to say that it is absent
}

// fields returns the properties of a struct type.
func (s *source) fields(name string) ([]field, error) {
	decl, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	structure, ok := decl.(*ast.StructType)
	if !ok {
		return nil, fmt.Errorf("%s is not a struct", name)
	}
	var fields []field
	for _, f := range structure.Fields.List {
		if f.Tag == nil {
			continue // pulumi.CustomResourceState
		}
		property, ok := reflect.StructTag(stringValue(f.Tag)).Lookup("pulumi")
		if !ok {
			return nil, fmt.Errorf("%s.%s has no pulumi tag", name, f.Names[0])
		}
		_, pointer := f.Type.(*ast.StarExpr)
		fields = append(fields, field{f.Names[0].Name, property, f.Type, isSingle(f.Type) && !pointer})
	}
	return fields, nil
}

// lookup finds the declaration of a type in the token's own file or among the types that its folder shares.
func (s *source) lookup(name string) (ast.Expr, error) {
	if t, ok := s.types[name]; ok {
		return t, nil
	}
	shared, err := s.g.sources.sharedTypes(s.folder)
	if err != nil {
		return nil, err
	}
	if t, ok := shared[name]; ok {
		return t, nil
	}
	// s3LocationArgs of S3Location is declared as s3locationArgs.
	for other, t := range s.types {
		if strings.EqualFold(other, name) && other[0] == name[0] {
			return t, nil
		}
	}
	return nil, fmt.Errorf("type %s is not declared in %s", name, s.folder)
}

// sharedTypes returns the types that the resources of a folder share. They are parsed once, however many tokens are described.
func (s *Sources) sharedTypes(folder string) (map[string]ast.Expr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if types, ok := s.shared[folder]; ok {
		return types, nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "pulumi[TE]*.go")) // pulumiTypes*.go, pulumiEnums.go
	if err != nil {
		return nil, err
	}
	types := map[string]ast.Expr{}
	for _, file := range files {
		decls, err := parse(file)
		if err != nil {
			return nil, err
		}
		maps.Copy(types, decls.types)
	}
	s.shared[folder] = types
	return types, nil
}

// object describes a struct that has no constructor. Whether a list, a map or an any in it is required, the Go SDK does not say.
func (s *source) object(name string) (spec.Properties, error) {
	fields, err := s.fields(name)
	if err != nil {
		return nil, err
	}
	props := spec.Properties{}
	for _, f := range fields {
		if props[f.name], err = s.typeExpr(f.typ, f.present); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.goName, err)
		}
	}
	return props, nil
}

// typeExpr writes a Go type as package spec has it, and describes the object types that occur in it.
func (s *source) typeExpr(t ast.Expr, required bool) (string, error) {
	if required {
		expr, err := s.typeExpr(t, false)
		return expr + "!", err
	}
	switch t := t.(type) {
	case *ast.StarExpr:
		return s.typeExpr(t.X, false)
	case *ast.ArrayType:
		elem, err := s.typeExpr(t.Elt, false)
		return "[]" + elem, err
	case *ast.MapType:
		elem, err := s.typeExpr(t.Value, false)
		return "map[string]" + elem, err
	case *ast.InterfaceType, *ast.SelectorExpr: // pulumi.Archive and pulumi.AssetOrArchive, which travel as objects of their own
		return "any", nil
	case *ast.Ident:
		if basic, ok := basics[t.Name]; ok {
			return basic, nil
		}
		return s.named(t.Name)
	}
	return "", fmt.Errorf("type %T is not understood", t)
}

var basics = map[string]string{"string": "string", "int": "integer", "float64": "number", "bool": "boolean", "any": "any"}

// named writes a type that the SDK declares: the name of an object type, or what an enumeration is made of.
func (s *source) named(name string) (string, error) {
	decl, err := s.lookup(name)
	if err != nil {
		return "", err
	}
	if _, ok := decl.(*ast.StructType); !ok {
		return s.typeExpr(decl, false)
	}
	qualified := filepath.Base(s.folder) + "." + name
	if _, ok := s.g.file.Types[qualified]; !ok {
		s.g.file.Types[qualified] = nil // a type may refer to itself
		s.g.file.Types[qualified], err = s.object(name)
	}
	return qualified, err
}

// isSingle reports whether t, or what it points to, is one value: no list, no map and no any.
func isSingle(t ast.Expr) bool {
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.Name != "any"
}

// typeName returns the last part of a type's name: VpcArgs of *VpcArgs, StringOutput of pulumi.StringOutput.
func typeName(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return typeName(t.X)
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// argument returns X of args.X, else "".
func argument(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if id, ok := sel.X.(*ast.Ident); ok && id.Name == "args" {
			return sel.Sel.Name
		}
	}
	return ""
}

// called returns the name of the method or qualified function that e calls, else "".
func called(e ast.Expr) string {
	if call, ok := e.(*ast.CallExpr); ok {
		if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
			return sel.Sel.Name
		}
	}
	return ""
}

// stringValue returns the value of a string literal, else "".
func stringValue(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	value, _ := strconv.Unquote(lit.Value) // the parser has seen to it
	return value
}

func lowerFirst(s string) string {
	return strings.ToLower(s[:1]) + s[1:]
}
