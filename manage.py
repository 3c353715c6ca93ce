#!/usr/bin/env python
"""The command line of the product."""

import sys

from apiserver.command_line import main

if __name__ == "__main__":
    main(sys.argv)
