package githubsim

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// getContents answers a file (up to 1 MB in the answer; above that, content is empty as on GitHub) or a directory at a ref.
func (c *call) getContents() (reply, error) {
	path := strings.Trim(c.params["path"], "/")
	ref := c.query("ref")
	if ref == "" {
		ref = c.repo.defaultBranch
	}
	sha := c.repo.resolve(ref)
	if sha == "" {
		return reply{}, refuse(http.StatusNotFound, "No commit found for the ref %s", ref)
	}
	out, err := c.repo.git("ls-tree", "-z", "-l", sha, "--", ":(literal)"+path)
	if path == "" {
		out, err = "040000 tree "+sha+" -\t", nil
	}
	if err != nil || out == "" {
		return reply{}, notFound()
	}
	entry := strings.TrimSuffix(out, "\x00")
	if strings.HasPrefix(entry, "040000 ") {
		return c.directory(sha, path, ref)
	}
	file := c.entryJSON(entry, ref)
	blob := strings.Fields(entry)[2]
	text, err := runGit(c.repo.dir, nil, nil, "cat-file", "blob", blob)
	if err != nil {
		return reply{}, notFound()
	}
	if strings.Contains(c.r.Header.Get("Accept"), "raw") {
		return reply{status: http.StatusOK, raw: []byte(text), typ: "application/vnd.github.v3.raw; charset=utf-8"}, nil
	}
	file["content"], file["encoding"] = "", "none"
	if len(text) <= 1<<20 {
		file["content"], file["encoding"] = base64Lines(text), "base64"
	}
	return ok(file)
}

func (c *call) directory(sha, path, ref string) (reply, error) {
	tree := sha + ":" + path
	out, err := c.repo.git("ls-tree", "-z", "-l", tree)
	if err != nil {
		return reply{}, notFound()
	}
	items := []object{}
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		meta, name, found := strings.Cut(entry, "\t")
		if !found {
			continue
		}
		full := strings.TrimPrefix(path+"/"+name, "/")
		items = append(items, c.entryJSON(meta+"\t"+full, ref))
	}
	sort.SliceStable(items, func(i, j int) bool { return items[i]["path"].(string) < items[j]["path"].(string) })
	return ok(items[:min(len(items), 1000)])
}

// entryJSON reads a line of ls-tree -l.
func (c *call) entryJSON(entry, ref string) object {
	meta, path, _ := strings.Cut(entry, "\t")
	f := strings.Fields(meta)
	typ, kind := "file", "blob"
	switch {
	case f[1] == "tree":
		typ, kind = "dir", "tree"
	case f[1] == "commit":
		typ, kind = "submodule", "tree"
	case f[0] == "120000":
		typ = "symlink"
	}
	size := 0
	_, _ = fmt.Sscan(f[3], &size) // "-" for what has no size
	api := c.repo.api("/contents/" + path + "?ref=" + url.QueryEscape(ref))
	html, git := c.repo.html("/"+kind+"/"+ref+"/"+path), c.repo.api("/git/"+kind+"s/"+f[2])
	out := object{
		"type": typ, "size": size, "name": path[strings.LastIndex(path, "/")+1:], "path": path, "sha": f[2], "url": api,
		"html_url": html, "git_url": git, "download_url": nil, "_links": object{"self": api, "git": git, "html": html},
	}
	if kind == "blob" {
		out["download_url"] = c.repo.html("/raw/" + ref + "/" + path)
	}
	return out
}

func base64Lines(text string) string {
	enc := base64.StdEncoding.EncodeToString([]byte(text))
	var b strings.Builder
	for len(enc) > 0 {
		n := min(60, len(enc))
		b.WriteString(enc[:n] + "\n")
		enc = enc[n:]
	}
	return b.String()
}
