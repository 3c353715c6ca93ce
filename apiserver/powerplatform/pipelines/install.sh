set -euo pipefail
: "${PACONN_HOME:=$HOME/paconn-0.0.21}"
if [ ! -x "$PACONN_HOME/bin/paconn" ]; then
  python3 -m venv "$PACONN_HOME"
  "$PACONN_HOME/bin/pip" install --quiet --disable-pip-version-check paconn==0.0.21 "setuptools<81"
fi
