package api

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// pageOf returns the part of a list that follows a token, and the token of what follows that, if anything does. False means that
// the token is none. A token is the key of the last of what came before, so that nothing is told twice or left out that is there
// all the time.
func pageOf[T any](all []T, key func(T) string, size int, token string) (some []T, next string, ok bool) {
	last, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, "", false
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	begin, found := slices.BinarySearchFunc(all, string(last), func(e T, k string) int { return cmp.Compare(key(e), k) })
	if found {
		begin++
	}
	some = all[begin:min(begin+size, len(all))]
	if begin+size < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte(key(some[size-1])))
	}
	return some, next, true
}

// list returns a list parameter of the query protocol, Name.member.1 and so on.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
func (r *request) list(name string) []string {
	var out []string
	for i := 1; ; i++ {
		v, ok := r.form[name+".member."+strconv.Itoa(i)]
		if !ok {
			return out
		}
		out = append(out, v...)
	}
}

// parameter is the name of a parameter without what numbers its elements.
func parameter(name string) string {
	list, _, _ := strings.Cut(name, ".member.")
	return list
}
