// Package front is the registry at Amazon ECR's own host names, as clients of container registries see it.
package front

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"slipway/localcloud/aws/ecr"
	"slipway/localcloud/cloud"
	"slipway/localcloud/registry"
)

// Front lets in who has a password of Amazon ECR, and may do what the request does.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
type Front struct {
	Store  *cloud.Store
	Logins *ecr.Logins
	Images *registry.Registry
}

// ServeHTTP implements [http.Handler].
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	user, password, _ := r.BasicAuth()
	caller, ok := f.Logins.Caller(password)
	if !ok || user != "AWS" {
		w.Header().Set("Www-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, host))
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "NOT_FOUND", "this is a registry of images, below /v2/")
		return
	case rest == "":
		w.WriteHeader(http.StatusOK)
		return
	}
	name, action := actionOf(r.Method, rest)
	key, ok := ecr.RepositoryKey(host + "/" + name)
	host, _, _ = strings.Cut(ecr.Canonical(host+"/"+name), "/")
	if !ok || action == "" {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "Amazon ECR has no such operation")
		return
	}
	var err error
	there := false
	f.Store.View(func(tx *cloud.Tx) {
		caller.Scope.Region = key.Scope.Region
		err = ecr.MayUse(tx, caller, key.Scope, key.ID, action)
		there = tx.Get(key) != nil
	})
	switch {
	case err != nil:
		refuse(w, http.StatusForbidden, "DENIED", err.Error())
	case !there && !f.pushed(host+"/"+name):
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", ecr.RepositoryNotFound(key.Scope.Account, name).Message)
	default:
		f.serve(w, r, host)
	}
}

// pushed reports whether a repository has images that were pushed to the local registry itself, where no repository need be made.
func (f *Front) pushed(repository string) bool {
	return slices.ContainsFunc(f.Images.Repositories(), func(r registry.Repository) bool { return r.Name == repository })
}

// serve passes a request on to the registry, where the host is part of a repository's name.
func (f *Front) serve(w http.ResponseWriter, r *http.Request, host string) {
	inner := r.Clone(r.Context())
	inner.URL.Path = "/v2/" + host + strings.TrimPrefix(r.URL.Path, "/v2")
	inner.URL.RawPath = ""
	f.Images.ServeHTTP(&renaming{w, host}, inner)
}

// renaming takes the host out of the places that the registry names.
type renaming struct {
	http.ResponseWriter
	host string
}

// WriteHeader implements [http.ResponseWriter].
func (r *renaming) WriteHeader(status int) {
	if at, ok := strings.CutPrefix(r.Header().Get("Location"), "/v2/"+r.host+"/"); ok {
		r.Header().Set("Location", "/v2/"+at)
	}
	r.ResponseWriter.WriteHeader(status)
}

// actionOf returns the repository of a request, and the action that it takes.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
func actionOf(method, path string) (repository, action string) {
	for _, o := range []struct {
		part    string
		actions map[string]string
	}{
		{"/blobs/uploads", map[string]string{
			http.MethodPost: "ecr:InitiateLayerUpload", http.MethodPatch: "ecr:UploadLayerPart", http.MethodPut: "ecr:CompleteLayerUpload",
			http.MethodGet: "ecr:UploadLayerPart",
		}},
		{"/blobs/", map[string]string{http.MethodHead: "ecr:BatchCheckLayerAvailability", http.MethodGet: "ecr:GetDownloadUrlForLayer"}},
		{"/manifests/", map[string]string{http.MethodPut: "ecr:PutImage", http.MethodGet: "ecr:BatchGetImage", http.MethodHead: "ecr:BatchGetImage"}},
		{"/tags/list", map[string]string{http.MethodGet: "ecr:ListImages"}},
	} {
		if i := strings.LastIndex(path, o.part); i > 0 {
			return path[:i], o.actions[method]
		}
	}
	return path, ""
}

// refuse answers with an error in the distribution API's form.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}}) // or the client is gone
}
