#!/bin/sh
# A stage of a Jenkins pipeline, before the one that deploys: it fails unless the commit that was checked out landed on main with
# a passing decision. The attestation is kept as an artefact of the build.
#
#   stage('Gate') { steps { sh 'docs/examples/jenkins-stage.sh' } }
set -eu
: "${GIT_COMMIT:?}" "${REPOSITORY:?OWNER/NAME}" "${GATEHOUSE_URL:?}" "${GATEHOUSE_KEY:?}"

set -- --fail --silent --show-error --output attestation.json
if [ -n "${GATEHOUSE_TOKEN:-}" ]; then
  printf 'Authorization: Bearer %s\n' "$GATEHOUSE_TOKEN" > .gatehouse-header # not on a command line, which others can read
  trap 'rm -f .gatehouse-header' EXIT
  set -- "$@" --header @.gatehouse-header
fi
curl "$@" "$GATEHOUSE_URL/api/v1/attestations/$GIT_COMMIT?repository=$REPOSITORY"
gatehouse verify "$GIT_COMMIT" --key "$GATEHOUSE_KEY" --attestation attestation.json --repository "$REPOSITORY" --branch main
