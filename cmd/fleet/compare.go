package main

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// steps are names of environments in the order in which a version passes through them. The first word of a stack's name
// decides: prod-eu is a prod.
var steps = [][]string{
	{"sandbox"},
	{"dev", "development"},
	{"test", "testing", "qa", "int"},
	{"staging", "stage", "uat", "preprod", "preview"},
	{"prod", "production", "live"},
}

// step is the place of a stack in that order, and whether it has one. Those without one come last, except the local stack.
func step(name string) (int, bool) {
	first, _, _ := strings.Cut(strings.ToLower(name), "-")
	if first == "local" {
		return -1, false // it comes first, and nothing is promoted from it: its image has only a tag
	}
	for i, names := range steps {
		if slices.Contains(names, first) {
			return i, true
		}
	}
	return len(steps), false
}

// inOrder sorts the names of stacks by step, and by name within one.
func inOrder(names []string) []string {
	return slices.SortedFunc(slices.Values(names), func(a, b string) int {
		stepA, _ := step(a)
		stepB, _ := step(b)
		return cmp.Or(cmp.Compare(stepA, stepB), cmp.Compare(a, b))
	})
}

// differences returns, for each service with another digest than in an earlier environment, the nearest such environment. With dev,
// prod-eu and prod-us it is dev for both prods if only dev has a new version, and prod-eu for prod-us once prod-eu has it too. An
// environment with the first one's digests is not behind. Neither is one outside the order, such as a pull request's, which is there to
// run another image.
func differences(environments []environment, i int) map[string]string {
	found := map[string]string{}
	if !environments[i].staged {
		return found
	}
	for _, s := range environments[i].services {
		var differing string
		for _, earlier := range environments[:i] {
			digest := earlier.digestOf(s.name)
			if !earlier.staged || digest == "" || s.image.Digest == "" {
				continue
			}
			if digest != s.image.Digest {
				differing = earlier.name
			} else if differing == "" {
				break
			}
		}
		if differing != "" {
			found[s.name] = differing
		}
	}
	return found
}

func (e environment) digestOf(service string) string {
	for _, s := range e.services {
		if s.name == service {
			return s.image.Digest
		}
	}
	return ""
}

// promotion is a command that would give an environment what an earlier one runs.
type promotion struct {
	Source   string
	Services string // a, b and c
	Command  string
}

// promotions returns the commands for an environment's differences, one for each source. A source whose last update failed, or that is
// being updated, has nothing to promote. An environment that is being updated gets no command.
func promotions(environments []environment, i int) []promotion {
	if environments[i].run != nil {
		return nil
	}
	var found []promotion
	differing := differences(environments, i)
	for _, source := range environments[:i] {
		if source.run != nil || source.last == nil || !source.last.Succeeded() {
			continue
		}
		var services []string
		for _, s := range environments[i].services {
			if differing[s.name] == source.name {
				services = append(services, s.name)
			}
		}
		if len(services) > 0 {
			found = append(found, promotion{source.name, list(services), promote(source.name, environments[i].name, services)})
		}
	}
	return found
}

// promote is the command line of cmd/promote, for a shell.
func promote(source, target string, services []string) string {
	words := append([]string{"go", "run", "./cmd/promote", source, target}, services...)
	for i, word := range words {
		words[i] = quote(word)
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./-]+$`)

func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
