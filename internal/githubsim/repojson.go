package githubsim

import "strings"

// repoLinks are the addresses of a repository: field to path under its API address.
var repoLinks = map[string]string{
	"forks_url": "/forks", "keys_url": "/keys{/key_id}", "collaborators_url": "/collaborators{/collaborator}", "teams_url": "/teams",
	"hooks_url": "/hooks", "issue_events_url": "/issues/events{/number}", "events_url": "/events", "assignees_url": "/assignees{/user}",
	"branches_url": "/branches{/branch}", "tags_url": "/tags", "blobs_url": "/git/blobs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"git_refs_url": "/git/refs{/sha}", "trees_url": "/git/trees{/sha}", "statuses_url": "/statuses/{sha}", "languages_url": "/languages",
	"stargazers_url": "/stargazers", "contributors_url": "/contributors", "subscribers_url": "/subscribers",
	"subscription_url": "/subscription", "commits_url": "/commits{/sha}", "git_commits_url": "/git/commits{/sha}",
	"comments_url": "/comments{/number}", "issue_comment_url": "/issues/comments{/number}", "contents_url": "/contents/{+path}",
	"compare_url": "/compare/{base}...{head}", "merges_url": "/merges", "archive_url": "/{archive_format}{/ref}",
	"downloads_url": "/downloads", "issues_url": "/issues{/number}", "pulls_url": "/pulls{/number}",
	"milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"labels_url": "/labels{/name}", "releases_url": "/releases{/id}", "deployments_url": "/deployments",
}

func (r *Repo) json() object {
	open := 0
	for _, i := range r.issues {
		if i.state == "open" {
			open++
		}
	}
	visibility := "public"
	if r.private {
		visibility = "private"
	}
	out := object{
		"id": r.id, "node_id": nodeID("Repository", r.id), "name": r.name, "full_name": r.fullName(), "private": r.private,
		"owner": r.owner.json(), "html_url": r.html(""), "description": nil, "fork": r.parent != nil, "url": r.api(""),
		"created_at": stamp(r.made), "updated_at": stamp(r.made), "pushed_at": stamp(r.pushed),
		"git_url": "git://" + strings.TrimPrefix(r.html(".git"), "http://"), "ssh_url": "git@github.invalid:" + r.fullName() + ".git",
		"clone_url": r.CloneURL(), "svn_url": r.html(""), "homepage": nil, "size": 0, "stargazers_count": 0, "watchers_count": 0,
		"language": nil, "has_issues": true, "has_projects": true, "has_downloads": true, "has_wiki": true, "has_pages": false,
		"has_discussions": false, "forks_count": 0, "mirror_url": nil, "archived": false, "disabled": false,
		"open_issues_count": open, "license": nil, "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
		"topics": []string{}, "visibility": visibility, "forks": 0, "open_issues": open, "watchers": 0,
		"default_branch": r.defaultBranch, "custom_properties": object{},
	}
	for field, path := range repoLinks {
		out[field] = r.api(path)
	}
	return out
}

// pushJSON is the repository as push payloads have it: with times as numbers.
func (r *Repo) pushJSON() object {
	out := r.json()
	out["created_at"], out["pushed_at"], out["master_branch"] = r.made.Unix(), r.pushed.Unix(), r.defaultBranch
	owner := r.owner.json()
	owner["name"], owner["email"] = r.owner.login, r.owner.email
	out["owner"] = owner
	return out
}

// settingsJSON is the repository inside a pull request's head and base, and in GET.
func (r *Repo) settingsJSON() object {
	out := r.json()
	out["allow_merge_commit"], out["allow_squash_merge"] = !r.noMerge["merge"], !r.noMerge["squash"]
	out["allow_rebase_merge"], out["allow_auto_merge"] = !r.noMerge["rebase"], false
	out["delete_branch_on_merge"], out["allow_update_branch"] = false, false
	out["use_squash_pr_title_as_default"] = false
	out["squash_merge_commit_message"], out["squash_merge_commit_title"] = "COMMIT_MESSAGES", "COMMIT_OR_PR_TITLE"
	out["merge_commit_message"], out["merge_commit_title"] = "PR_TITLE", "MERGE_MESSAGE"
	return out
}
