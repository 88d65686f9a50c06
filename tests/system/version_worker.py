"""A worker of another release: `python -m tests.system.version_worker VERSION STEPS`."""

import sys

from infra.endpoints import endpoints
from infra.settings import Settings
from infra.telemetry import configure
from infra.worker import Make, run
from tests.system.versions import steps

if __name__ == "__main__":
    version, names = sys.argv[1:]
    settings = Settings()
    configure(settings.log_level)
    make = Make(topology=steps(version))
    sys.exit(run(settings, endpoints(settings), tuple(names.split(",")), make))
