package forge

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/gatehouse-dev/gatehouse/internal/gate"
)

// File reads one file of at most 1 MB at a branch, tag or commit; an empty ref is the default branch. It is for the few
// files of repositories that are not mirrored, such as an organisation's .github. The second result is false when there is
// no such file, repository or ref that the App can see.
func (r *Repo) File(ctx context.Context, path, ref string) ([]byte, bool, error) {
	for _, part := range strings.Split(path, "/") {
		if part == "" || part == "." || part == ".." {
			return nil, false, Unprocessable{Message: fmt.Sprintf("%q is not a path in a repository", path)}
		}
	}
	address := "/contents/" + (&url.URL{Path: path}).EscapedPath()
	if ref != "" {
		address += "?ref=" + url.QueryEscape(ref)
	}
	var out github.RepositoryContent
	c := call{what: fmt.Sprintf("%s of %s/%s", gate.Printable(path), r.owner, r.name), permission: "contents=read"}
	_, err := r.do(ctx, c, http.MethodGet, address, nil, &out)
	if _, ok := err.(NotFound); ok {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if out.GetType() != "file" || out.GetEncoding() == "none" {
		return nil, false, Unprocessable{What: c.what, Message: "it is not a file of at most 1 MB, but a " + gate.Printable(out.GetType())}
	}
	text, err := out.GetContent()
	if err != nil {
		return nil, false, Unprocessable{What: c.what, Message: "its content cannot be decoded"}
	}
	return []byte(text), true, nil
}

// Commit is the commit that a branch, tag or commit names now; "" when there is none. An empty ref is the default branch.
func (r *Repo) Commit(ctx context.Context, ref string) (string, error) {
	if ref == "" {
		ref = "HEAD"
	}
	var out struct {
		SHA string `json:"sha"`
	}
	c := call{what: "the commit " + gate.Printable(ref), permission: "contents=read"}
	_, err := r.do(ctx, c, http.MethodGet, "/commits/"+url.PathEscape(ref), nil, &out)
	switch err.(type) {
	case NotFound, Unprocessable:
		return "", nil
	}
	return out.SHA, err
}
