"""`python -m chaos [NAME ...] [--write]`: one line a promise; exit code 1 when one does not hold."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
from pathlib import Path

from chaos.document import write
from chaos.promises import Outcome, carry_out, load


def main() -> int:
    """Run the named checks, or all of them."""
    asked = arguments()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "apiserver.settings")
    os.environ |= {"CHAOS_MINUTES": str(asked.minutes), "CHAOS_RATE": str(asked.rate)}
    os.environ["APISERVER_DATA_DIR"] = tempfile.mkdtemp(prefix="apiserver-chaos-")  # this process reads the product's own code
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    checks = load()
    unknown = [name for name in asked.names if name not in checks]
    if unknown:
        print(f"No such promise: {', '.join(unknown)}. There are {', '.join(checks)}.", file=sys.stderr)
        return 2
    found: list[Outcome] = []
    for name in asked.names or checks:
        found.append(carry_out(checks[name]))
        print(line(found[-1]), flush=True)
        if asked.write and found[-1].holds:
            write(found[-1])
    return int(any(not item.holds for item in found))


def arguments() -> argparse.Namespace:
    """Return what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a promise, such as S7; all when none is named")
    parser.add_argument("--write", action="store_true", help=f"put the figures into {Path('docs/promises.md')}")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the soak (R24) takes")
    parser.add_argument("--rate", type=float, default=400.0, help="requests a second of the soak, at most")
    return parser.parse_args()


def line(outcome: Outcome) -> str:
    """Return one outcome for a terminal."""
    return f"{'holds ' if outcome.holds else 'BROKEN'} {outcome.name:<10} {outcome.figure}  ({outcome.seconds:.0f} s)"


if __name__ == "__main__":
    sys.exit(main())
