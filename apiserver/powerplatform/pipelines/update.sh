set -euo pipefail
: "${PACONN_HOME:=$HOME/paconn-0.0.21}"
cd connector
"$PACONN_HOME/bin/paconn" update -s settings.json
