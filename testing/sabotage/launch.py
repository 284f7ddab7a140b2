"""Starts a Python module as `python -m` does, with a patch applied to the shop before.

`python -m testing.sabotage.launch PATCH -- MODULE [ARGUMENT ...]`
"""

import runpy
import sys
from collections.abc import Sequence
from dataclasses import replace

from shop.local.service import Service

_PYTHON_MODULE = (sys.executable, "-m")


class CannotBePatched(Exception):
    """The service is no Python module."""


def launched(service: Service, patch: str) -> Service:
    """`service`, started through this module."""
    if service.argv[:2] != _PYTHON_MODULE:
        raise CannotBePatched(service.name)
    return replace(service, argv=(*_PYTHON_MODULE, __name__, patch, "--", *service.argv[2:]))


def main(arguments: Sequence[str]) -> None:
    """Returns when the module has ended, unless that ends the process."""
    # Here, for `launched` needs none of the shop.
    from testing.matrix.patches import MATRIX_PATCHES
    from testing.sabotage.patches import PATCHES

    name, separator, module, *rest = arguments
    if separator != "--":
        raise SystemExit("usage: PATCH -- MODULE [ARGUMENT ...]")
    with {**PATCHES, **MATRIX_PATCHES}[name]():
        sys.argv = [module, *rest]
        # As `__main__`, under its own file's name: a worker's pool forks, and goes on in here.
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
