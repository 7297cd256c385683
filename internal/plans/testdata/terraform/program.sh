#!/usr/bin/env bash
# Stands in for Terraform where there is none: takes the calls that the action makes, and no others, and shows the plan that Terraform 1.11.4
# made of main.tf, with greeting=hi.
set -euo pipefail
[ "$TF_IN_AUTOMATION $TF_INPUT" = "true 0" ] || { echo "the environment of automation is not set" >&2; exit 1; }
case "$1 ${2:-}" in
"init -lockfile=readonly") [ $# = 2 ] && grep -q terraform_data main.tf && touch .initialized ;;
"workspace select") [ $# = 3 ] && [ "$3" = blue ] && echo "$3" >.workspace ;;
"plan -out="*) [ -e .initialized ] && [ $# = 3 ] && [ "$3" = -var=greeting=hi ] && echo a plan >"${2#-out=}" ;;
"show -json") [ $# = 3 ] && grep -q "a plan" "$3" && cat "$RECORDED" ;;
*) false ;;
esac || { echo "Error: unexpected: $*" >&2; exit 1; }
