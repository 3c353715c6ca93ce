set -euo pipefail
: "${PACONN_HOME:=$HOME/paconn-0.0.21}"
rm -rf connector
# The id as it stands in the address of the portal is percent-encoded.
connector_id="$("$PACONN_HOME/bin/python" -c 'import sys, urllib.parse; print(urllib.parse.unquote(sys.argv[1]))' "$PP_CONNECTOR_ID")"
"$PACONN_HOME/bin/paconn" download -e "$PP_ENVIRONMENT" -c "$connector_id" -d connector
