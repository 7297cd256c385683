#!/bin/sh
# The apply step of a GitHub Actions job: applies the saved plan `tfplan` only if it is the plan that was judged with a commit
# that landed with a passing decision. What is checked is made from the very file that is applied.
#
#   - run: docs/examples/github-actions-apply.sh
#     working-directory: infra/prod
#     env:
#       GATEHOUSE_URL: https://gatehouse.example.com
#       GATEHOUSE_KEY: ${{ vars.GATEHOUSE_KEY }}        # what `gatehouse audit key` prints
#       GATEHOUSE_TOKEN: ${{ secrets.GATEHOUSE_TOKEN }} # may read the repository
set -eu
: "${GITHUB_SHA:?}" "${GITHUB_REPOSITORY:?}" "${GATEHOUSE_URL:?}" "${GATEHOUSE_KEY:?}"

judged=$(mktemp)
trap 'rm -f "$judged"' EXIT
terraform show -json tfplan > "$judged"
gatehouse verify "$GITHUB_SHA" --key "$GATEHOUSE_KEY" --server "$GATEHOUSE_URL" \
  --repository "$GITHUB_REPOSITORY" --branch "${GITHUB_REF_NAME:-main}" --plan "$judged"
terraform apply -input=false tfplan
