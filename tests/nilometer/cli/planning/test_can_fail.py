"""``nilo can fail`` and ``--survive``: whether the VMs of a host find a place on the others, also in a cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.planning.asking import SIZES, in_cluster, lines_of, observed
from tests.nilometer.cli.test_schemas import problems
from tests.nilometer.importers.hyperv.synthetic import START, Spool, dynamic, vm


def test_what_becomes_of_the_vms_of_a_host_is_said_with_a_placement(full: Desk) -> None:
    assert full.call("can", "fail", "HV01").code == 1
    full.call("do", "register-host", "hv03", "--version", "2022", "--total", "40GiB", "--reserve", "2GiB")
    shown = full.call("can", "fail", "hv01")
    assert shown.code == 0
    assert shown.out.startswith(
        "only if placed so: if host hv01 fails, its 4 VMs of 56 GiB find a place on the others (68 GiB free):\n"
    )
    document = full.call("can", "fail", "hv01", "--format", "json").json
    assert problems("can-fail", document) == []
    assert sorted(document["hosts"][0]["placement"]) == sorted(SIZES)
    every = full.call("can", "--survive", "1", "--format", "json").json
    assert problems("can-fail", every) == []
    assert [host["host"] for host in every["hosts"]] == ["hv01", "hv02", "hv03"]
    alone = full.call("can", "--survive", "1", "--cluster", "hv01, HV02", "--format", "json").json
    assert [(host["host"], host["answer"]) for host in alone["hosts"]] == [
        ("hv01", "no"),
        ("hv02", "whatever-the-order"),
    ]
    assert full.call("can", "fail", "hv01", "--cluster", "hv02").code == 1


def test_an_observed_host_may_fail_too_and_its_figures_have_ages(desk: Desk) -> None:
    desk = observed(desk, Spool().poll(0, vm(), dynamic(4096)).poll(1, vm(), dynamic(4096)))
    for host, free in (("HV02", 8192), ("HV03", 1024)):
        other = Spool(host).poll(0, available_mb=free).poll(1, available_mb=free)
        assert desk.call("import-hyperv", desk.write("t.jsonl", other.data), "--final").code == 0
    desk = replace(desk, clock=lambda: START + timedelta(minutes=3))
    assert lines_of(desk, "fail", "HV01") == (0, [
        "yes: if host hv01 fails, its 2 VMs of 6 GiB find a place on the others (9 GiB free), whatever the order.",
        "  The oldest figure is of hv02, at 2026-11-23 09:01:00Z (2 min ago).",
        "Memory only; nothing was recorded; Hyper-V decides about observed hosts, this sent nothing.",
    ])  # fmt: skip
    assert desk.call("can", "fail", "hv01", "--cluster", "hv01,hv03").code == 1
    document = desk.call("can", "--survive", "1", "--format", "json").json
    assert problems("can-fail", document) == []
    assert [host["host"] for host in document["hosts"]] == ["hv01", "hv02", "hv03"]
    late = replace(desk, clock=lambda: START + timedelta(hours=30))
    code, lines = lines_of(late, "fail", "hv01")
    assert (code, lines[0].partition(":")[0]) == (3, "unknown")


def test_decided_and_observed_hosts_are_asked_apart_and_that_is_said(desk: Desk) -> None:
    desk = replace(observed(desk, Spool().poll(0, vm()).poll(1, vm())), clock=lambda: START + timedelta(minutes=3))
    apart = "Decided and observed hosts are asked apart: a VM finds no place on the other kind."
    assert apart not in desk.call("can", "--survive", "1").out
    define = "--host dec1 --guest windows --config-version 10.0 --generation 2 --size 1GiB"
    for command in (
        "register-host dec1 --version 2022 --total 8GiB --reserve 0", f"define-vm x1 {define}", "start x1"
    ):  # fmt: skip
        assert desk.call("do", *command.split()).code == 0
    shown = desk.call("can", "--survive", "1")
    assert (shown.code, shown.out.splitlines()[0]) == (
        1,
        "no: if host dec1 fails, its 1 VM of 1 GiB finds no place: x1 (1 GiB) fits on no other host.",
    )
    assert apart in shown.out.splitlines()
    for question, error in (
        (("move-vm", "x1", "hv01"), "hv01 is an observed host, and x1 is a decided VM\nhint: name a decided host"),
        (("move-vm", "web01", "dec1"), "dec1 is a decided host, and web01 is an observed VM\nhint: name an observed "),
    ):
        wrong = desk.call("can", *question)
        assert (wrong.code, wrong.out) == (2, "")
        assert wrong.err.startswith(f"error: {error}")


def test_a_cluster_is_named_as_its_hosts_report_it(desk: Desk) -> None:
    desk = in_cluster(desk, {"HV01": "CLU1", "HV02": "CLU1", "HV03": "CLU2", "HV04": None})
    code, lines = lines_of(desk, "--survive", "1", "--cluster", "clu1")
    assert code == 0
    assert [line for line in lines if line.startswith(("yes", "Cluster"))] == [
        "yes: no VM runs on host hv01.",
        "yes: no VM runs on host hv02.",
        "Cluster CLU1 is hv01, hv02, as these hosts report.",
    ]
    mixed = desk.call("can", "--survive", "1", "--cluster", "HV04,CLU2,hv03", "--format", "json").json
    assert [host["host"] for host in mixed["hosts"]] == ["hv04", "hv03"]
    assert desk.call("can", "fail", "hv01", "--cluster", "CLU2").code == 0
    near = desk.call("can", "--survive", "1", "--cluster", "CLU3")
    assert (near.code, near.err.splitlines()[0]) == (2, "error: there is no host and no cluster 'CLU3'")
    unknown = desk.call("can", "--survive", "1", "--cluster", "production")
    assert (unknown.code, unknown.out, unknown.err) == (
        2,
        "",
        "error: there is no host and no cluster 'production'\nhint: clusters: CLU1, CLU2; nilo view lists the hosts\n",
    )


def test_a_name_that_a_host_and_a_cluster_have_is_refused(desk: Desk) -> None:
    desk = in_cluster(desk, {"HV01": "hv02", "HV02": "hv02"})
    answer = desk.call("can", "--survive", "1", "--cluster", "hv02")
    assert (answer.code, answer.err) == (
        2,
        "error: 'hv02' is a host and a cluster\nhint: name the cluster's hosts: --cluster hv01,hv02\n",
    )


def test_a_host_that_there_is_not_is_named_with_one_that_is_near(desk: Desk) -> None:
    desk.with_history()
    answer = desk.call("can", "fail", "hv0")
    assert (answer.code, answer.err) == (2, "error: there is no host 'hv0'\nhint: did you mean hv01?\n")
