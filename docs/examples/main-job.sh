#!/bin/sh
# The main job: a recording of three real VMs that share one memory budget is imported into a ledger and shown.
# `make` and the tests run it. The ledger is made anew in build/, or in the file that is named, and report.html beside it.
set -eu
cd "$(dirname "$0")/../.."
database=${1:-build/main-job.db}
mkdir -p "$(dirname "$database")"
rm -f "$database" "$database-wal" "$database-shm"
NILO_LEDGER=sqlite:///$database
export NILO_LEDGER

imported=$(nilo import-qemu tests/recordings/s7_three_vms_one_budget.jsonl --as lab --actor lab-driver --via qmp)

echo '== Who requested memory, what was granted, and when the rest followed: nilo log --asked'
nilo log --asked

echo
echo '== What each guest saw just before the shutdown, and the book of the host: nilo view --at TIME --host lab'
nilo view --at 2026-11-23T14:53:56.7Z --host lab

echo
echo '== Where this comes from: nilo import-qemu'
echo "$imported"

echo
echo '== The same as a page that anyone can open, just before the shutdown: nilo report'
report=$(dirname "$database")/report.html
nilo report -o "$report" --at 2026-11-23T14:53:56.7Z 2>&1

echo
echo '== Are the stored views what the events say? nilo replay'
nilo replay

cat <<END

== Where to go next
export PATH="\$PWD/.venv/bin:\$PATH" NILO_LEDGER=$NILO_LEDGER
nilo show 16            one request as a story: what was known, what moved, what came late
nilo diff 21 50         what changed between two moments, and which events changed it
nilo log --vm lab.vm0   all events of one VM
nilo do --help          decide changes of your own hosts by Hyper-V's rules; nilo run takes scripts
README.md is a tour, docs/why.md gives the reasons.
END
