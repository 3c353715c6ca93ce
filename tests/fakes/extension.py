"""An extension as people install it: a connector by an entry point, whose driver is a wheel of its own in a folder that pip looks into."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

DRIVER = "tinydriver"
CONNECTOR = """
import importlib.util

class Tiny:
    key, label, category, extra = "tiny", "Tiny Database", "Databases", "driver"
    description = "A database for tests."
    properties, url_schemes = (), ()

    def missing_driver(self):
        return None if importlib.util.find_spec("tinydriver") else "tinydriver"

    def clean(self, values):
        return dict(values)
"""
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"


@dataclass(frozen=True)
class Extension:
    """Where its parts lie."""

    connector: Path  # a folder for sys.path
    site: Path  # where pip puts the driver: for sys.path too
    environment: dict[str, str]


def extension(folder: Path, *, driver: str = "VALUE = 1\n") -> Extension:
    """Return an extension made in a folder; `driver` is the module that its wheel brings."""
    connector, wheels, site = folder / "connector", folder / "wheels", folder / "site"
    information = connector / "tiny_connector-1.0.dist-info"
    for made in (information, wheels, site):
        made.mkdir(parents=True)
    (connector / "tiny_connector.py").write_text(CONNECTOR)
    needs = f'Provides-Extra: driver\nRequires-Dist: {DRIVER}==1.0 ; extra == "driver"\n'
    (information / "METADATA").write_text(METADATA.format(name="tiny-connector") + needs)
    (information / "entry_points.txt").write_text("[apiserver.connectors]\ntiny = tiny_connector:Tiny\n")
    with zipfile.ZipFile(wheels / f"{DRIVER}-1.0-py3-none-any.whl", "w") as wheel:
        inside = f"{DRIVER}-1.0.dist-info"
        wheel.writestr(f"{DRIVER}.py", driver)
        wheel.writestr(f"{inside}/METADATA", METADATA.format(name=DRIVER))
        wheel.writestr(f"{inside}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{inside}/RECORD", f"{DRIVER}.py,,\n{inside}/METADATA,,\n{inside}/WHEEL,,\n{inside}/RECORD,,\n")
    path = os.pathsep.join([str(connector), str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_TARGET": str(site), "PYTHONPATH": path}
    return Extension(connector, site, {**environment, "PIP_CONFIG_FILE": os.devnull})
