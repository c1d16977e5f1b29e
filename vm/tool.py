"""Running this machine's tools, with errors that say what to do about virtual machines."""

from functools import partial

from lab import process

run = partial(process.run, who="vm", advice="run `make vm-down`, then `make vm-up`")
