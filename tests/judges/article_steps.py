"""The scripts of a published walkthrough (`paconn` in a pipeline), taken from its text and run as they stand.

The Python one is run by Python; of PowerShell this knows the six commands that the other one uses.
"""

from __future__ import annotations

import re
import shlex
import shutil
import urllib.request
from pathlib import Path

from tests.powerplatform.paconn import Machine

BEGIN, END = "# authenticate-user.py\n", "Of course, you have to run it"
UPDATE, AFTER = "# update-connector.ps1\n", "Let’s run it!"


def between(text: str, begin: str, end: str) -> str:
    """Return the script that stands between two lines of the article."""
    return text.partition(begin)[2].partition(end)[0]


def sign_in(article: Path, machine: Machine, user: str, password: str, tenant: str) -> None:
    """Run the article's first script."""
    script = machine.folder / "authenticate-user.py"
    script.write_text(between(article.read_text(encoding="utf-8"), BEGIN, END), encoding="utf-8")
    done = machine.run(["python", str(script), "--user", user, "--password", password, "--tenant", tenant])
    assert done.returncode == 0, done.stdout + done.stderr


def update(article: Path, machine: Machine, **parameters: str) -> str:
    """Run the article's second script with its parameters; return what was said."""
    text = between(article.read_text(encoding="utf-8"), UPDATE, AFTER)
    values = {**parameters, "env:USERPROFILE": str(machine.home)}
    here, said = machine.folder, ""
    for line in text.partition("\n)\n")[2].splitlines():
        filled = re.sub(r"\$(env:\w+|\w+)", lambda found: values[found[1]], line.partition("#")[0]).replace("\\", "/")
        words = shlex.split(filled)
        if words[:1] == ["Set-Location"]:
            here = here / words[2]
        elif words[:1] == ["Invoke-RestMethod"]:
            with urllib.request.urlopen(words[words.index("-Uri") + 1], timeout=60) as answer:
                (here / words[words.index("-OutFile") + 1]).write_bytes(answer.read())
        elif words[:1] == ["Remove-Item"]:
            shutil.rmtree(words[1])
        elif words[:1] == ["paconn.exe"]:
            said += Machine(machine.service, machine.home, here).paconn(*words[1:])
        else:
            assert words[:1] in ([], ["Write-Host"]), line
    return said
