set -euo pipefail
if [ -n "${API_HOME:-}" ]; then
  configuration="$(realpath drop/server.yaml)"
  (cd "$API_HOME" && .venv/bin/python manage.py apply "$configuration")
else
  printf 'header = "x-cdata-authtoken: %s"' "$API_ADMIN_TOKEN" | curl --config - --silent --show-error --fail-with-body \
    --retry 5 --retry-connrefused --retry-delay 5 --header "Content-Type: application/yaml" \
    --data-binary @drop/server.yaml "${API_URL%/}/manage/api/apply/" > applied.json || { cat applied.json >&2; exit 1; }
  # Authtokens that were made by applying are in the answer: they stay out of the log.
  python3 -c 'import json; found = json.load(open("applied.json")); print({name: found.get(name) for name in ("created", "updated", "deleted")})'
  rm applied.json
fi
