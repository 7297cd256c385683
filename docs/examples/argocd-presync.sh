#!/bin/sh
# What the Job of an Argo CD PreSync hook runs: the sync goes on only if the commit landed with a passing decision and the
# overlay makes the very objects that it attests. The Job gets the repository at REVISION as a volume in SOURCE, and the
# revision as an argument of the Application ($ARGOCD_APP_REVISION in a plugin).
#
#   metadata:
#     annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: BeforeHookCreation}
set -eu
: "${REVISION:?}" "${REPOSITORY:?OWNER/NAME}" "${SOURCE:?}" "${OVERLAY:?}" "${GATEHOUSE_URL:?}" "${GATEHOUSE_KEY:?}"

rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT
kustomize build "$SOURCE/$OVERLAY" > "$rendered/all.yaml"
gatehouse verify "$REVISION" --key "$GATEHOUSE_KEY" --server "$GATEHOUSE_URL" --repository "$REPOSITORY" --branch main \
  --manifests "$rendered"
