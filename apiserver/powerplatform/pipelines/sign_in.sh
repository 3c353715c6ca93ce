set -euo pipefail
: "${PACONN_HOME:=$HOME/paconn-0.0.21}"
# paconn itself asks for a code in a browser; a service account signs in by user name and password.
"$PACONN_HOME/bin/python" - <<'PYTHON'
import os

from adal import AuthenticationContext
from msrestazure.azure_active_directory import AADTokenCredentials
from paconn.authentication.tokenmanager import TokenManager
from paconn.common.util import get_config_dir
from paconn.settings.settingsbuilder import SettingsBuilder

given = [os.environ.get(name) or None for name in ("PP_CLIENT_ID", "PP_TENANT")]
settings = SettingsBuilder.get_authentication_settings(None, *given, None, None)
context = AuthenticationContext(settings.authority_url + settings.tenant, api_version=None)
user, password = os.environ["PP_USER"], os.environ["PP_PASSWORD"]
token = context.acquire_token_with_username_password(settings.resource, user, password, settings.client_id)
os.makedirs(get_config_dir(), mode=0o700, exist_ok=True)
TokenManager().write(AADTokenCredentials(token=token, client_id=settings.client_id).token)
print("Signed in as", user)
PYTHON
