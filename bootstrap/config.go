package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// config is the account's config, complete and checked. Pulumi.yaml describes its keys.
type config struct {
	repository      string   // on GitHub, "owner/name", the way it is in the subjects of its tokens
	environments    []string // whose jobs deploy to the account; never one of reservedEnvironments
	deployers       []string // ARNs of IAM principals that may take the deploy role on too
	images          []string // names of ECR repositories
	keepImages      int
	pullAccounts    []string // ids
	pullRequests    bool     // may have stacks of their own in the account, and previews of its others
	oidcProviderARN string   // empty: made here

	stateBucket       bool                // made here
	sharedStateBucket string              // another account's, which is used then
	stateAccounts     map[string][]string // the stacks that others may use in the one made here, by id; "pr-*" is all that begin so
}

// configSource is where the config is read from: what the engine hands to the program.
type configSource struct {
	project, stack string
	values         map[string]string // by full key; lists and objects as JSON
}

// capture is a [pulumi.RunOption] that takes the config from what the engine hands over: a [pulumi.Context] does not list the
// keys, and an unknown key is a mistake that has to be reported.
func (s *configSource) capture(info *pulumi.RunInfo) {
	*s = configSource{project: info.Project, stack: info.Stack, values: info.Config}
}

// Bounds of keepImages. An image that is not there any more cannot be rolled back to, and no task of it can start.
const (
	minKeepImages     = 10
	defaultKeepImages = 100
	maxKeepImages     = 10_000
)

// readConfig reads the account's config as a whole. Its error lists everything that is wrong, by key.
func readConfig(source configSource) (*config, error) {
	r := reader{namespace: source.project + ":", values: source.values, known: make(map[string]bool)}
	c := &config{
		repository:      r.text("repository", checkRepository),
		environments:    r.list("environments", checkEnvironment),
		deployers:       r.list("deployers", checkPrincipal),
		images:          r.list("images", checkImage),
		keepImages:      r.integer("keepImages", defaultKeepImages, minKeepImages, maxKeepImages),
		pullAccounts:    r.list("pullAccounts", checkAccount),
		pullRequests:    r.boolean("pullRequests", false),
		oidcProviderARN: r.text("oidcProviderArn", checkProvider),

		stateBucket:       r.boolean("stateBucket", true),
		sharedStateBucket: r.text("sharedStateBucket", checkBucket),
		stateAccounts:     r.lists("stateAccounts", checkAccount, checkStack),
	}
	if !r.has("repository") {
		r.problem("repository", "is missing; it is the GitHub repository whose jobs deploy, owner/name")
	}
	if !r.has("environments") {
		r.problem("environments", "is missing; it is a list of the GitHub environments whose jobs deploy to this account")
	}
	if len(c.images) == 0 && len(c.pullAccounts) > 0 {
		r.problem("pullAccounts", "there are accounts that may pull images, and no images")
	}
	if len(c.stateAccounts) > 0 && (!c.stateBucket || c.sharedStateBucket != "") {
		r.problem("stateAccounts", "there are accounts that may use the state's bucket, and none is made here")
	}
	if err := checkShares(c.stateAccounts); err != nil {
		r.problem("stateAccounts", "%w", err)
	}
	r.reportUnknown()
	if len(r.problems) > 0 {
		slices.SortFunc(r.problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		return nil, fmt.Errorf("config of stack %s:\n%w", source.stack, errors.Join(r.problems...))
	}
	return c, nil
}

// The checks of single values.
var (
	// GitHub appends the ids of the owner and of the repository to their names in the tokens of newer repositories.
	repositoryPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$`)
	environmentPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	stackPattern       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*(-\*)?$`)                              // what the workflows take for a stack's name
	imagePattern       = regexp.MustCompile(`^([a-z0-9]+([._-][a-z0-9]+)*/)*[a-z0-9]+([._-][a-z0-9]+)*$`) // CreateRepository in ECR's API reference
	bucketPattern      = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)                         // "General purpose bucket naming rules" in the S3 user guide
	accountPattern     = regexp.MustCompile(`^[0-9]{12}$`)
	principalPattern   = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:(root|(role|user)/[A-Za-z0-9+=,.@_/-]+)$`)
	providerPattern    = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:oidc-provider/token\.actions\.githubusercontent\.com$`)
)

func checkRepository(s string) error {
	if !repositoryPattern.MatchString(s) || strings.Count(s, "@") == 1 {
		return errors.New("must be owner/name, or with both ids owner@123/name@456")
	}
	return nil
}

func checkEnvironment(s string) error {
	if !environmentPattern.MatchString(s) {
		return errors.New("an environment's name is letters, digits and any of . _ - here")
	}
	if role, reserved := reservedEnvironments[strings.ToLower(s)]; reserved { // GitHub heeds no case either
		return fmt.Errorf("is an environment for which nobody's approval is asked: its jobs have the role %s, and must not have %s", role, deployName)
	}
	return nil
}

