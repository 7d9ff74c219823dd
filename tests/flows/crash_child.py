"""A process that works through the windows of a lake until it is killed."""

import sys

from flows.runner import run_until_current
from lake import Lake, LakeConfig

if __name__ == "__main__":
    with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2], threads=1)) as lake:
        print("ready", flush=True)
        run_until_current(lake)
