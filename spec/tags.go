package spec

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tags are put on every AWS resource that can have tags.
type Tags map[string]string

// Bounds of tags ("Tag naming limits and requirements" in the guide to tagging AWS resources).
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagTextPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// Problems reports what AWS would refuse, and keys that belong to the caller: the code that tags resources sets them.
func (t Tags) Problems(own ...string) Problems {
	var found Problems
	if most := maxTags - len(own); len(t) > most {
		found.Add(fmt.Errorf("there are %d tags; at most %d leave room for %s", len(t), most, strings.Join(own, ", ")))
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		found.Add(t.check(key, own), key)
	}
	return found
}

func (t Tags) check(key string, own []string) error {
	set := slices.IndexFunc(own, func(own string) bool { return strings.EqualFold(own, key) })
	twin := t.twin(key)
	switch value := t[key]; {
	case set >= 0:
		return fmt.Errorf("is set by the program as %s, and IAM ignores the case of keys; choose another key", own[set])
	case twin != "":
		return fmt.Errorf("is the same key as %s to IAM, which ignores the case of keys; choose another", twin)
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return errors.New("keys that begin with aws: are reserved by AWS")
	default:
		return checkTag(key, value)
	}
}

// checkTag reports a tag that nothing on AWS has.
func checkTag(key, value string) error {
	switch {
	case key == "" || utf8.RuneCountInString(key) > maxTagKey || !tagTextPattern.MatchString(key):
		return fmt.Errorf("a tag's key is 1 to %d letters, digits, spaces and _ . : / = + - @", maxTagKey)
	case utf8.RuneCountInString(value) > maxTagValue || !tagTextPattern.MatchString(value):
		return fmt.Errorf("a tag's value is at most %d letters, digits, spaces and _ . : / = + - @", maxTagValue)
	}
	return nil
}

// twin returns an earlier key that differs from a tag's key only in case, or "". Most of AWS tells such keys apart; IAM refuses both
// together ("Tag naming conventions in IAM and AWS STS" in the IAM user guide).
func (t Tags) twin(key string) string {
	for _, other := range slices.Sorted(maps.Keys(t)) {
		if other < key && strings.EqualFold(other, key) {
			return other
		}
	}
	return ""
}