func checkStack(s string) error {
	if !stackPattern.MatchString(s) {
		return errors.New("a stack's name is letters, digits and hyphens here, the first a letter; a * comes last, after a hyphen: pr* would be prod too")
	}
	return nil
}

// checkShares refuses stacks that are several accounts'.
func checkShares(stacks map[string][]string) error {
	owners := make(map[string]string) // accounts by stack
	for _, account := range slices.Sorted(maps.Keys(stacks)) {
		for _, stack := range stacks[account] {
			for _, other := range slices.Sorted(maps.Keys(owners)) {
				if owners[other] != account && overlap(stack, other) {
					return fmt.Errorf("%s of account %s and %s of account %s can be the same stack", other, owners[other], stack, account)
				}
			}
			owners[stack] = account
		}
	}
	return nil
}

// overlap reports whether there can be a stack that both are for.
func overlap(a, b string) bool {
	beginningA, anyA := strings.CutSuffix(a, "*")
	beginningB, anyB := strings.CutSuffix(b, "*")
	return a == b || anyA && strings.HasPrefix(beginningB, beginningA) || anyB && strings.HasPrefix(beginningA, beginningB)
}

func checkPrincipal(s string) error {
	if !principalPattern.MatchString(s) {
		return errors.New("must be the ARN of an IAM role or user, or arn:aws:iam::123456789012:root for whoever an account allows to")
	}
	return nil
}

func checkImage(s string) error {
	if len(s) < 2 || len(s) > 256 || !imagePattern.MatchString(s) {
		return errors.New("a repository's name is 2 to 256 lower-case letters and digits, separated by . _ - or /")
	}
	return nil
}

func checkBucket(s string) error {
	if !bucketPattern.MatchString(s) {
		return errors.New("a bucket's name is 3 to 63 lower-case letters, digits, dots and hyphens")
	}
	return nil
}

func checkAccount(s string) error {
	if !accountPattern.MatchString(s) {
		return errors.New("an account's id is 12 digits, in quotation marks")
	}
	return nil
}

func checkProvider(s string) error {
	if !providerPattern.MatchString(s) {
		return errors.New("must be the ARN of the account's provider for GitHub, arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com")
	}
	return nil
}

// reader reads the project's part of the config. A key that is absent or empty has its default.
type reader struct {
	namespace string
	values    map[string]string
	known     map[string]bool
	problems  []error
}

func (r *reader) problem(key, format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf("%s%s: %w", r.namespace, key, fmt.Errorf(format, args...)))
}

func (r *reader) has(key string) bool { return r.get(key) != "" }

func (r *reader) get(key string) string {
	r.known[key] = true
	value := r.values[r.namespace+key]
	if value == "[]" || value == "{}" {
		return ""
	}
	return value
}

func (r *reader) text(key string, check func(string) error) string {
	text := r.get(key)
	if text == "" {
		return ""
	}
	if err := check(text); err != nil {
		r.problem(key, "%q: %w", text, err)
		return ""
	}
	return text
}

func (r *reader) list(key string, check func(string) error) []string {
	text := r.get(key)
	if text == "" {
		return nil
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		r.problem(key, "%q: must be a list of strings", text)
		return nil
	}
	r.checkElements(key, list, check)
	return list
}

// lists reads an object of lists.
func (r *reader) lists(key string, checkName, checkElement func(string) error) map[string][]string {
	text := r.get(key)
	if text == "" {
		return nil
	}
	var lists map[string][]string
	if err := json.Unmarshal([]byte(text), &lists); err != nil {
		r.problem(key, "%q: must be an object of lists of strings", text)
		return nil
	}
	for name, list := range lists {
		if err := checkName(name); err != nil {
			r.problem(key, "%q: %w", name, err)
		}
		member := key + "." + name
		if len(list) == 0 {
			r.problem(member, "is empty")
		}
		r.checkElements(member, list, checkElement)
	}
	return lists
}

func (r *reader) checkElements(key string, list []string, check func(string) error) {
	for i, element := range list {
		switch err := check(element); {
		case err != nil:
			r.problem(fmt.Sprintf("%s[%d]", key, i), "%q: %w", element, err)
		case slices.Contains(list[:i], element):
			r.problem(fmt.Sprintf("%s[%d]", key, i), "%q: is listed more than once", element)
		}
	}
}

func (r *reader) integer(key string, otherwise, least, most int) int {
	text := r.get(key)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		r.problem(key, "%q: must be a whole number from %d to %d", text, least, most)
		return otherwise
	}
	return n
}

func (r *reader) boolean(key string, otherwise bool) bool {
	switch text := r.get(key); text {
	case "":
		return otherwise
	case "true", "false":
		return text == "true"
	default:
		r.problem(key, "%q: must be true or false", text)
		return otherwise
	}
}

// reportUnknown reports the keys that nothing has asked for. Other namespaces are the providers'.
func (r *reader) reportUnknown() {
	for full := range r.values {
		if key, own := strings.CutPrefix(full, r.namespace); own && !r.known[key] {
			r.problem(key, "unknown key; known here are %s", strings.Join(slices.Sorted(maps.Keys(r.known)), ", "))
		}
	}
}
