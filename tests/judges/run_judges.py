"""Run the outside validators over the running demo: `run_judges.py FOLDER`. Exit 1 when one of them objects."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from apiserver.server.package_choices import AUTHS  # noqa: E402 - the path comes first
from tests.fakes import power_platform  # noqa: E402
from tests.judges import article_steps, odd_tables  # noqa: E402
from tests.powerplatform.paconn import Machine  # noqa: E402
from tests.served import manage, publish, serve  # noqa: E402

# What the parser must reach of the standard's 840 cases, in per cent.
ABNF_BAR = "90"
DEFINITION = "apiDefinition.swagger.json"
DEFINITIONS = ("$oas", "$dynamic/$oas", "$tabular/$oas")


def run(title: str, command: list[str]) -> bool:
    """Run one judge, print its end, return whether it was content."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    tail = (done.stdout + done.stderr).strip().splitlines()[-12:]
    print(f"--- {title}: {'ok' if done.returncode == 0 else 'FAILED'}\n" + "\n".join(tail), flush=True)
    return done.returncode == 0


def run_all(judged: list[tuple[str, list[str]]]) -> list[bool]:
    """Run judges by title, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda one: run(*one), judged))


def main(judges: Path) -> int:
    """Return the exit code."""
    python = sys.executable
    adapter = f"{python} tests/judges/abnf_adapter.py"
    good = [run("ABNF", [python, str(judges / "odata/judge_abnf.py"), "--cmd", adapter, "--min", ABNF_BAR])]
    served = serve("--demo", "--public-url", "https://api.example.com")
    try:
        token = served.ready["oas"].split("@")[1].split("/")[0]
        url = f"{served.base}/api.rsc/"
        header = f"x-cdata-authtoken: {token}"
        good.append(run("$metadata", [python, str(judges / "odata/judge_metadata.py"), url, "--header", header]))
    finally:
        served.stop()
    good += judge_documents(python, judges / "powerplatform/validate.py")
    good += judge_packages(python, judges / "powerplatform/validate.py")
    article = judges.parent / "articles/connector-pipeline-paconn.txt"
    if article.exists():
        good.append(judge_article(article))
    return 0 if all(good) else 1


def judge_documents(python: str, judge: Path) -> list[bool]:
    """Judge the definitions of odd tables in every mode: as a maker pastes it, with the authtoken in its path, and for certification."""
    folder = Path(tempfile.mkdtemp())
    served = publish(odd_tables.configuration(folder), folder / "data")
    judged = list[tuple[str, list[str]]]()
    try:
        for role, token in odd_tables.TOKENS.items():
            for path in (f"{base}{name}" for base in ("/api.rsc/", f"/api.rsc/@{token}/") for name in DEFINITIONS):
                status, _, body = served.get(path, {"x-cdata-authtoken": token})
                assert status == 200, (status, body)
                document = folder / str(len(judged)) / DEFINITION
                document.parent.mkdir()
                document.write_bytes(body)
                whole = ["--certification", "--http-swagger", "--deep", "--strict"]
                for mode in [whole] if token in path else [["--http-swagger", "--strict"], whole]:
                    title = f"{path.replace(token, 'TOKEN')} of {role} {' '.join(mode)}"
                    judged.append((title, [python, str(judge), *mode, str(document)]))
    finally:
        served.stop()
    return run_all(judged)


def judge_packages(python: str, judge: Path) -> list[bool]:
    """Judge the packages of odd tables for every sign-in, as folders; the flavour for certification as certification would."""
    folder = Path(tempfile.mkdtemp())
    (folder / "data").mkdir()
    file = folder / "server.json"
    file.write_text(json.dumps(odd_tables.configuration(folder)), encoding="utf-8")
    applied = manage(folder / "data", "apply", str(file))
    assert applied.returncode == 0, applied.stderr
    judged = list[tuple[str, list[str]]]()
    for auth in AUTHS:
        deep = ["--deep"] if auth == AUTHS[0] else []  # the paths are the same for all of them
        for flavour, mode in (
            ("--no-certification", ["--http-swagger"]),
            ("--certification", ["--certification", "--http-swagger", *deep]),
        ):
            made = folder / f"{auth}{flavour}"
            done = manage(folder / "data", "powerplatform", "package", "--user", "writer", "--output", str(made), "--auth", auth, flavour)
            assert done.returncode == 0, done.stderr
            judged.append((f"package {auth} {' '.join(mode)}", [python, str(judge), *mode, str(made)]))
        judged.append((f"definition of package {auth} --strict", [python, str(judge), "--strict", str(made / DEFINITION)]))
    return run_all(judged)


def judge_article(article: Path) -> bool:
    """Follow the walkthrough with its own scripts: a connector made of a package gets the definition of all tables, by one plain GET."""
    folder = Path(tempfile.mkdtemp())
    for name in ("home", "work"):
        (folder / name).mkdir()
    served = publish(odd_tables.configuration(folder), folder / "data")
    token = odd_tables.TOKENS["a writer"]
    try:
        with power_platform.PowerPlatform(folder) as service:
            machine = Machine(service, folder / "home", folder / "work")
            status, _, body = served.get(f"/api.rsc/@{token}/$connector?resources=one&environment={power_platform.ENVIRONMENT}")
            assert status == 200, body
            (machine.folder / "made.zip").write_bytes(body)
            article_steps.sign_in(article, machine, power_platform.USER, power_platform.PASSWORD, power_platform.TENANT)
            done = machine.run(["bash", "-c", "python -m zipfile -e made.zip . && paconn create -s settings.json -w"])
            assert done.returncode == 0, done.stderr
            (name,) = service.connectors
            url = f"{served.base}/api.rsc/@{token}/$connector/{DEFINITION}"
            article_steps.update(article, machine, ApiDefinitionUrl=url, EnvId=power_platform.ENVIRONMENT, ConnectorId=name)
            paths = service.connectors[name]["openApiDefinition"]["paths"]
            is_good = "/composite" in paths and not machine.has_credentials
    finally:
        served.stop()
    print(f"--- article: {'ok' if is_good else 'FAILED'}", flush=True)
    return is_good


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
