"""What tests of engine processes start."""

import sys
import textwrap
from pathlib import Path
from subprocess import PIPE, Popen

import pytest


@pytest.fixture
def start_script():
    """A Python process of its own that runs a script; killed at the end."""
    running = []

    def start_script(script):
        command = [sys.executable, "-c", textwrap.dedent(script)]
        running.append(Popen(command, stdout=PIPE, cwd=Path(__file__).parents[3]))
        return running[-1]

    yield start_script
    for process in running:
        with process:
            process.kill()
