#!/bin/sh
# The main job: three real VMs on one budget, as a driver of QEMU recorded them, become a history that can be asked.
# Run by `make` and by the tests; the ledger is made anew in build/, or in the file that is named.
set -eu
cd "$(dirname "$0")/../.."
database=${1:-build/main-job.db}
mkdir -p "$(dirname "$database")"
rm -f "$database" "$database-wal" "$database-shm"
NILO_LEDGER=sqlite:///$database
export NILO_LEDGER

imported=$(nilo import-qemu tests/recordings/s7_three_vms_one_budget.jsonl --as lab --actor lab-driver --via qmp)

echo '== Who asked for memory, what was granted, when the rest came: nilo log --asked'
nilo log --asked

echo
echo '== What each guest saw just before the shutdown, and the book of the host: nilo view --at TIME --host lab'
nilo view --at 2026-11-23T14:53:56.7Z --host lab

echo
echo '== From where: nilo import-qemu'
echo "$imported"

echo
echo '== The same, from the events alone: nilo replay'
nilo replay

cat <<END

== Where to go next
nilo show 15          one request as a story: what was known, what moved, what came late
nilo diff 20 49       what changed between two moments, and which events did it
nilo log --vm lab.vm0 all that is known of one VM
nilo do --help        decide changes of your own hosts by the rules of Hyper-V; nilo run takes scripts
The first three ask the ledger of this run: export NILO_LEDGER=$NILO_LEDGER
A tour is in README.md, the reasons in docs/why.md.
END
