"""Leases: one holder at a time, whatever becomes of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lake import Lake
from lake.errors import InvalidNameError

HOLDER = """
import sys, time
from lake import Lake, LakeConfig
with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2])) as lake, lake.lease("runner") as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def test_a_lease_has_one_holder_and_is_free_afterwards(lake: Lake) -> None:
    with lake.lease("runner") as first, lake.lease("runner") as second:
        assert (first, second) == (True, False)
    with lake.lease("runner") as third:
        assert third


def test_leases_of_different_names_do_not_meet(lake: Lake) -> None:
    with lake.lease("runner") as first, lake.lease("mail") as second:
        assert first and second


def test_a_holder_may_write(lake: Lake) -> None:
    with lake.lease("runner"), lake.door.hold():
        assert lake.read("SELECT 1 AS n").item() == 1


def test_the_lease_of_a_killed_process_is_free(lake: Lake) -> None:
    command = [sys.executable, "-c", HOLDER, lake.config.catalog, lake.config.data_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "True\n"
        with lake.lease("runner") as mine:
            assert not mine
        holder.kill()
    with lake.lease("runner") as mine:
        assert mine


@pytest.mark.parametrize("name", ["", "../up", "a b", "é"])
def test_a_name_that_could_be_a_path_is_refused(lake: Lake, name: str) -> None:
    with pytest.raises(InvalidNameError), lake.lease(name):
        pass
