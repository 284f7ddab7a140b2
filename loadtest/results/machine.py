"""What a run ran on."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil


def software() -> dict[str, Any]:
    """Python, the system, and every installed package."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": _system(),
        "kernel": f"{platform.system()} {platform.release()}",
        "packages": _packages(),
    }


def hardware() -> dict[str, Any]:
    return {
        "architecture": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        #: What of them this process may use; a container's quota is not in it.
        "usable_cpus": len(psutil.Process().cpu_affinity()) if psutil.LINUX else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "swap_bytes": psutil.swap_memory().total,
    }


def load() -> dict[str, float]:
    """Processes that want to run, as means over minutes, and memory that is free, now."""
    one, five, fifteen = psutil.getloadavg()
    return {
        "1_min": round(one, 2),
        "5_min": round(five, 2),
        "15_min": round(fifteen, 2),
        "available_bytes": psutil.virtual_memory().available,
    }


def _packages() -> dict[str, str]:
    found = {
        name.lower(): package.version
        for package in metadata.distributions()
        # A package that was removed by half has no name.
        if (name := package.metadata["Name"])
    }
    return dict(sorted(found.items()))


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _cpu_model() -> str:
    """`platform.processor()` is empty on Linux."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
