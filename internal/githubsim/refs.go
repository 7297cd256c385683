package githubsim

import (
	"net/http"
	"net/url"
	"strings"
)

func (c *call) listBranches() (reply, error) {
	refs := c.repo.refs("refs/heads/")
	names := sortedKeys(refs)
	items := []object{}
	for _, full := range names {
		name := strings.TrimPrefix(full, "refs/heads/")
		protected := c.repo.isProtected(name)
		if want := c.query("protected"); want != "" && (want == "true") != protected {
			continue
		}
		items = append(items, object{
			"name": name, "protected": protected, "commit": object{"sha": refs[full], "url": c.repo.api("/commits/" + refs[full])},
			"protection_url": c.repo.api("/branches/" + url.PathEscape(name) + "/protection"),
		})
	}
	return c.list(items)
}

func (c *call) getBranch() (reply, error) {
	name := c.params["branch"]
	sha := c.repo.tip(name)
	if sha == "" {
		return reply{}, refuse(http.StatusNotFound, "Branch not found")
	}
	ci, _ := c.repo.commit(sha)
	api := c.repo.api("/branches/" + url.PathEscape(name))
	return ok(object{
		"name": name, "commit": c.repo.commitJSON(ci), "_links": object{"self": api, "html": c.repo.html("/tree/" + name)},
		"protected": c.repo.isProtected(name), "protection": c.repo.protectionSummary(name), "protection_url": api + "/protection",
	})
}

func (r *Repo) refJSON(name, sha string) object {
	typ := strings.TrimSpace(r.mustGit("cat-file", "-t", sha))
	return object{
		"ref": name, "node_id": nodeID("Ref:"+name, r.id), "url": r.api("/git/" + name),
		"object": object{"type": typ, "sha": sha, "url": r.api("/git/" + typ + "s/" + sha)},
	}
}

func (c *call) getRef() (reply, error) {
	name := "refs/" + c.params["ref"]
	sha, found := c.repo.refs(name)[name]
	if !found {
		return reply{}, notFound()
	}
	return ok(c.repo.refJSON(name, sha))
}

func (c *call) matchingRefs() (reply, error) {
	refs := c.repo.refs("refs/")
	items := []object{}
	for _, name := range sortedKeys(refs) {
		if strings.HasPrefix(name, "refs/"+c.params["ref"]) {
			items = append(items, c.repo.refJSON(name, refs[name]))
		}
	}
	return c.list(items)
}

func (c *call) gitCommit() (reply, error) {
	ci, found := commitInfo{}, false
	if isSHA(c.params["sha"]) {
		ci, found = c.repo.commit(c.params["sha"])
	}
	if !found {
		return reply{}, notFound()
	}
	full := c.repo.commitJSON(ci)
	inner := full["commit"].(object)
	delete(inner, "comment_count")
	inner["sha"], inner["node_id"], inner["html_url"], inner["parents"] = ci.sha, full["node_id"], full["html_url"], full["parents"]
	return ok(inner)
}
