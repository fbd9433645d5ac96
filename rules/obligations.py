"""The obligations: everything that has to be proved, each a goal under assumptions, for any state and any arguments.

The assumptions are the invariants of the state before; the goals are the specification's sentences about what the
program's rules decide and change. ``docs/soundness.md`` says why together they are enough for any number of VMs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from domain import events, evolve, hosts, lifecycle, resizing
from domain.aggregates import HOST_CHANGES, VM_CHANGES
from domain.commands import NAMES
from domain.decider import STEPS
from domain.decision import Code, Outcome, accepted, outcome_of
from domain.guests import Guest
from domain.quantities import down, whole
from domain.settings import cap, loads_driver, valid_setting
from domain.state import Host, Power, Site, Vm
from rules import terms
from rules.reader import Reader, Rule, sorts_of
from rules.sentence import is_sentence
from rules.specification import changes, conditions, effects, figures
from rules.specification.events import FOLLOWED_BY
from rules.specification.invariants import INVARIANTS, host_is_real, host_never_overcommitted
from rules.terms import TRUE, ZERO, Term
from rules.transitions import SITE, Transition, record, term, transitions
from rules.values import Record, Value, anything, choose, equal, leaves, substitute

LARGEST: Final = 2**52
"""The largest size that anybody may write, in bytes."""
OVERFLOW: Final = 2**63


@dataclass(frozen=True, slots=True)
class Obligation:
    """A goal that has to hold wherever the assumptions do."""

    kind: str
    rule: str
    """The sentence of the specification that it is about."""
    command: str | None
    assumes: tuple[Term, ...]
    goal: Term
    transition: Transition | None = field(default=None, compare=False)
    """What was decided, to show a counterexample by."""

    @property
    def name(self) -> str:
        """What it is called: kind, command and rule."""
        return "/".join(part for part in (self.kind, self.command, self.rule) if part)


class Obligations:
    """Puts the obligations together from the program and the specification: those that run, unless others are given."""

    def __init__(self, program: Reader | None = None, specification: Reader | None = None) -> None:
        self.program = program or Reader()
        self.specification = specification or Reader(is_sentence)
        self.transitions = {each.command: each for each in transitions(self.program)}
        self.made: list[Obligation] = []
        self._reachable: dict[str, list[Term]] = {}

    def all(self) -> list[Obligation]:
        """All of them, by kind."""
        self.made = []
        for make in (
            self._definitions,
            self._initiation,
            self._consecution,
            self._bystanders,
            self._hosts,
            self._reasons,
            self._honesty,
            self._effects,
            self._grants,
            self._properties,
            self._moves,
            self._removal,
            self._beginnings,
            self._generations,
            self._progress,
            self._events,
            self._replay,
            self._overflow,
        ):
            make()
        return self.made

    # How obligations are written down

    def _prove(
        self,
        kind: str,
        rule: Rule | str,
        goal: Term,
        *,
        command: str | None = None,
        assumes: Sequence[Term] = (),
        transition: Transition | None = None,
    ) -> None:
        name = rule if isinstance(rule, str) else rule.__name__
        self.made.append(Obligation(kind, name, command, tuple(assumes), goal, transition))

    def _says(self, sentence: Rule, **given: Value) -> Term:
        """What a sentence says of what it is given, by the names of its parameters."""
        return term(self.specification.call(sentence, [given[name] for name in sorts_of(sentence)]))

    def _of(self, transition: Transition, sentence: Rule, **more: Value) -> Term:
        """What a sentence says of a transition: before and after are sites, or VMs, as it takes them."""
        kinds = sorts_of(sentence)
        given: dict[str, Value] = {**transition.arguments, "decision": transition.decision, "site": transition.before}
        for moment, site in (("before", transition.before), ("after", transition.after)):
            of = kinds.get(moment)
            given[moment] = site["vm"] if of is Vm else site["host"] if of is Host else site
        given["vm"] = transition.before["vm"]
        given |= more
        anything_else = {name: anything(name, kind) for name, kind in kinds.items() if name not in given}
        return self._says(sentence, **given, **anything_else)

    def invariants(self, site: Record) -> list[Term]:
        """That all invariants hold of a site."""
        return [self._says(invariant, site=site) for invariant in INVARIANTS]

    def reachable(self, transition: Transition) -> list[Term]:
        """That the state before is one that can be, and the arguments can be written."""
        known = self._reachable.get(transition.command)
        if known is None:
            known = [*self.invariants(transition.before), *written(transition.arguments)]
            self._reachable[transition.command] = known
        return [*known]

    # Kinds of obligations

    def _definitions(self) -> None:
        """The program's derived figures are the specification's, in any state at all."""
        for rule, sentence in (
            (getter(Vm, "held"), figures.held_by),
            (getter(Vm, "visible"), figures.seen_by),
            (getter(Host, "free"), figures.free_on),
            (getter(Site, "limit"), figures.largest_here),
            (cap, figures.largest),
            (valid_setting, figures.is_valid),
            (getter(Vm, "mechanism"), figures.removal_by),
            (whole, figures.is_whole),
            (down, figures.whole_part),
            (outcome_of, figures.grant_is_called),
            (evolve.book_change, figures.moved_in_book),
            (resizing.set_memory, figures.asking_for_size),
            (resizing.set_memory_refusal, figures.why_no_size),
        ):
            given = [anything(name, kind) for name, kind in sorts_of(rule).items()]
            said = self.specification.call(sentence, given)
            self._prove("definition", sentence, equal(self.program.call(rule, given), said))
        vm = record(SITE["vm"])
        runs = self._says(figures.has_the_driver, guest=vm["guest"], memory=vm["memory"])
        loads = self.program.call(loads_driver, [vm["guest"], record(vm["memory"])["mode"]])
        self._prove("definition", figures.has_the_driver, equal(loads, runs))

    def _initiation(self) -> None:
        """A host begins as it should, and a VM does on any host, however busy."""
        total, reserve = number("total"), number("reserve")
        version = anything("version", sorts_of(evolve.host_registered)["version"])
        decision = record(self.program.call(hosts.register_host, [total, reserve]))
        host = self.program.call(evolve.host_registered, [total, reserve, version])
        begun = Record(Site, {**SITE.fields, "host": host, "entry": ZERO})
        granted = [self._accepted(decision), *written({"total": total, "reserve": reserve})]
        for invariant in (host_is_real, host_never_overcommitted):
            goal = self._says(invariant, site=begun)
            self._prove("initiation", invariant, goal, command="register-host", assumes=granted)

        kinds = sorts_of(evolve.vm_defined)
        given = {name: anything(name, kind) for name, kind in kinds.items()}
        decision = record(self.program.call(lifecycle.define_vm, [SITE["host"], given["generation"], given["memory"]]))
        vm = self.program.call(evolve.vm_defined, list(given.values()))
        defined = Record(Site, {"host": SITE["host"], "vm": vm, "entry": ZERO})
        busy = Record(Site, {**SITE.fields, "entry": ZERO})
        real = [self._says(each, site=busy) for each in (host_is_real, host_never_overcommitted)]
        for invariant in INVARIANTS:
            goal = self._says(invariant, site=defined)
            assumes = [*real, self._accepted(decision), *written(given)]
            self._prove("initiation", invariant, goal, command="define-vm", assumes=assumes)

    def _consecution(self) -> None:
        """Every command keeps every invariant of the VM that it is about."""
        for transition in self.transitions.values():
            assumes = self.moving(transition)
            for invariant in INVARIANTS:
                goal = self._says(invariant, site=transition.after)
                self._prove(
                    "keeps", invariant, goal, command=transition.command, assumes=assumes, transition=transition
                )

    def moving(self, transition: Transition) -> list[Term]:
        """What is known before a command; of a move also that the other host is one, and knows nothing of the VM."""
        assumes = self.reachable(transition)
        if transition.left is not None:
            there = Record(Site, {**SITE.fields, "host": transition.arguments["destination"], "entry": ZERO})
            assumes += [self._says(each, site=there) for each in (host_is_real, host_never_overcommitted)]
        return assumes

    def _bystanders(self) -> None:
        """No command on one VM breaks an invariant of another, on the same host or, of a move, on either."""
        other = record(anything("other", Site))
        for transition in self.transitions.values():
            hosts_after: list[tuple[str, Value, Term, Value, Term]] = [
                ("", SITE["host"], term(SITE["entry"]), transition.after["host"], term(transition.after["entry"]))
            ]
            if transition.left is not None and transition.left_entry is not None:
                there = transition.arguments["destination"]
                stays = terms.negation(transition.accepted)
                hosts_after = [
                    ("source", SITE["host"], term(SITE["entry"]), transition.left, transition.left_entry),
                    ("destination", there, ZERO, record(choose(stays, there, transition.after["host"])), ZERO),
                ]
            for where, before, entry, after, entry_after in hosts_after:
                beside = Record(Site, {**other.fields, "host": before})
                still = Record(Site, {**other.fields, "host": after})
                taken = term(transition.after["entry"]) if where == "destination" else entry_after
                if where == "destination":
                    taken = terms.choose(transition.accepted, taken, ZERO)
                room = terms.at_most(terms.add(entry, other.term("entry")), record(before).term("held"))
                assumes = [*self.moving(transition), *self.invariants(beside), room]
                command = transition.command if not where else f"{transition.command} ({where})"
                for invariant in INVARIANTS:
                    self._prove(
                        "bystander",
                        invariant,
                        self._says(invariant, site=still),
                        command=command,
                        assumes=assumes,
                        transition=transition,
                    )
                goal = terms.at_most(terms.add(taken, other.term("entry")), record(after).term("held"))
                self._prove(
                    "bystander", "there_is_room_for_all", goal, command=command, assumes=assumes, transition=transition
                )

    def _hosts(self) -> None:
        """Resizing a host or setting its reserve keeps every invariant of every VM on it."""
        for name, decide, change, argument in (
            ("resize-host", hosts.resize_host, events.HostResized, "total"),
            ("set-reserve", hosts.set_reserve, events.HostReserveSet, "reserve"),
        ):
            given = number(argument)
            decision = record(self.program.call(decide, [SITE["host"], given]))
            host = self.program.call(HOST_CHANGES[change].rule, [SITE["host"], given])
            after = Record(Site, {**SITE.fields, "host": host})
            assumes = [*self.invariants(SITE), *written({argument: given}), self._accepted(decision)]
            for invariant in INVARIANTS:
                goal = self._says(invariant, site=after)
                self._prove("keeps", invariant, goal, command=name, assumes=assumes)
            kept = terms.equal(record(host).term("held"), record(SITE["host"]).term("held"))
            self._prove("frame", "book_is_kept", kept, command=name)
            # A host without any VM keeps what is said of hosts too.
            empty = Record(Site, {**SITE.fields, "entry": ZERO})
            assumes = [self._says(each, site=empty) for each in (host_is_real, host_never_overcommitted)]
            assumes += [*written({argument: given}), self._accepted(decision)]
            for invariant in (host_is_real, host_never_overcommitted):
                goal = self._says(invariant, site=Record(Site, {**empty.fields, "host": host}))
                self._prove("keeps", invariant, goal, command=f"{name} (no VM)", assumes=assumes)

    def _accepted(self, decision: Record) -> Term:
        return term(self.program.call(accepted, [decision]))

    def _honest(self, decision: Record) -> Term:
        return self._says(changes.answer_is_honest, decision=decision)

    def _reasons(self) -> None:
        """A command is rejected exactly when the specification says, with the code of the first reason."""
        for transition in self.transitions.values():
            name = transition.command.replace("-", "_")
            sentence = getattr(conditions, f"why_not_{name}")
            why = self._of(transition, sentence)
            self._prove(
                "reason",
                sentence,
                rejected_because(transition.decision, why),
                command=transition.command,
                assumes=written(transition.arguments),
                transition=transition,
            )
            short = getattr(conditions, f"{name}_is_short", None)
            fails = is_outcome(transition.decision, Outcome.FAILED)
            if short is not None:
                due = terms.both(terms.equal(why, terms.constant(Code.NONE)), self._of(transition, short))
                code = terms.equal(transition.decision.term("code"), terms.constant(Code.INSUFFICIENT_HOST_MEMORY))
                goal = terms.both(same(fails, due), terms.implies(fails, code))
                self._prove("reason", short, goal, command=transition.command, transition=transition)
            elif "amount" not in transition.arguments and transition.command != "set-memory":
                goal = terms.negation(fails)
                self._prove("reason", "never_fails", goal, command=transition.command, transition=transition)
        given = {name: anything(name, kind) for name, kind in sorts_of(lifecycle.define_vm).items()}
        for name, decide, arguments in (
            ("register-host", hosts.register_host, {"total": number("total"), "reserve": number("reserve")}),
            ("resize-host", hosts.resize_host, {"host": SITE["host"], "total": number("total")}),
            ("set-reserve", hosts.set_reserve, {"host": SITE["host"], "reserve": number("reserve")}),
            ("remove-host", hosts.remove_host, {"vms": number("vms")}),
            ("define-vm", lifecycle.define_vm, given),
        ):
            sentence = getattr(conditions, f"why_not_{name.replace('-', '_')}")
            decision = record(self.program.call(decide, list(arguments.values())))
            why = self._says(sentence, **arguments)
            self._prove("reason", sentence, rejected_because(decision, why), command=name)
            never = terms.negation(is_outcome(decision, Outcome.FAILED))
            self._prove("reason", "never_fails", never, command=name)
            self._prove("honesty", changes.answer_is_honest, self._honest(decision), command=name)

    def _honesty(self) -> None:
        """What is answered is so, in any state, reachable or not: the judge meets others."""
        for transition in self.transitions.values():
            if transition.command == "set-memory":
                continue  # it is answered as what it becomes
            amounts = "amount" in transition.arguments
            sentence = changes.outcome_is_honest if amounts else changes.answer_is_honest
            goal = self._of(transition, sentence)
            self._prove("honesty", sentence, goal, command=transition.command, transition=transition)

    def _effects(self) -> None:
        """A command that takes effect changes exactly what its row names; one that does not, nothing."""
        does: Mapping[str, Callable[..., bool]] = {
            "start": effects.boots,
            "reboot-guest": effects.boots,
            "add-memory": effects.giving_does,
            "grow": effects.giving_does,
            "remove-memory": effects.taking_does,
            "reclaim": effects.reclaim_does,
            "move-vm": effects.nothing_changed,
            "set-memory": effects.set_memory_does,
            "remove-vm": effects.nothing_changed,
        }
        for transition in self.transitions.values():
            refused = terms.implies(
                terms.negation(transition.accepted), self._of(transition, changes.refused_changes_nothing)
            )
            self._prove(
                "frame",
                changes.refused_changes_nothing,
                refused,
                command=transition.command,
                transition=transition,
            )
            name = transition.command.replace("-", "_")
            sentence = does.get(transition.command) or getattr(effects, f"{name}_does", None)
            if sentence is None:
                continue
            goal = self._of(transition, sentence, granted=transition.decision["granted"])
            self._prove(
                "effect",
                sentence,
                terms.implies(transition.accepted, goal),
                command=transition.command,
                assumes=self.reachable(transition),
                transition=transition,
            )

    def _grants(self) -> None:
        """As much is granted as is possible, and a short grant says truly why."""
        vm = record(SITE["vm"])
        memory = record(vm["memory"])
        least = terms.constant(figures.FLOOR)
        legacy = terms.equal(vm.term("guest"), terms.constant(Guest.WINDOWS_LEGACY))
        giving: dict[str, Term] = {
            "add-memory": self._says(figures.largest_here, site=SITE),
            "grow": memory.term("maximum"),
        }
        taking: dict[str, Term] = {"remove-memory": least, "reclaim": memory.term("minimum")}
        for command, most in giving.items():
            self._granted("fits", command, changes.giving_fits, most=most)
            self._granted("parts", command, changes.balloon_goes_first)
            self._granted("maximal", command, changes.giving_is_maximal, most=most)
            self._granted("maximal", command, changes.giving_code_is_true, most=most)
            self._granted("grant", command, changes.grant_is_applied_up)
            self._granted("visible", command, changes.visible_rises_as_said)
        for command, bound in taking.items():
            ordinary = terms.negation(legacy) if command == "reclaim" else TRUE
            self._granted("fits", command, changes.taking_fits, when=ordinary, least=bound)
            self._granted("parts", command, changes.taking_has_no_parts, when=ordinary)
            self._granted("maximal", command, changes.taking_is_maximal, when=ordinary, least=bound)
            self._granted("maximal", command, changes.taking_code_is_true, when=ordinary, least=bound)
            self._granted("grant", command, changes.grant_is_applied_down)
            self._granted("visible", command, changes.visible_falls_as_said)
            self._granted("hot-remove", command, changes.removed_was_hot_pluggable)
            self._granted("in-use", command, changes.in_use_never_removed, when=ordinary)
        self._granted("fits", "reclaim", changes.paging_fits, when=legacy, least=memory.term("minimum"))
        self._granted("parts", "reclaim", changes.pages_what_no_longer_fits, when=legacy)
        self._granted("maximal", "reclaim", changes.paging_is_maximal, when=legacy, least=memory.term("minimum"))
        self._granted("maximal", "reclaim", changes.paging_code_is_true, when=legacy)
        self._granted("in-use", "reclaim", changes.only_balloon_pages_out, when=legacy)
        for command in giving:
            self._granted("in-use", command, changes.in_use_never_removed)

    def _granted(self, kind: str, command: str, sentence: Rule, when: Term = TRUE, **more: Value) -> None:
        """What is decided holds in any state, as the judge meets it; what changes, in those that can be."""
        transition = self.transitions[command]
        goal = terms.implies(when, self._of(transition, sentence, **more))
        assumes = [] if "after" not in sorts_of(sentence) and kind in _DECIDED else self.reachable(transition)
        self._prove(kind, sentence, goal, command=command, assumes=assumes, transition=transition)

    def _properties(self) -> None:
        """What holds of every command alike: conservation, the book, the watermark, who is made to page."""
        for transition in self.transitions.values():
            sentences: list[Rule] = [changes.watermark_monotone]
            if transition.command != "reclaim":
                sentences.append(changes.nothing_paged_out)
            if transition.left is None:
                sentences += [
                    changes.conserved,
                    changes.account_kept,
                    changes.book_changes_when_due,
                    changes.others_kept,
                ]
            for sentence in sentences:
                self._prove(
                    "property",
                    sentence,
                    self._of(transition, sentence),
                    command=transition.command,
                    assumes=self.reachable(transition),
                    transition=transition,
                )

    def _moves(self) -> None:
        """A move takes from one host what it gives to the other, and no host keeps an entry for a VM that is gone."""
        move = self.transitions["move-vm"]
        left, left_entry = record(move.left), term(move.left_entry)
        there = record(move.arguments["destination"])
        held = self._says(figures.held_by, vm=record(SITE["vm"]))
        free = {
            name: self._says(figures.free_on, host=host)
            for name, host in (
                ("here", SITE["host"]),
                ("left", left),
                ("there", there),
                ("reached", record(move.after["host"])),
            )
        }
        goals: dict[str, Term] = {
            "source_gets_back_what_it_held": terms.equal(free["left"], terms.add(free["here"], held)),
            "destination_gives_what_is_held": terms.equal(free["reached"], terms.subtract(free["there"], held)),
            "source_forgets_the_vm": terms.equal(left_entry, ZERO),
            "source_account_is_kept": self._says(changes.account_kept, before=SITE["host"], after=left),
            "destination_account_is_kept": self._says(
                changes.account_kept, before=there, after=record(move.after["host"])
            ),
        }
        for name, goal in goals.items():
            self._prove(
                "move",
                name,
                terms.implies(move.accepted, goal),
                command="move-vm",
                assumes=self.moving(move),
                transition=move,
            )
        source = Record(Site, {**SITE.fields, "host": left, "entry": left_entry})
        for invariant in (host_is_real, host_never_overcommitted):
            goal = self._says(invariant, site=source)
            self._prove(
                "keeps", invariant, goal, command="move-vm (source)", assumes=self.moving(move), transition=move
            )

    def _removal(self) -> None:
        """A VM that is removed leaves no entry in its host's book: what is in it is of those that stay."""
        remove = self.transitions["remove-vm"]
        goal = terms.implies(remove.accepted, terms.equal(term(remove.before["entry"]), ZERO))
        assumes = self.reachable(remove)
        self._prove("move", "removed_leaves_no_entry", goal, command="remove-vm", assumes=assumes, transition=remove)

    def _beginnings(self) -> None:
        """Hosts and VMs begin as they were asked for; of a host only what was asked for changes."""
        host = SITE["host"]
        for name, change, sentence in (
            ("register-host", evolve.host_registered, effects.register_host_does),
            ("resize-host", HOST_CHANGES[events.HostResized].rule, effects.resize_host_does),
            ("set-reserve", HOST_CHANGES[events.HostReserveSet].rule, effects.set_reserve_does),
            ("define-vm", evolve.vm_defined, effects.define_vm_does),
        ):
            given = {each: anything(each, kind) for each, kind in sorts_of(change).items()}
            if "host" in given:
                given["host"] = host
            after = self.program.call(change, list(given.values()))
            told = {each: value for each, value in given.items() if each in sorts_of(sentence)}
            goal = self._says(sentence, **told, before=host, after=after)
            self._prove("effect", sentence, goal, command=name)

    def _generations(self) -> None:
        """But for the most that a VM can have, generations 1 and 2 are decided alike."""
        half = terms.constant(figures.ONE_TEBIBYTE // 2)
        for transition in self.transitions.values():
            sizes = {path: part for path, part in leaves(SITE["vm"]) if path.rpartition(".")[2] in _SIZES}
            small = [terms.at_most(part, half) for part in sizes.values()]
            small += [terms.at_most(part, half) for part in written_sizes(transition.arguments)]
            one, two = (
                substitute(transition.decision, {"site.vm.generation": terms.constant(generation)})
                for generation in (1, 2)
            )
            self._prove(
                "generation",
                "generation_is_no_matter",
                equal(one, two),
                command=transition.command,
                assumes=[*self.reachable(transition), *small],
                transition=transition,
            )

    def _progress(self) -> None:
        """A VM that is not off can be stopped and then removed; one that fits can be started, or restored."""
        stop, off = self.transitions["stop"], terms.constant(Power.OFF)
        vm = record(SITE["vm"])
        running = terms.negation(terms.equal(vm.term("power"), off))
        then_removed = record(self.program.call(lifecycle.remove_vm, [stop.after]))
        free = self._says(figures.free_on, host=SITE["host"])
        fits = {
            "start": (terms.equal(vm.term("power"), off), record(vm["memory"]).term("startup")),
            "restore": (terms.equal(vm.term("power"), terms.constant(Power.SAVED)), vm.term("assigned")),
        }
        goals: list[tuple[str, str, Term]] = [
            ("stop", "can_be_stopped", terms.implies(running, is_outcome(stop.decision, Outcome.DONE))),
            ("stop", "can_then_be_removed", terms.implies(running, is_outcome(then_removed, Outcome.DONE))),
        ]
        for command, (ready, needs) in fits.items():
            done = is_outcome(self.transitions[command].decision, Outcome.DONE)
            goals.append(
                (command, "what_fits_starts", terms.implies(terms.both(ready, terms.at_most(needs, free)), done))
            )
        for command, name, goal in goals:
            self._prove("progress", name, goal, command=command, assumes=self.invariants(SITE))

    def _events(self) -> None:
        """Each command is followed by the event of its row, and an event that tells of no change makes none."""
        for command, row in STEPS.items():
            name = NAMES[command]
            as_named = terms.constant(FOLLOWED_BY.get(name) == row.event.KIND)
            self._prove("event", "is_followed_by_its_own", as_named, command=name)
        refused = VM_CHANGES[events.VmCommandRefused].rule
        goal = equal(self.program.call(refused, [SITE["vm"]]), SITE["vm"])
        self._prove("replay", "refused_command_changes_no_vm", goal)
        for name, kind in (
            ("refused_command_changes_no_host", events.HostCommandRefused),
            ("removal_changes_no_host", events.HostRemoved),
        ):
            host = self.program.call(HOST_CHANGES[kind].rule, [SITE["host"]])
            goal = self._says(changes.host_is_kept, before=SITE["host"], after=host)
            self._prove("replay", name, goal)

    def _replay(self) -> None:
        """Book changes of different VMs can be replayed in either order; what changes nothing writes nothing."""
        host, one, other = SITE["host"], number("one"), number("other")
        for first, second in (
            (evolve.granted_to_vm, evolve.granted_to_vm),
            (evolve.granted_to_vm, evolve.returned_by_vm),
            (evolve.returned_by_vm, evolve.returned_by_vm),
        ):
            this_way = self.program.call(second, [self.program.call(first, [host, one]), other])
            that_way = self.program.call(first, [self.program.call(second, [host, other]), one])
            self._prove("replay", f"{first.__name__}_and_{second.__name__}_commute", equal(this_way, that_way))
        for command, rule in (("granted", evolve.entry_granted), ("returned", evolve.entry_returned)):
            whole_book = evolve.granted_to_vm if command == "granted" else evolve.returned_by_vm
            entry = term(self.program.call(rule, [SITE["entry"], one]))
            held = record(self.program.call(whole_book, [host, one])).term("held")
            moved = terms.equal(
                terms.subtract(entry, term(SITE["entry"])), terms.subtract(held, record(host).term("held"))
            )
            self._prove("replay", f"entry_and_total_are_{command}_alike", moved)

    def _overflow(self) -> None:
        """No number on the way leaves 64 bits, so that other engines compute the same."""
        bound = terms.constant(OVERFLOW)
        for transition in self.transitions.values():
            parts = [part for value in (transition.decision, transition.after) for _, part in leaves(value)]
            numbers = [part for part in terms.subterms(*parts) if part.sort is int and part.parts]
            inside = [terms.both(terms.less(part, bound), terms.less(terms.negate(part), bound)) for part in numbers]
            inputs = [part for _, part in leaves(SITE) if part.sort is int]
            inputs += [part for value in transition.arguments.values() for _, part in leaves(value) if part.sort is int]
            largest = terms.constant(LARGEST)
            small = [
                terms.both(terms.at_most(part, largest), terms.at_most(terms.negate(part), largest)) for part in inputs
            ]
            self._prove(
                "overflow",
                "fits_64_bits",
                terms.both(*inside),
                command=transition.command,
                assumes=[*self.reachable(transition), *small],
                transition=transition,
            )


# Small things to say with terms

_DECIDED: Final = frozenset(("fits", "parts", "maximal"))
"""Kinds of obligations that are about what is decided alone."""

_SIZES: Final = frozenset(
    ("amount", "size", "in_use", "total", "reserve", "startup", "minimum", "maximum", "assigned", "high_watermark")
)


def number(name: str) -> Term:
    """Any whole number."""
    return terms.variable(name, int)


def written_sizes(arguments: Mapping[str, Value]) -> list[Term]:
    """The sizes among the arguments of a command: what somebody wrote, not what a host that it names has."""
    return [
        part
        for name, value in arguments.items()
        if name != "destination"
        for path, part in leaves(value, name)
        if part.sort is int and path.rpartition(".")[2] in _SIZES
    ]


def written(arguments: Mapping[str, Value]) -> list[Term]:
    """That the sizes among the arguments can be written: none is negative."""
    return [terms.at_most(ZERO, part) for part in written_sizes(arguments)]


def is_outcome(decision: Record, outcome: Outcome) -> Term:
    """A decision has this outcome."""
    return terms.equal(decision.term("outcome"), terms.constant(outcome))


def same(one: Term, other: Term) -> Term:
    """Two conditions hold together or not at all."""
    return terms.equal(one, other)


def rejected_because(decision: Record, why: Term) -> Term:
    """A decision is a rejection exactly where there is a reason, and then gives that reason."""
    rejected = is_outcome(decision, Outcome.REJECTED)
    reason = terms.negation(terms.equal(why, terms.constant(Code.NONE)))
    return terms.both(same(rejected, reason), terms.implies(rejected, terms.equal(decision.term("code"), why)))


def getter(kind: type, name: str) -> Rule:
    """The rule behind a property."""
    return cast("Rule", cast("property", getattr(kind, name)).fget)
