"""`make bench`: the product beside its peers; `python -m benchmarks.serve --help` names the switches."""

from benchmarks.serve import main

main()
