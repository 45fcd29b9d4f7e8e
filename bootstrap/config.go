package main

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"slipway/bootstrap/permissions"
	"slipway/internal/settings"
	"slipway/spec"
)

// config is the account's config, complete and checked. Pulumi.yaml describes its keys.
type config struct {
	repository      string   // on GitHub, "owner/name", in the form of its tokens' subjects
	environments    []string // whose jobs deploy to the account; never one of reservedEnvironments
	deployers       []string // ARNs of IAM principals that may assume the deploy role too
	images          []string // names of ECR repositories
	keepImages      int
	pullAccounts    []string // ids
	pullRequests    bool     // may have their own stacks in the account, and preview its others
	reachAll        bool     // pullRequestsReachAllEnvironments: the account has environments other than dev too
	oidcProviderARN string   // empty: made here

	// What the boundaries of services' roles let tasks do in addition, in all stacks but those of pull requests, and in those.
	boundaryAllow, pullRequestsBoundaryAllow []permissions.Statement

	stateBucket       bool                // made here
	sharedStateBucket string              // another account's bucket, used instead
	stateAccounts     map[string][]string // the stacks that other accounts may use in the bucket made here, by id; "pr-*" is all with that beginning
}

// Bounds of keepImages. After an image is gone, no rollback to it is possible, and no task of it can start.
const (
	minKeepImages     = 10
	defaultKeepImages = 100
	maxKeepImages     = 10_000
)

// readConfig reads the account's config as a whole. Its error lists everything that is wrong, by key.
func readConfig(source settings.Source) (*config, error) {
	var found settings.Problems
	root := source.Root(&found)
	c := &config{
		repository:      root.RequiredText("repository", "the GitHub repository whose jobs deploy, owner/name", checkRepository),
		environments:    root.Set("environments", checkEnvironment),
		deployers:       root.Set("deployers", checkPrincipal),
		images:          root.Set("images", checkImage),
		keepImages:      root.Integer("keepImages", defaultKeepImages, minKeepImages, maxKeepImages),
		pullAccounts:    root.Set("pullAccounts", checkAccount),
		pullRequests:    root.Boolean("pullRequests", false),
		reachAll:        root.Boolean(reachAllKey, false),
		oidcProviderARN: root.Text("oidcProviderArn", "", checkProvider),

		boundaryAllow:             readAllow(root, "boundaryAllow"),
		pullRequestsBoundaryAllow: readAllow(root, pullRequestsAllowKey),

		stateBucket:       root.Boolean("stateBucket", true),
		sharedStateBucket: root.Text("sharedStateBucket", "", checkBucket),
		stateAccounts:     readStateAccounts(root.Section("stateAccounts")),
	}
	if len(c.environments) == 0 && !found.Within(root.Path("environments")) {
		root.Missing("environments", "it is a list of the GitHub environments whose jobs deploy to this account")
	}
	if err := c.checkPullRequests(); err != nil {
		found.Add(root.Path("pullRequests"), "%w", err)
	}
	if len(c.images) == 0 && len(c.pullAccounts) > 0 {
		found.Add(root.Path("pullAccounts"), "there are accounts that may pull images, and no images")
	}
	if len(c.stateAccounts) > 0 && (!c.stateBucket || c.sharedStateBucket != "") {
		found.Add(root.Path("stateAccounts"), "there are accounts that may use the state's bucket, and none is made here")
	}
	if err := checkShares(c.stateAccounts); err != nil {
		found.Add(root.Path("stateAccounts"), "%w", err)
	}
	if len(c.pullRequestsBoundaryAllow) > 0 && !c.pullRequests {
		found.Add(root.Path(pullRequestsAllowKey), "is for an account with pullRequests")
	}
	root.Close()
	if err := found.Err(source.Stack); err != nil {
		return nil, err
	}
	return c, nil
}

// reachAllKey is the key that lets pull requests into an account with environments other than dev.
const reachAllKey = "pullRequestsReachAllEnvironments"

