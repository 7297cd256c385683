# METADATA
# title: What pipelines run
# description: >-
#   Recognises, in the commands of a pipeline, those that change production, and the conditions that keep them to protected
#   branches.
package gatehouse.lib.pipelines

# METADATA
# description: >-
#   The commands in a shell script that apply or deploy something, "terraform apply" for example. Dry runs, comments and mere
#   mentions in echo are none.
deployments(text) := {command |
	is_string(text)
	regex.match(_any, text)
	some line in _lines(text)
	some [command, pattern] in _commands
	regex.match(pattern, line)
	not _harmless(line)
}

# METADATA
# description: True when a script builds the name or the subcommand of such a program from a variable.
obscured(text) if {
	some line in _lines(text)
	regex.match(`(?i)(^|[\s;&|(])(terraform|tofu|terragrunt|kubectl|helm|pulumi|cdk)\s+["']?\$`, line)
}

_lines(text) := [line |
	joined := regex.replace(text, `\\\r?\n`, " ")
	some raw in split(joined, "\n")
	line := trim_space(raw)
	not startswith(line, "#")
]

_start := `(?i)(^|[\s;&|("'@/])`

_commands := [
	["terraform apply", concat("", [_start, `(terraform|tofu|terragrunt)(\s+-[^\s]+)*\s+(run-all\s+|run\s+(--?all\s+)?(--\s+)?)?apply(-all)?\b`])],
	["terraform destroy", concat("", [_start, `(terraform|tofu|terragrunt)(\s+-[^\s]+)*\s+(run-all\s+|run\s+(--?all\s+)?(--\s+)?)?destroy(-all)?\b`])],
	["kubectl apply", concat("", [_start, `(kubectl|oc)(\s+-[^\s]+(\s+[^\s-][^\s]*)?)*\s+(apply|create|delete|replace|patch|scale|edit|set|rollout\s+(restart|undo)|drain)\b`])],
	["helm upgrade", concat("", [_start, `(helm|helmfile)(\s+-[^\s]+(\s+[^\s-][^\s]*)?)*\s+(upgrade|install|uninstall|rollback|apply|sync|destroy)\b`])],
	["argocd app sync", concat("", [_start, `argocd\s+app\s+(sync|create|set|delete|rollback)\b`])],
	["pulumi up", concat("", [_start, `pulumi(\s+-[^\s]+)*\s+(up|update|destroy)\b`])],
	["cdk deploy", concat("", [_start, `(cdk|cdktf)(\s+-[^\s]+)*\s+(deploy|destroy)\b`])],
	["serverless deploy", concat("", [_start, `(serverless|sls|sam|copilot)\s+(deploy|delete)\b`])],
	["aws cloudformation deploy", concat("", [_start, `aws\s+cloudformation\s+(deploy|create-stack|update-stack|delete-stack|execute-change-set)\b`])],
	["aws ecs update-service", concat("", [_start, `aws\s+(ecs\s+update-service|lambda\s+update-function-code|s3\s+(sync|rm))\b`])],
	["gcloud deploy", concat("", [_start, `gcloud\s+(beta\s+|alpha\s+)?(app|run|functions|builds|deploy|deployment-manager)\s+([a-z-]+\s+)?(deploy|create|update|delete)\b`])],
	["az deployment create", concat("", [_start, `az\s+(deployment\s+([a-z]+\s+)?create|webapp\s+(deploy|up)|functionapp\s+deploy[a-z-]*|stack\s+[a-z]+\s+create)\b`])],
	["ansible-playbook", concat("", [_start, `ansible-playbook\b`])],
	["skaffold run", concat("", [_start, `(skaffold\s+(run|deploy|apply)|kapp\s+deploy|kluctl\s+deploy|nomad\s+job\s+run|flyctl\s+deploy|fly\s+deploy)\b`])],
]

# One question for a whole script before the questions for each line.
_any := `(?i)(terraform|tofu|terragrunt|kubectl|\boc\b|helm|argocd|pulumi|cdk|serverless|\bsls\b|\bsam\b|copilot|\baws\b|gcloud|\baz\b|ansible-playbook|skaffold|kapp|kluctl|nomad|fly)`

_harmless(line) if regex.match(`(?i)--dry-run(=(client|server|true)|\s|$)|--dryrun\b|--check(\s|$)|--syntax-check|--list-(hosts|tasks)|\s--?help\b`, line)

_harmless(line) if regex.match(`(?i)^(echo|printf|#|//)\s[^;&|$\x60]*$`, line)

_harmless(line) if regex.match(`(?i)^(which|command -v|type)\s`, line)

# METADATA
# description: The commands of an action that deploys, by the name it is used under (owner/name, without the version).
action_deploys(name) if regex.match(`(?i)^(azure/(webapps-deploy|k8s-deploy|arm-deploy|functions-action)|aws-actions/(aws-cloudformation-github-deploy|amazon-ecs-deploy-task-definition)|google-github-actions/(deploy-[a-z-]+)|dflook/(terraform|tofu)-(apply|destroy)|helmfile/helmfile-action|pulumi/actions)$`, name)
