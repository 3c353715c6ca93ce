set -euo pipefail
# Tells what deploying would change; a mistake in the file ends the pipeline here.
if [ -n "${API_HOME:-}" ]; then
  configuration="$(realpath "$API_CONFIGURATION")"
  (cd "$API_HOME" && .venv/bin/python manage.py diff "$configuration") || [ $? -eq 2 ]
else
  printf 'header = "x-cdata-authtoken: %s"' "$API_ADMIN_TOKEN" | curl --config - --silent --show-error --fail-with-body \
    --retry 5 --retry-connrefused --retry-delay 5 --header "Content-Type: application/yaml" \
    --data-binary @"$API_CONFIGURATION" "${API_URL%/}/manage/api/apply/?dry_run=true"
fi
mkdir -p drop
cp "$API_CONFIGURATION" drop/server.yaml
