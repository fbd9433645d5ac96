"""A real guest under QEMU's software emulation, for what no scripted peer can answer truly.

`make drive` builds it (build.sh, init) and runs the tests of this folder; `make test` leaves them out.
Begin with `machine.py`.
"""
