"""Settings, each read from the environment; `manage.py check` says what is wrong and why.

The defaults run everything in one process on this machine (SQLite, local memory, Celery's in-memory
transport). `docs/settings.md` is generated from the table in `idp.common.conf`.
"""

from pathlib import Path

from csp.constants import NONE, SELF
from django.templatetags.static import static

from idp.common import conf
from idp.common.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = conf.directory(conf.path("SLIPWAY_STATE_DIR", BASE_DIR / ".slipway"))

DEBUG = conf.boolean("SLIPWAY_DEBUG", default=False)
EMBEDDED = conf.boolean("SLIPWAY_EMBEDDED", default=False)  # everything in one process (`make run`)
SECRET_KEY = conf.secret("SLIPWAY_SECRET_KEY", STATE_DIR / "secret.key")
# MultiFernet keys, newest first; the first encrypts, all decrypt.
ENCRYPTION_KEYS = conf.fernet_keys("SLIPWAY_ENCRYPTION_KEYS", STATE_DIR / "encryption.key")
ALLOWED_HOSTS = conf.words("SLIPWAY_ALLOWED_HOSTS", default="localhost 127.0.0.1 [::1] testserver")
BASE_URL = conf.text("SLIPWAY_BASE_URL", default="http://localhost:8000")
CSRF_TRUSTED_ORIGINS = conf.words("SLIPWAY_TRUSTED_ORIGINS", default=BASE_URL)
HTTPS = BASE_URL.startswith("https://")

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.guardian",
    "rbac.adminconfig.SlipwayAdminConfig",
    "rbac",  # before Django's: its createsuperuser is replaced
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "guardian",
    "csp",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_structlog",
    "idp",
    "idp.common",
    "idp.changes",
    "portal",
    "gitops",
    "schemas",
    "environments",
    "pipelines",
]

MIDDLEWARE = [
    "idp.common.middleware.RequestMarks",
    "django_structlog.middlewares.RequestMiddleware",
    "idp.common.problems.ApiProblemMiddleware",
    "idp.common.middleware.WithoutNul",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "rbac.middleware.DenialMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "idp.common.pages.PageErrorMiddleware",
]

ROOT_URLCONF = "idp.urls"
WSGI_APPLICATION = "idp.wsgi.application"
ASGI_APPLICATION = "idp.asgi.application"

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
                "portal.shell.context",
            ],
        },
    },
    {  # the rows of long tables
        "NAME": "jinja2",
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates" / "jinja2"],
        "OPTIONS": {"environment": "portal.jinja.environment"},
    },
]

