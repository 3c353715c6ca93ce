"""Django settings. All of them come from the environment (or NAME_FILE), read once; bad ones stop the start-up."""

from __future__ import annotations

import os
from pathlib import Path

from apiserver.environment import data_dir, database_url, encryption_keys, env, env_bool, env_list, secret_key, take_secrets
from connections import vault

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = data_dir()
SECRETS = take_secrets()
SECRET_KEY = secret_key(DATA_DIR, SECRETS)
vault.configure(encryption_keys(DATA_DIR, SECRETS), reload=lambda: encryption_keys(DATA_DIR, SECRETS))
# What file connections may read.
ALLOWED_FOLDERS = tuple(Path(item) for item in env("APISERVER_ALLOWED_FOLDERS").split(os.pathsep) if item) or (DATA_DIR / "files",)
DBT = env("APISERVER_DBT")  # the command of dbt; empty: the one beside this Python, or of the path
# Whether administrators may install drivers of connectors; None = settings.cfg says.
INSTALL_CONNECTORS = env_bool("APISERVER_INSTALL_CONNECTORS") if env("APISERVER_INSTALL_CONNECTORS") else None
ADMIN_USER = env("APISERVER_ADMIN_USER")
ADMIN_PASSWORD = SECRETS.get("APISERVER_ADMIN_PASSWORD", "")
REDIS_URL = SECRETS.get("APISERVER_REDIS_URL", "")
DEBUG = False
ALLOWED_HOSTS = env_list("APISERVER_ALLOWED_HOSTS") or ["*"]
ROOT_URLCONF = "apiserver.urls"
WSGI_APPLICATION = "apiserver.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["users.backends.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "heroicons",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
    "apiserver.ui",
    "apiserver.server",
    "users",
    "users.oauth",
    "connections",
    "apiserver.resources",
    "apiserver.odata",
    "apiserver.jobs",
    "apiserver.triggers",
    "apiserver.powerplatform",
    "apiserver.console",
]

# Log first, then CORS, then address and host, so that refusals carry CORS headers and are logged. Sessions and the like belong to
# pages only: apiserver.server.pages_only keeps them off the API's path.
API_VIEW = "apiserver.odata.views.serve"
API_MIDDLEWARE = [
    "apiserver.server.middleware.RequestLogMiddleware",
    "apiserver.server.middleware.CorsMiddleware",
    "apiserver.server.middleware.SecurityHeadersMiddleware",
    "apiserver.server.middleware.AddressMiddleware",
    "apiserver.server.middleware.HostMiddleware",
    "users.middleware.UsageMiddleware",
]
MIDDLEWARE = [
    *API_MIDDLEWARE,
    "apiserver.server.pages_only.PublicPrefix",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apiserver.server.pages_only.Session",
    "apiserver.server.pages_only.Locale",
    "apiserver.server.pages_only.Csrf",
    "apiserver.server.pages_only.Authentication",
    "apiserver.server.pages_only.Messages",
    "apiserver.server.pages_only.Htmx",
    "apiserver.server.remote_calls.RemoteCallsMiddleware",
]

DATABASES = {"default": database_url(DATA_DIR, SECRETS)}

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apiserver.console.context.navigation",
            ],
        },
    },
]

# The management API: who asks is told by authtoken, never by cookie.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["users.rest.AuthtokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["users.rest.MayManage"],
    "DEFAULT_THROTTLE_CLASSES": ["users.rest.UserLimits"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apiserver.server.rest.refused",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "API Server management",
    "DESCRIPTION": "What the console does, for programs. Entries are those of the configuration file.",
    "VERSION": "1.0",
    "OAS_VERSION": "3.0.3",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENABLE_DJANGO_DEPLOY_CHECK": False,  # what it misses is added after it; a test reads the whole document
    "SCHEMA_PATH_PREFIX": "/manage/api",
    "POSTPROCESSING_HOOKS": ["apiserver.server.rest_schema.with_components"],
}

# Sign-in for other programs (users/oauth): the library's models are ours, so that its own tables and migrations are not made.
OAUTH2_PROVIDER_APPLICATION_MODEL = "oauth.Client"
OAUTH2_PROVIDER_GRANT_MODEL = "oauth.Code"
OAUTH2_PROVIDER_ACCESS_TOKEN_MODEL = "oauth.AccessToken"  # noqa: S105 - a model
OAUTH2_PROVIDER_REFRESH_TOKEN_MODEL = "oauth.RefreshToken"  # noqa: S105 - a model
OAUTH2_PROVIDER_ID_TOKEN_MODEL = "oauth.IdToken"  # noqa: S105 - a model
OAUTH2_PROVIDER_DEVICE_GRANT_MODEL = "oauth.DeviceGrant"
MIGRATION_MODULES = {"oauth2_provider": None}
OAUTH2_PROVIDER = {
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https"],
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
}

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語")]
LANGUAGE_COOKIE_NAME = "apiserver_language"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STORAGES = {"staticfiles": {"BACKEND": "apiserver.server.static.PrefixedStorage"}}
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise looks for it at start; files come from the rooms
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

LOGIN_URL = "console:sign_in"
SESSION_COOKIE_NAME = "apiserver_session"
CSRF_COOKIE_NAME = "apiserver_csrf"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env_bool("APISERVER_SECURE_COOKIES")
# Security headers, framing and CSRF are there, by middleware of our own that the framework's checks do not know.
SILENCED_SYSTEM_CHECKS = ["security.W001", "security.W002", "security.W003"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# Files go to disk as they come, and only those that somebody may upload; all others are passed over.
FILE_UPLOAD_HANDLERS = ["connections.upload_handler.UploadHandler"]
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # Add Table confirms a thousand tables, seven fields each

CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_TASK_IGNORE_RESULT = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "apiserver.server.masking.MaskingFormatter", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env("APISERVER_LOG_LEVEL") or "INFO"},
    # The last two write tokens at level DEBUG.
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.security": {"level": "ERROR"},
        "requests_oauthlib": {"level": "INFO"},
        "oauthlib": {"level": "INFO"},
    },
}
