"""Pipelines that keep API and connector in step, for Azure DevOps, GitHub Actions and Jenkins: the same shell steps in each one's frame.

Downloaded from the console or written by `manage.py powerplatform pipeline`; only variables are to be filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

FOLDER = Path(__file__).parent / "pipelines"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable to be filled in; `example` stands where its value goes."""

    name: str
    example: str
    about: str
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One shell step: its file in `pipelines/`, and the secrets that it sees."""

    title: str
    file: str
    secrets: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """Return the shell script, a line feed at its end."""
        return (FOLDER / self.file).read_text(encoding="utf-8")


VARIABLES = (
    Variable("API_CONFIGURATION", "server.yaml", "the configuration file in this repository"),
    Variable("API_URL", "https://api.example.com", "the address of the server"),
    Variable("API_ADMIN_TOKEN", "", "authtoken of an administrator: applies the configuration", is_secret=True),
    Variable("API_TOKEN", "", "authtoken of the user whose resources the connector shows", is_secret=True),
    Variable("PP_ENVIRONMENT", "", "id of the Power Platform environment"),
    Variable("PP_CONNECTOR_ID", "", "id of the connector, also as it stands in the portal's address"),
    Variable("PP_TENANT", "", "id of the directory (Microsoft Entra ID)"),
    Variable("PP_USER", "", "service account, Environment Maker, without a second factor"),
    Variable("PP_PASSWORD", "", "its password", is_secret=True),
)
CHECK = Step("Check the configuration", "check.sh", ("API_ADMIN_TOKEN",))
DEPLOY = Step("Apply the configuration", "deploy.sh", ("API_ADMIN_TOKEN",))
CONNECTOR = (
    Step("Install paconn", "install.sh"),
    Step("Sign in", "sign_in.sh", ("PP_PASSWORD",)),
    Step("Download the connector", "download.sh"),
    Step("Put the new definition in", "definition.sh", ("API_TOKEN",)),
    Step("Validate", "validate.sh"),
    Step("Update the connector", "update.sh"),
)
CLEAN = Step("Remove stored credentials", "clean.sh")


def lines(*parts: str | Iterable[str]) -> str:
    """Return parts as lines."""
    return "".join(part if isinstance(part, str) else "".join(part) for part in parts)


def told(is_secret: bool) -> list[Variable]:
    """Return the variables that are secret, or those that are not."""
    return [item for item in VARIABLES if item.is_secret == is_secret]


def azure() -> str:
    """Return azure-pipelines.yml."""

    def step(it: Step, extra: str = "") -> str:
        secrets = "".join(f"    {name}: $({name})\n" for name in it.secrets)
        return f"- bash: |\n{indent(it.script, '    ')}  displayName: {it.title}\n{extra}" + (f"  env:\n{secrets}" if secrets else "")

    return lines(
        "# Builds and deploys the API, then its connector. Fill in the variables of the group `connector` (Pipelines, Library):\n",
        (f"#   {item.name}: {item.about}{' (secret)' if item.is_secret else ''}\n" for item in VARIABLES),
        "trigger:\n- main\n\nvariables:\n- group: connector\n\nstages:\n",
        "- stage: build\n  displayName: Build\n  jobs:\n  - job: build\n    pool:\n      vmImage: ubuntu-latest\n    steps:\n",
        indent(step(CHECK), "    "),
        "    - publish: drop\n      artifact: drop\n",
        "- stage: deploy\n  displayName: Deploy\n  jobs:\n",
        "  - deployment: api\n    displayName: Deploy the API\n    environment: production\n    pool:\n      vmImage: ubuntu-latest\n",
        "    strategy:\n      runOnce:\n        deploy:\n          steps:\n            - download: current\n              artifact: drop\n",
        indent(step(DEPLOY, "  workingDirectory: $(Pipeline.Workspace)\n"), " " * 12),
        "  - deployment: connector\n    displayName: Deploy the connector\n    dependsOn: api\n    environment: production\n",
        "    pool:\n      vmImage: ubuntu-latest\n    strategy:\n      runOnce:\n        deploy:\n          steps:\n",
        "            - download: none\n            - task: UsePythonVersion@0\n",
        "              inputs:\n                versionSpec: '3.11'\n",
        indent(lines((step(it) for it in CONNECTOR), step(CLEAN, "  condition: always()\n")), " " * 12),
    )


def github() -> str:
    """Return .github/workflows/connector.yml."""

    def step(it: Step, extra: str = "") -> str:
        secrets = "".join(f"    {name}: ${{{{ secrets.{name} }}}}\n" for name in it.secrets)
        env = f"  env:\n{secrets}" if secrets else ""
        return f"- name: {it.title}\n{extra}{env}  shell: bash\n  run: |\n{indent(it.script, '    ')}"

    plain = "".join(f"  {item.name}: ${{{{ vars.{item.name} }}}}\n" for item in told(False))
    job = "    runs-on: ubuntu-latest\n"
    return lines(
        "# Builds and deploys the API, then its connector. Fill in (Settings, Secrets and variables, Actions):\n",
        (f"#   {'secret' if item.is_secret else 'variable'} {item.name}: {item.about}\n" for item in VARIABLES),
        "name: connector\n'on':\n  push:\n    branches: [main]\n  workflow_dispatch:\npermissions:\n  contents: read\n",
        f"env:\n{plain}jobs:\n",
        f"  build:\n{job}    steps:\n    - uses: actions/checkout@v4\n",
        indent(step(CHECK), "    "),
        "    - uses: actions/upload-artifact@v4\n      with:\n        name: drop\n        path: drop\n",
        f"  api:\n    needs: build\n{job}    steps:\n",
        "    - uses: actions/download-artifact@v4\n      with:\n        name: drop\n        path: drop\n",
        indent(step(DEPLOY), "    "),
        f"  connector:\n    needs: api\n{job}    steps:\n",
        "    - uses: actions/setup-python@v5\n      with:\n        python-version: '3.11'\n",
        indent(lines((step(it) for it in CONNECTOR), step(CLEAN, "  if: always()\n")), "    "),
    )


def jenkins() -> str:
    """Return Jenkinsfile."""

    def shell(it: Step) -> str:
        script = it.script.replace("\\", "\\\\")
        return f"sh '''#!/usr/bin/env bash\n{script}'''\n"

    def stage(it: Step) -> str:
        secrets = ", ".join(f"string(credentialsId: '{name}', variable: '{name}')" for name in it.secrets)
        body = f"withCredentials([{secrets}]) {{ {shell(it)}}}\n" if secrets else shell(it)
        return f"    stage('{it.title}') {{ steps {{\n{body}    }} }}\n"

    return lines(
        "// Builds and deploys the API, then its connector. Fill in the variables below, and credentials with these ids (secret text):\n",
        (f"//   {item.name}: {item.about}\n" for item in told(True)),
        "pipeline {\n  agent any\n  environment {\n",
        (f"    {item.name} = '{item.example}' // {item.about}\n" for item in told(False)),
        "  }\n  stages {\n",
        (stage(it) for it in (CHECK, DEPLOY, *CONNECTOR)),
        f"  }}\n  post {{ always {{\n{shell(CLEAN)}  }} }}\n}}\n",
    )


# Kind -> what writes it and the file's usual name.
KINDS: dict[str, tuple[Callable[[], str], str]] = {
    "azure": (azure, "azure-pipelines.yml"),
    "github": (github, "connector.yml"),
    "jenkins": (jenkins, "Jenkinsfile"),
}


def pipeline(kind: str) -> str:
    """Return the pipeline of a kind (a key of KINDS)."""
    return KINDS[kind][0]()
