set -euo pipefail
: "${PACONN_HOME:=$HOME/paconn-0.0.21}"
printf 'header = "x-cdata-authtoken: %s"' "$API_TOKEN" | curl --config - --silent --show-error --fail-with-body \
  --retry 5 --retry-connrefused --retry-delay 15 --output new.json "${API_URL%/}/api.rsc/\$connector/apiDefinition.swagger.json"
mv new.json connector/apiDefinition.swagger.json
# The policy that reads next pages through the connection names its operations.
"$PACONN_HOME/bin/python" - <<'PYTHON'
import json

with open("connector/apiDefinition.swagger.json") as file:
    definition = json.load(file)
with open("connector/apiProperties.json") as file:
    properties = json.load(file)
operations = [item for path in definition["paths"].values() for item in path.values() if isinstance(item, dict)]
paged = sorted(item["operationId"] for item in operations if "x-ms-pageable" in item)
policies = properties["properties"].get("policyTemplateInstances", [])
names = [policy["parameters"] for policy in policies if policy["templateId"].lower() == "updatenextlink"]
for parameters in names:
    if "x-ms-apimTemplate-operationName" in parameters:
        parameters["x-ms-apimTemplate-operationName"] = paged
with open("connector/apiProperties.json", "w") as file:
    file.write(json.dumps(properties, indent=2))
print(len(operations), "operations,", len(paged), "with pages")
PYTHON
