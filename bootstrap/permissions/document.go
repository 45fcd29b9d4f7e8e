package permissions

import "encoding/json"

// Document is an IAM policy of any type ("IAM JSON policy elements reference" in the IAM user guide).
type Document []Statement

// Statement is one permission, or one refusal. Its lists are always lists: IAM takes a single string too.
type Statement struct {
	Sid       string `json:",omitempty"`
	Effect    string
	Principal map[string][]string `json:",omitempty"` // of trust and resource policies, by type
	Action    []string
	Resource  []string  `json:",omitempty"` // not in policies of a single resource
	Condition Condition `json:",omitempty"`
}

// Condition is the values that a statement wants, by operator and condition key.
type Condition map[string]map[string][]string

// The effects of a statement.
const (
	allow = "Allow"
	deny  = "Deny"
)

// JSON returns the document in IAM's form, without white space, which does not count towards a policy's size.
func (d Document) JSON() string {
	document, _ := json.Marshal(struct { // never fails for strings
		Version   string
		Statement []Statement
	}{"2012-10-17", d})
	return string(document)
}
