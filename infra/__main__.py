"""`python -m infra …`: what `./vidette …` runs."""

import sys

from infra.cli.app import main

if __name__ == "__main__":
    main(sys.argv[1:])
