package permissions

// GitHub's OpenID Connect provider, and who its tokens are for ("Configuring OpenID Connect in Amazon Web Services" in the
// GitHub documentation).
const (
	GitHub   = "token.actions.githubusercontent.com"
	Audience = "sts.amazonaws.com"
)

// Main is the branch that is deployed, the way GitHub's tokens name it.
const Main = "refs/heads/main"

// TrustMain returns the trust policy of a role for the jobs of a repository that name one of the environments and run on the main
// branch. The environment's protection rules can also require main, but such a setting can be missing, not every plan of GitHub has it,
// and it is lost when an environment is deleted and made again. Principals, ARNs of IAM roles or accounts, may assume the role too:
// people who deploy by hand.
func TrustMain(providerARN, repository string, environments, principals []string) Document {
	document := Document{trustMain(providerARN, repository, environments)}
	if len(principals) > 0 {
		document = append(document, Statement{
			Sid: "People", Effect: allow, Principal: map[string][]string{"AWS": principals}, Action: []string{"sts:AssumeRole"},
		})
	}
	return document
}

// TrustEveryBranch returns the trust policy of a role for the jobs of a repository that name the environment, on any branch.
func TrustEveryBranch(providerARN, repository, environment string) Document {
	return Document{trustGitHub("GitHub", providerARN, map[string][]string{"sub": subjects(repository, []string{environment})})}
}

// TrustPullRequests returns the trust policy of a role for the jobs that a repository's pull requests start, unless they name an
// environment, and for those of the main branch that name one of these. GitHub gives a pull request from a fork no token.
func TrustPullRequests(providerARN, repository string, environments ...string) Document {
	document := Document{trustGitHub("PullRequests", providerARN, map[string][]string{"sub": {subject(repository, "pull_request")}})}
	if len(environments) > 0 {
		document = append(document, trustMain(providerARN, repository, environments))
	}
	return document
}

func trustMain(providerARN, repository string, environments []string) Statement {
	return trustGitHub("GitHub", providerARN, map[string][]string{"sub": subjects(repository, environments), "ref": {Main}})
}

// subjects returns the subjects of the tokens of a repository's jobs that name one of the environments.
func subjects(repository string, environments []string) []string {
	all := make([]string, len(environments))
	for i, environment := range environments {
		all[i] = subject(repository, "environment:"+environment)
	}
	return all
}

// subject returns the subject of the repository's tokens in a context ("OpenID Connect reference" in the GitHub documentation).
func subject(repository, context string) string {
	return "repo:" + repository + ":" + context
}

// trustGitHub compares whole claims. A pattern for a part of a claim would match names that users choose, such as branches.
//
// Of GitHub's claims STS compares aud, sub, actor, actor_id, enterprise_id, environment, job_workflow_ref, ref, repository,
// repository_id and workflow, and no others ("Available keys for AWS OIDC federation" in the IAM user guide; since January 2026). The
// repository, its ids if it has them, and the environment are in the subject. job_workflow_ref would tie a role to the names of the
// workflows' files, and keeps out nothing that the branch allows, because everything on main has been merged.
func trustGitHub(sid, providerARN string, claims map[string][]string) Statement {
	equal := map[string][]string{GitHub + ":aud": {Audience}}
	for claim, values := range claims {
		equal[GitHub+":"+claim] = values
	}
	return Statement{
		Sid:       sid,
		Effect:    allow,
		Principal: map[string][]string{"Federated": {providerARN}},
		Action:    []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: Condition{"StringEquals": equal},
	}
}
