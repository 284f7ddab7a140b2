"""The shop's image, built from this tree."""

import subprocess
from functools import cache

from testing.stack import StackFailed
from testing.stacks.compose import ROOT

TAG = "shoptaskmanager:test"
#: Of the builder's output, in the error.
ERROR_LINES = 40


@cache
def build_image() -> str:
    """Build the image once a session, with the builder's cache; returns its tag."""
    before = _image_id()
    built = subprocess.run(
        ["docker", "build", "--tag", TAG, str(ROOT)], check=False, capture_output=True, text=True
    )
    if built.returncode != 0:
        output = (built.stdout + built.stderr).splitlines()[-ERROR_LINES:]
        last = output[-1] if output else "the builder said nothing"
        raise StackFailed("\n".join([f"the image cannot be built: {last}", *output]))
    if before and before != _image_id():
        # The earlier one lost its name to this one, and would be kept for ever. One that a
        # container still uses stays.
        subprocess.run(["docker", "image", "rm", before], check=False, capture_output=True)
    return TAG


def _image_id() -> str:
    found = subprocess.run(
        ["docker", "image", "inspect", "--format", "{{.Id}}", TAG],
        check=False,
        capture_output=True,
        text=True,
    )
    return found.stdout.strip()