DATABASES = {
    "default": conf.database(
        "SLIPWAY_DATABASE_URL",
        STATE_DIR / "slipway.sqlite3",
        # Off behind a pooler by transactions that knows no prepared statements.
        prepared=conf.boolean("SLIPWAY_DATABASE_PREPARED", default=True),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": conf.cache("SLIPWAY_REDIS_URL")}

AUTH_USER_MODEL = "rbac.User"
AUTHENTICATION_BACKENDS = ["rbac.backends.ScopedBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "rbac:sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
ANONYMOUS_USER_NAME = None
GUARDIAN_RAISE_403 = False
GUARDIAN_MONKEY_PATCH_USER = False  # rbac writes grants itself, and audits them
# guardian asks for its own backend by name; rbac.backends.ScopedBackend answers for its grants, and
# a second backend would know neither expiry nor tokens. rbac.E001 checks that ours is in place.
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]
# Triggers that keep audit records from being changed by hand (tests empty their tables: off there).
AUDIT_APPEND_ONLY = conf.boolean("SLIPWAY_AUDIT_APPEND_ONLY", default=True)
# Addresses and networks (10.0.0.0/8) of proxies, whose X-Forwarded-For is believed.
TRUSTED_PROXIES = conf.networks("SLIPWAY_TRUSTED_PROXIES", default="")
SESSION_ENGINE = "idp.common.sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "idp.common.pages.csrf_failure"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS and conf.boolean("SLIPWAY_SSL_REDIRECT", default=True)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "idp.common.uploads.BoundedUploads",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
    },
}
# Pages below /admin/ are drawn by Unfold: Alpine evaluates attributes, and styles stand inline.
ADMIN_CONTENT_SECURITY_POLICY = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = conf.directory(conf.path("SLIPWAY_STATIC_ROOT", STATE_DIR / "static"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": conf.static_storage(embedded=EMBEDDED or DEBUG)},
}
WHITENOISE_USE_FINDERS = EMBEDDED or DEBUG

_MAIL = conf.mail("SLIPWAY_EMAIL_URL")
EMAIL_BACKEND = _MAIL["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _MAIL["EMAIL_HOST"], _MAIL["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL["EMAIL_HOST_USER"], _MAIL["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL["EMAIL_USE_TLS"], _MAIL["EMAIL_USE_SSL"]
EMAIL_TIMEOUT = 10  # seconds; mail is sent while a person waits
DEFAULT_FROM_EMAIL = conf.text("SLIPWAY_EMAIL_FROM", default="slipway@localhost")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rbac.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["idp.common.bodies.BoundedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "idp.common.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "idp.common.problems.exception_handler",
    "PAGE_SIZE": 50,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Slipway",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "displayRequestDuration": True},
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ChangeState": "idp.changes.models.Change.State",
        "StepState": "idp.changes.models.ChangeStep.State",
        "EnvironmentState": "environments.models.Environment.State",
        "ObjectState": "gitops.models.ManagedObject.State",
        "MergeRequestState": "gitops.models.HostedMergeRequest.State",
        "Health": "gitops.models.Application.Health",
        "TierName": "rbac.models.Tier",
        "FindingLevel": "schemas.databases.api.serializers.LEVELS",
        "GateOutcome": "idp.changes.api.serializers.OUTCOMES",
        "DeclarationState": "schemas.databases.models.Declaration.State",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "idp.openapi.add_problems",
    ],
}

CELERY = conf.celery("SLIPWAY_REDIS_URL")
CELERY_APP = "idp.celery.app"
REDIS_URL = conf.text("SLIPWAY_REDIS_URL", default="")
METRICS_TOKEN = conf.credential("SLIPWAY_METRICS_TOKEN")
CHANGE_LEASE_SECONDS = conf.integer("SLIPWAY_CHANGE_LEASE_SECONDS", default=20, least=1)
CHANGE_APPLY_SECONDS = conf.integer("SLIPWAY_CHANGE_APPLY_SECONDS", default=1800, least=1)
CHANGE_OBSERVE_SECONDS = conf.integer("SLIPWAY_CHANGE_OBSERVE_SECONDS", default=600, least=1)
CHANGE_CONFIRM_SECONDS = conf.integer("SLIPWAY_CHANGE_CONFIRM_SECONDS", default=86400, least=1)
# The number in the body of a refused registration: 40901, or 409 as older registries have it.
SCHEMAS_INCOMPATIBLE_CODE = conf.integer("SLIPWAY_SCHEMAS_INCOMPATIBLE_CODE", default=40901)
# A PostgreSQL server, as an account that may create databases and roles, where declared SQL is
# loaded; it should serve nothing else.
SCHEMAS_SCRATCH_URL = conf.credential("SLIPWAY_SCHEMAS_SCRATCH_URL")
SCHEMAS_SCRATCH_EXTENSIONS = conf.words("SLIPWAY_SCHEMAS_SCRATCH_EXTENSIONS", default="")
# Where live databases may stand; empty: anywhere but on this machine and its link.
SCHEMAS_DATABASE_NETWORKS = conf.networks("SLIPWAY_SCHEMAS_DATABASE_NETWORKS", default="")
# Where registries may stand that schemas are imported from; empty: as above.
SCHEMAS_IMPORT_NETWORKS = conf.networks("SLIPWAY_SCHEMAS_IMPORT_NETWORKS", default="")
SCHEMAS_SNAPSHOT_SECONDS = conf.integer("SLIPWAY_SCHEMAS_SNAPSHOT_SECONDS", default=900, least=10)
# How often each web process writes which components called the registry; 0: nobody notes it.
SCHEMAS_TRAFFIC_SECONDS = conf.integer("SLIPWAY_SCHEMAS_TRAFFIC_SECONDS", default=30, least=0)
REPOSITORIES_DIR = conf.path("SLIPWAY_REPOSITORIES_DIR", STATE_DIR / "repositories")
# The Unix socket on which `pre-receive` asks Slipway; shorter than 100 bytes.
GIT_JUDGE_SOCKET = conf.path("SLIPWAY_GIT_JUDGE_SOCKET", STATE_DIR / "judge.sock")
# Days that pipelines are kept after their end where their project says nothing; 0: for ever.
CI_PIPELINE_DAYS = conf.integer("SLIPWAY_CI_PIPELINE_DAYS", default=90, least=0)
# Artifacts of pipelines by their content, caches of jobs, and where jobs run.
BLOBS_DIR = conf.path("SLIPWAY_BLOBS_DIR", STATE_DIR / "blobs")
# A bucket of S3 (and a prefix) for artifacts instead of the folder; keys are the process's own.
BLOBS_BUCKET = conf.text("SLIPWAY_BLOBS_BUCKET", default="")
# Where it is, unless it is AWS.
BLOBS_ENDPOINT = conf.text("SLIPWAY_BLOBS_ENDPOINT", default="")
CI_CACHES_DIR = conf.path("SLIPWAY_CI_CACHES_DIR", STATE_DIR / "ci-caches")
# Bytes of one cache and of all together, 0: no bound; those that nobody used for so long go.
CI_CACHE_SIZE = conf.integer("SLIPWAY_CI_CACHE_SIZE", default=2 * 1024**3, least=0)
CI_CACHES_SIZE = conf.integer("SLIPWAY_CI_CACHES_SIZE", default=20 * 1024**3, least=0)
CI_CACHE_DAYS = conf.integer("SLIPWAY_CI_CACHE_DAYS", default=30, least=0)
CI_SCRATCH_DIR = conf.path("SLIPWAY_CI_SCRATCH_DIR", STATE_DIR / "ci-scratch")
# Jobs that run at once as processes of this machine; 0: none.
CI_RUNNER_SLOTS = conf.integer("SLIPWAY_CI_RUNNER_SLOTS", default=4, least=0)
# The projects that are trusted to run processes there; * is all of them.
CI_RUNNER_PROJECTS = conf.words("SLIPWAY_CI_RUNNER_PROJECTS", default="*" if EMBEDDED else "")
# Whether jobs that ask for an image run in the machine's shell all the same; else they wait.
CI_RUNNER_IGNORES_IMAGES = conf.boolean("SLIPWAY_CI_RUNNER_IGNORES_IMAGES", default=False)
CI_RUNNER_TAGS = conf.words("SLIPWAY_CI_RUNNER_TAGS", default="")
# What one job may use there: bytes and processes; 0: no limit.
CI_JOB_MEMORY = conf.integer("SLIPWAY_CI_JOB_MEMORY", default=2 * 1024**3, least=0)
CI_JOB_DISK = conf.integer("SLIPWAY_CI_JOB_DISK", default=5 * 1024**3, least=0)
# The user that jobs run as there, where the machine's process is root; empty: its own.
CI_JOB_USER = conf.text("SLIPWAY_CI_JOB_USER", default="")
# none: jobs have no network there but 127.0.0.1; empty: the machine's.
CI_JOB_NETWORK = conf.text("SLIPWAY_CI_JOB_NETWORK", default="")
CI_JOB_PROCESSES = conf.integer("SLIPWAY_CI_JOB_PROCESSES", default=1000, least=0)
# Git hosts that projects may connect repositories at: names, or name:port.
GIT_HOSTS = conf.words(
    "SLIPWAY_GIT_HOSTS",
    default="github.com api.github.com gitlab.com" + (" localhost 127.0.0.1" if EMBEDDED else ""),
)
# Where those may stand; empty: anywhere but on this machine and its link.
GIT_NETWORKS = conf.networks("SLIPWAY_GIT_NETWORKS", default="")
GIT_POLL_SECONDS = conf.integer("SLIPWAY_GIT_POLL_SECONDS", default=300, least=10)
# Copies of repositories at git hosts, made anew where they are missing.
MIRRORS_DIR = conf.path("SLIPWAY_MIRRORS_DIR", STATE_DIR / "mirrors")
MIRROR_BYTES = conf.integer("SLIPWAY_MIRROR_BYTES", default=2 * 1024**3, least=1024)
GIT_HOST_KINDS = {
    "gitea": "gitops.hosts.gitea.Gitea",
    "github": "gitops.hosts.github.GitHub",
    "gitlab": "gitops.hosts.gitlab.GitLab",
}
# How long an agent's token lives; it asks for its next one when half of that is over.
CI_AGENT_TOKEN_DAYS = conf.integer("SLIPWAY_CI_AGENT_TOKEN_DAYS", default=30, least=1)
# How many agents may wait for work in one web process at once; the others ask again.
CI_AGENT_WAITING = conf.integer("SLIPWAY_CI_AGENT_WAITING", default=4, least=0)
# The largest artifact or cache that an agent may send, in bytes.
CI_AGENT_UPLOAD = conf.integer("SLIPWAY_CI_AGENT_UPLOAD", default=1024**3, least=1024)
# Slipway's address as agents in pods reach it; empty: the same as for people.
CI_AGENT_URL = conf.text("SLIPWAY_CI_AGENT_URL", default="")
# How long a pod that a cluster refuses (its quota) is asked for again before its job fails.
CI_POD_REFUSED_SECONDS = conf.integer("SLIPWAY_CI_POD_REFUSED_SECONDS", default=3600, least=1)
# Annotations of such pods, as name=value words; autoscalers shall not move them.
CI_POD_ANNOTATIONS = conf.words(
    "SLIPWAY_CI_POD_ANNOTATIONS", default="cluster-autoscaler.kubernetes.io/safe-to-evict=false"
)
# The classes behind registered clusters and accounts.
GITOPS_TARGETS = {
    "kubernetes": "gitops.backends.kubernetes.KubernetesTarget",
    "memory": "gitops.backends.memory.MemoryTarget",
    "aws": "gitops.backends.aws.AwsTarget",
}

LOGGING = logging_config(debug=DEBUG)
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = 10  # debug: the line at the end says all
DJANGO_STRUCTLOG_USER_ID_FIELD = None  # reading it costs a query on every request
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # would believe any X-Forwarded-For
UNFOLD = {
    "SITE_TITLE": "Slipway",
    "SITE_HEADER": "Slipway",
    "SITE_SYMBOL": "sailing",
    "STYLES": [lambda _request: static("admin.css")],
}
# Filled by `manage.py run`: the people that the sign-in page may name, with their password.
DEMO_SIGN_IN: list[dict[str, str]] = []
