package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An encryption checks that a root key has encrypted values only where they stay secret. Anywhere else they would be in plain text in
// the state, in previews, and in the cloud.
type encryption struct {
	found *Problems
	file  *File
	kept  [][]string // paths of members whose values stay secret; "*" is any member
}

// newEncryption takes paths in the form "services.*.secrets".
func newEncryption(found *Problems, file *File, kept []string) encryption {
	e := encryption{found: found, file: file}
	for _, path := range kept {
		e.kept = append(e.kept, strings.Split(path, "."))
	}
	return e
}

// check checks the value of a root key if the engine says that it has secrets.
func (e encryption) check(namespace, name string, value any) {
	key, path := joinedKey(namespace, name), []string{name}
	node := e.file.value(namespace + name)
	switch {
	case !e.mayHold(name): // this needs no file
		if before := len(e.found.errs); node != nil && !isScalar(value) {
			if e.walk(path, key, value, node, true); len(e.found.errs) > before {
				return
			}
		}
		e.refuse(key)
	case e.file == nil || e.file.config == nil:
		if e.holdsOthers(path, value) {
			e.found.Add(key, "has encrypted values, and Pulumi does not say which; %s would, but %w. "+
				"Put it in the project's folder, or set %s to the file that --config-file names", e.fileName(), e.whyNoFile(), FileVariable)
		}
	default:
		e.walk(path, key, value, node, false)
	}
}

// walk checks a value and everything in it. With certain, it reports only what is certain.
func (e encryption) walk(path []string, key string, value any, node *yaml.Node, certain bool) {
	node = resolved(node)
	switch {
	case e.isKept(path):
		return
	case node != nil && isEncrypted(node):
		e.refuse(key)
		return
	case node == nil && !certain && e.holdsOthers(path, value):
		e.found.Add(key, "is not in %s, and Pulumi does not say whether it is encrypted elsewhere; put it there, or set %s to the file that --config-file names",
			e.fileName(), FileVariable)
		return
	}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			_, member := memberOf(node, name)
			e.walk(append(slices.Clone(path), name), joinedKey(key, name), value[name], member, certain)
		}
	case []any:
		for i, element := range value {
			index := fmt.Sprintf("[%d]", i)
			e.walk(append(slices.Clone(path), index), key+index, element, elementOf(node, i), certain)
		}
	default:
		if node != nil && !certain && originOf(value, node) == elsewhere {
			e.found.Add(key, "is another value in %s, and Pulumi does not say whether this one is encrypted elsewhere; put it there, or set %s to the file that --config-file names",
				e.fileName(), FileVariable)
		}
	}
}

func (e encryption) refuse(key string) {
	if len(e.kept) == 0 {
		e.found.Add(key, "is encrypted, and this key does not stay secret: it would be in plain text in the state and on AWS; set it without --secret")
		return
	}
	var kept []string
	for _, path := range e.kept {
		kept = append(kept, strings.ReplaceAll(strings.Join(path, "."), "*", "NAME"))
	}
	e.found.Add(key, "is encrypted, and would be in plain text in the state, in previews and on AWS: only what is in %s stays secret; "+
		"move it there, or set it without --secret", inWords(kept))
}

// inWords lists names in a sentence.
func inWords(names []string) string {
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return strings.Join(names, "")
}

// isKept reports whether everything at a path stays secret.
func (e encryption) isKept(path []string) bool {
	return slices.ContainsFunc(e.kept, func(kept []string) bool {
		if len(path) < len(kept) {
			return false
		}
		for i, member := range kept {
			if member != "*" && member != path[i] {
				return false
			}
		}
		return true
	})
}

// mayHold reports whether anything in a root key stays secret.
func (e encryption) mayHold(name string) bool {
	return slices.ContainsFunc(e.kept, func(kept []string) bool { return kept[0] == name })
}

// holdsOthers reports whether any value at or below the path does not stay secret.
func (e encryption) holdsOthers(path []string, value any) bool {
	if e.isKept(path) {
		return false
	}
	switch value := value.(type) {
	case nil:
		return false
	case map[string]any:
		for name, member := range value {
			if e.holdsOthers(append(slices.Clone(path), name), member) {
				return true
			}
		}
		return false
	case []any:
		return len(value) > 0
	}
	return true
}

func (e encryption) fileName() string {
	if e.file == nil {
		return "the stack's file"
	}
	return e.file.name
}

func (e encryption) whyNoFile() error {
	if e.file == nil {
		return fmt.Errorf("it was not read")
	}
	return e.file.reason
}

func isScalar(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}
