// Package ids makes up identifiers in the forms that AWS and its provider have.
package ids

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"
)

// New returns an identifier of EC2's form: a prefix and 17 hexadecimal digits.
func New(prefix string) string { return prefix + "-0" + Hex(16) }

// Hex returns n random hexadecimal digits.
func Hex(n int) string {
	b := make([]byte, (n+1)/2)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	return hex.EncodeToString(b)[:n]
}

// UUID returns a random identifier of 32 hexadecimal digits in five groups.
func UUID() string {
	h := Hex(32)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// SuffixLength is how long a [Suffix] is.
const SuffixLength = 26

// Suffix is how the provider makes a name of a prefix: a time of 18 digits and 8 hexadecimal ones.
// terraform-plugin-sdk, helper/id
func Suffix() string {
	return strings.ReplaceAll(time.Now().UTC().Format("20060102150405.0000"), ".", "") + Hex(8)
}

// Random returns n random characters of those that IAM's unique identifiers have.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
func Random(n int) string {
	return rand.Text()[:n]
}
