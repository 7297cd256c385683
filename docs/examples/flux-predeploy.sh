#!/bin/sh
# Before Flux takes a commit over: moves the branch that its GitRepository follows (deploy) to the commit, if it landed on main
# with a passing decision. Flux then never sees a commit that did not. Run it in a clone, from a job after each merge.
#
#   spec: {url: https://github.com/acme/infra, ref: {branch: deploy}}
set -eu
: "${REPOSITORY:?OWNER/NAME}" "${GATEHOUSE_URL:?}" "${GATEHOUSE_KEY:?}"

git fetch --quiet origin main
commit=$(git rev-parse FETCH_HEAD)
gatehouse verify "$commit" --key "$GATEHOUSE_KEY" --server "$GATEHOUSE_URL" --repository "$REPOSITORY" --branch main
git push --quiet origin "$commit:refs/heads/deploy"
