package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"go.yaml.in/yaml/v3"
)

// FileVariable names the stack's file for a run of pulumi with --config-file, because the CLI does not tell the program.
const FileVariable = "SLIPWAY_CONFIG_FILE"

// File is the stack's file. The engine's config is decrypted, and says only which root keys have encrypted values. Numbers and dates
// without quotation marks also arrive in another form.
type File struct {
	name   string     // without its folder
	reason error      // why it could not be read
	config *yaml.Node // nil: nothing is known
}

// readFile reads the stack's file from its place in the CLI.
func readFile(stack string) *File {
	path := os.Getenv(FileVariable)
	if path == "" {
		var err error
		if _, path, err = workspace.DetectProjectStackPath(tokens.QName(stack)); err != nil {
			return &File{name: "Pulumi." + stack + ".yaml", reason: err}
		}
	}
	text, err := os.ReadFile(path) //nolint:gosec // The user names it, as for --config-file.
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("there is no such file")
	}
	if err != nil {
		return &File{name: filepath.Base(path), reason: err}
	}
	return ParseFile(filepath.Base(path), text)
}

// ParseFile returns a stack's file from its text.
func ParseFile(name string, text []byte) *File {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return &File{name: name, reason: errors.New("it is not YAML")} // the parser's error may quote it
	}
	f := &File{name: name}
	if len(document.Content) > 0 {
		_, f.config = memberOf(document.Content[0], "config")
	}
	if f.config == nil {
		f.reason = errors.New("it has no config")
	}
	return f
}

// NewFile returns a stack's file from its "config" node.
func NewFile(name string, config *yaml.Node) *File { return &File{name: name, config: config} }

// value returns the node of a root key, given in full. Pulumi takes its older and its shorter forms too.
func (f *File) value(key string) *yaml.Node {
	if f == nil {
		return nil
	}
	project, name, _ := strings.Cut(key, ":")
	for _, form := range []string{key, project + ":config:" + name, name} {
		if _, value := memberOf(f.config, form); value != nil {
			return value
		}
	}
	return nil
}

// maxMerges bounds how many merges are followed, because they may form a loop.
const maxMerges = 10

// memberOf returns a member of a mapping, and its name as written; nil if there is none.
func memberOf(object *yaml.Node, name string) (key, value *yaml.Node) {
	return mergedMember(object, name, 0)
}

func mergedMember(object *yaml.Node, name string, merges int) (key, value *yaml.Node) {
	object = resolved(object)
	if object == nil || object.Kind != yaml.MappingNode || merges > maxMerges {
		return nil, nil
	}
	var merged []*yaml.Node
	for i := 0; i+1 < len(object.Content); i += 2 {
		key, value := resolved(object.Content[i]), resolved(object.Content[i+1])
		switch {
		case key == nil || value == nil:
		case key.ShortTag() == "!!merge" && value.Kind == yaml.SequenceNode:
			merged = append(merged, value.Content...)
		case key.ShortTag() == "!!merge":
			merged = append(merged, value)
		case handedOver(key) == name:
			return key, value
		}
	}
	for _, other := range merged {
		if key, value := mergedMember(other, name, merges+1); value != nil {
			return key, value
		}
	}
	return nil, nil
}

// elementOf returns an element of a list; nil if there is none.
func elementOf(list *yaml.Node, i int) *yaml.Node {
	list = resolved(list)
	if list == nil || list.Kind != yaml.SequenceNode || i >= len(list.Content) {
		return nil
	}
	return resolved(list.Content[i])
}

// resolved follows an alias to its anchor.
func resolved(node *yaml.Node) *yaml.Node {
	if node != nil && node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

// handedOver returns a scalar as the text that Pulumi passes on: it decodes a value without quotation marks, and encodes it again.
func handedOver(node *yaml.Node) string {
	if node.ShortTag() == "!!str" {
		return node.Value
	}
	var value any
	if err := node.Decode(&value); err != nil {
		return node.Value
	}
	return fmt.Sprint(value)
}

// An origin says where in the stack's file a value from the engine comes from.
type origin int

const (
	elsewhere origin = iota // the value is not from the file, but from another one, or an environment of Pulumi ESC
	asWritten               // it is in the file, in plain text
	changed                 // it is in the file, in plain text, and was passed on in another form
	encrypted               // it is encrypted in the file
)

// originOf compares a value with the file's.
func originOf(value any, node *yaml.Node) origin {
	switch {
	case value == nil:
		return asWritten
	case node == nil:
		return elsewhere
	case isEncrypted(node):
		return encrypted
	case node.Kind != yaml.ScalarNode:
		return elsewhere
	}
	text := fmt.Sprint(value)
	switch {
	case node.Value == text:
		return asWritten
	case node.ShortTag() == "!!str":
		return elsewhere
	case handedOver(node) == text || sameNumber(handedOver(node), text):
		return changed
	}
	return elsewhere
}

func sameNumber(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	if err != nil {
		return false
	}
	y, err := strconv.ParseFloat(b, 64)
	return err == nil && x == y
}

// isEncrypted reports whether a node is an encrypted value to Pulumi.
func isEncrypted(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return false
	}
	_, ciphertext := memberOf(node, "secure")
	return ciphertext != nil && ciphertext.Kind == yaml.ScalarNode
}