// checkPullRequests refuses pull requests in an account with an environment other than dev: AWS cannot separate all of one stack from
// all of another.
func (c *config) checkPullRequests() error {
	others := slices.DeleteFunc(slices.Clone(c.environments), func(e string) bool { return strings.EqualFold(e, sourceStack) })
	switch {
	case c.pullRequests && len(others) > 0 && !c.reachAll:
		return fmt.Errorf("the code of pull requests, which is not reviewed, would reach everything of %s, which is in this account too "+
			"(docs/security.md, \"What pull requests can get at\"): give %s an account without them, or set %s: true to let them",
			strings.Join(others, ", "), strings.Join(others, ", "), reachAllKey)
	case c.reachAll && (!c.pullRequests || len(others) == 0):
		return fmt.Errorf("%s is for an account with pullRequests and an environment other than %s", reachAllKey, sourceStack)
	}
	return nil
}

// pullRequestsAllowKey is the key with what tasks of pull requests' stacks may do.
const pullRequestsAllowKey = "pullRequestsBoundaryAllow"

// readAllow returns what a boundary lets tasks do.
func readAllow(root *settings.Object, key string) []permissions.Statement {
	var statements []permissions.Statement
	for _, o := range root.Sections(key) {
		statements = append(statements, permissions.AllowTasks(
			o.RequiredSet("actions", spec.ActionsMeaning, checkBoundaryAction), o.RequiredSet("resources", spec.ResourcesMeaning, spec.CheckResource),
		))
		o.Close()
	}
	return statements
}

// checkBoundaryAction refuses what would end the boundary: a role that may change roles or policies can give another role more than it
// has itself ("Permissions boundaries for IAM entities" in the IAM user guide).
func checkBoundaryAction(action string) error {
	if err := spec.CheckAction(action); err != nil {
		return err
	}
	if spec.OverlapsAction(action, "iam:*") {
		return errors.New("is an action of IAM, with which a task could give itself more than the boundary")
	}
	return nil
}

// readStateAccounts returns the stacks that accounts may use, by the account's id.
func readStateAccounts(o *settings.Object) map[string][]string {
	stacks := make(map[string][]string, o.Len())
	for _, account := range o.Members() {
		if err := checkAccount(account); err != nil {
			o.Problems.Add(o.Path(account), "%w", err)
		}
		stacks[account] = o.Set(account, checkStack)
		if len(stacks[account]) == 0 && !o.Problems.Within(o.Path(account)) {
			o.Problems.Add(o.Path(account), "is empty")
		}
	}
	return stacks
}

// The checks of single values.
var (
	// GitHub appends the ids of the owner and of the repository to their names in the tokens of newer repositories.
	repositoryPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$`)
	environmentPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
	stackPattern       = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*(-\*)?$`)                              // the stack names that the workflows accept
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
	if role, reserved := reservedEnvironments[strings.ToLower(s)]; reserved { // GitHub ignores case too
		return fmt.Errorf("is an environment without approvals: its jobs have the role %s, and must not have %s", role, deployName)
	}
	return nil
}

func checkStack(s string) error {
	if !stackPattern.MatchString(s) {
		return errors.New("a stack's name is letters, digits and hyphens here, the first a letter; a * comes last, after a hyphen: pr* would match prod too")
	}
	return nil
}

// checkShares refuses stacks of several accounts.
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

// overlap reports whether a stack can match both.
func overlap(a, b string) bool {
	beginningA, anyA := strings.CutSuffix(a, "*")
	beginningB, anyB := strings.CutSuffix(b, "*")
	return a == b || anyA && strings.HasPrefix(beginningB, beginningA) || anyB && strings.HasPrefix(beginningA, beginningB)
}

func checkPrincipal(s string) error {
	if !principalPattern.MatchString(s) {
		return errors.New("must be the ARN of an IAM role or user, or arn:aws:iam::123456789012:root for everyone whom an account allows to")
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
