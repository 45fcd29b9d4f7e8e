package permissions

// GitHub's OpenID Connect provider, and who its tokens are for ("Configuring OpenID Connect in Amazon Web Services" in the
// GitHub documentation).
const (
	GitHub   = "token.actions.githubusercontent.com"
	Audience = "sts.amazonaws.com"
)

// TrustEnvironments returns the trust policy of a role for the jobs of a repository that name one of the environments; who may
// start such a job is for the environments' protection rules to say. Principals, ARNs of IAM roles or accounts, may assume the
// role besides: people who deploy by hand.
func TrustEnvironments(providerARN, repository string, environments, principals []string) Document {
	subjects := make([]string, len(environments))
	for i, environment := range environments {
		subjects[i] = subject(repository, "environment:"+environment)
	}
	document := Document{trustGitHub(providerARN, subjects)}
	if len(principals) > 0 {
		document = append(document, Statement{
			Sid: "People", Effect: allow, Principal: map[string][]string{"AWS": principals}, Action: []string{"sts:AssumeRole"},
		})
	}
	return document
}

// TrustPullRequests returns the trust policy of a role for the jobs that a repository's pull requests start, unless they name an
// environment, and for those that name one of these. GitHub gives a pull request from a fork no token.
func TrustPullRequests(providerARN, repository string, environments ...string) Document {
	subjects := []string{subject(repository, "pull_request")}
	for _, environment := range environments {
		subjects = append(subjects, subject(repository, "environment:"+environment))
	}
	return Document{trustGitHub(providerARN, subjects)}
}

// subject returns the subject of the repository's tokens in a context ("OpenID Connect reference" in the GitHub documentation).
func subject(repository, context string) string {
	return "repo:" + repository + ":" + context
}

// trustGitHub compares the whole subject. A pattern that lets a part of it vary lets in what a user can name: branches, for one.
func trustGitHub(providerARN string, subjects []string) Statement {
	return Statement{
		Sid:       "GitHub",
		Effect:    allow,
		Principal: map[string][]string{"Federated": {providerARN}},
		Action:    []string{"sts:AssumeRoleWithWebIdentity"},
		Condition: Condition{"StringEquals": {
			GitHub + ":aud": {Audience},
			GitHub + ":sub": subjects,
		}},
	}
}
