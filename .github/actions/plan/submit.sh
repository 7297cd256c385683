#!/usr/bin/env bash
# Hands a plan to the Gatehouse server, as `gatehouse plan submit` does, with nothing but bash and curl.
# Environment: GATEHOUSE_PUBLIC_URL, PLAN (a file), DIR, WORKSPACE, and what the runner gives a job with id-token: write.
set -euo pipefail

if [ -z "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] || [ -z "${ACTIONS_ID_TOKEN_REQUEST_TOKEN:-}" ]; then
  echo "::error::Gatehouse: the job has no OIDC token; give it the permission id-token: write" >&2
  exit 2
fi

encode() {
  local LC_ALL=C text=$1 i c
  for ((i = 0; i < ${#text}; i++)); do
    c=${text:i:1}
    case $c in
    [a-zA-Z0-9._~/-]) printf '%s' "$c" ;;
    *) printf '%%%02X' "'$c" ;;
    esac
  done
}

# Secrets stand in files that only this user can read, never on a command line, which every process of the machine can see.
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
retry=(--retry 6 --retry-max-time 300 --retry-connrefused)

echo "Authorization: Bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN" >"$work/ask"
token=$(curl --silent --show-error --fail "${retry[@]}" --header @"$work/ask" "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=gatehouse" |
  sed -n 's/.*"value" *: *"\([^"]*\)".*/\1/p')
if [ -z "$token" ]; then
  echo "::error::Gatehouse: GitHub gave no OIDC token" >&2
  exit 3
fi
echo "Authorization: Bearer $token" >"$work/send"

address="${GATEHOUSE_PUBLIC_URL%/}/api/v1/plans?dir=$(encode "$DIR")&workspace=$(encode "${WORKSPACE:-}")"
status=$(curl --silent --show-error "${retry[@]}" --request POST --header @"$work/send" --header "Content-Type: application/json" \
  --header "Expect: 100-continue" --upload-file "$PLAN" --output "$work/answer" --write-out '%{http_code}' "$address") || status=000
case $status in
201)
  echo "Gatehouse has the plan of $DIR."
  ;;
000 | 401 | 429 | 5??)
  echo "::error::Gatehouse did not take the plan of $DIR ($status): $(cat "$work/answer" 2>/dev/null)" >&2
  exit 3
  ;;
403)
  echo "::error::Gatehouse refuses the plan of $DIR: $(cat "$work/answer")" >&2
  exit 1
  ;;
*)
  echo "::error::Gatehouse cannot use the plan of $DIR ($status): $(cat "$work/answer")" >&2
  exit 2
  ;;
esac
