package api

import (
	"cmp"
	"encoding/base64"
	"slices"
)

// Page returns the part of a list after a token, and the next token, if more follows. False means that the token is not valid. A token
// is the key of the last element before, so an element that stays is neither repeated nor left out.
func Page[T any](all []T, key func(T) string, size int, token string) (some []T, next string, ok bool) {
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
