------------------------------- MODULE memory -------------------------------
(***************************************************************************)
(* The core of the memory model, a second time: Hyper-V's rules for the    *)
(* memory of running VMs as TLA+, written by hand from what docs/ say and  *)
(* not from the program.  TLC searches every state of a bounded world.     *)
(*                                                                         *)
(* Numbers are MiB.  Left out, against what Nilometer proves:              *)
(* - everything about more than one host, and about hosts that change;     *)
(* - configure-memory, configure-guest, set-memory, move-vm, remove-vm;    *)
(* - guests linux-legacy and unenlightened, generations, configuration     *)
(*   versions (all are new enough), names, buffer and weight;              *)
(* - the number of the session, and memory paged out beyond PAGED;         *)
(* - sizes that are no whole number of MiB, and all but a few that are;    *)
(* - properties of changes but three, and events.                          *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, TLC

CONSTANTS
  VMs,      \* the VMs that there may be
  TOTAL,    \* the memory of the only host
  RESERVE,  \* what its root partition keeps
  QUANTUM,  \* memory is configured and granted in whole multiples of it
  FLOOR,    \* the least that a VM keeps while it is not off
  CAP,      \* the most that a VM can have
  Guests,   \* the guests that VMs are defined with
  Sizes,    \* the sizes that VMs are defined with
  Amounts,  \* what is asked to be added or removed
  InUse,    \* what guests report
  PAGED     \* states in which a guest has paged out more are not followed

VARIABLES
  vm,       \* every VM; its power is "none" until it is defined
  book,     \* what the host holds for every VM
  answer    \* what was asked last, and what became of it; no part of the state

state == <<vm, book>>
Symmetry == Permutations(VMs)

Min(a, b) == IF a <= b THEN a ELSE b
Max(a, b) == IF a >= b THEN a ELSE b
Down(size) == (size \div QUANTUM) * QUANTUM
Whole(size) == size % QUANTUM = 0

RECURSIVE Sum(_, _)
Sum(f, over) == IF over = {} THEN 0
                ELSE LET one == CHOOSE each \in over : TRUE
                     IN  f[one] + Sum(f, over \ {one})

Free == TOTAL - RESERVE - Sum(book, VMs)

-----------------------------------------------------------------------------
(* Guests and VMs *)

Mechanism(guest) == CASE guest = "windows" -> "hot-remove"
                      [] guest = "windows-legacy" -> "balloon"
                      [] guest = "linux" -> "balloon-adjusted"

ResizesAtRuntime(guest) == guest \in {"windows", "linux"}
HasDriver(m) == m.guest # "windows-legacy" \/ m.mode = "dynamic"

Held(m) == IF m.power \in {"running", "paused"} THEN m.assigned ELSE 0
Available(m) == m.assigned - m.inUse
Visible(m) == IF Mechanism(m.guest) = "balloon" THEN m.assigned + m.ballooned
              ELSE m.assigned

Nothing == [assigned |-> 0, ballooned |-> 0, inUse |-> 0, reported |-> FALSE,
            paged |-> 0, watermark |-> 0, driver |-> FALSE, pluggable |-> 0]

Settings == [mode : {"static"}, startup : Sizes, minimum : {0}, maximum : {0}]
       \cup [mode : {"dynamic"}, startup : Sizes, minimum : Sizes, maximum : Sizes]

ValidSize(size) == Whole(size) /\ FLOOR <= size /\ size <= CAP
Valid(m) == /\ ValidSize(m.startup)
            /\ m.mode = "dynamic" =>
                 /\ ValidSize(m.minimum) /\ ValidSize(m.maximum)
                 /\ m.minimum <= m.startup /\ m.startup <= m.maximum

Undefined == Nothing @@ [power |-> "none", guest |-> "none", mode |-> "none",
                         startup |-> 0, minimum |-> 0, maximum |-> 0]

Booted(m) == [m EXCEPT !.power = "running",
                !.assigned = m.startup, !.watermark = m.startup,
                !.ballooned = 0, !.inUse = 0, !.reported = FALSE, !.paged = 0,
                !.driver = HasDriver(m),
                !.pluggable = IF m.guest = "windows" THEN m.startup ELSE 0]

Resized(m, assigned) ==
  [m EXCEPT !.assigned = assigned,
            !.startup = IF m.mode = "static" THEN assigned ELSE m.startup,
            !.watermark = Max(m.watermark, assigned),
            !.pluggable = IF m.guest = "windows" THEN assigned ELSE 0]

-----------------------------------------------------------------------------
(* Answers *)

Answer(command, v, argument, outcome, code, granted) ==
  answer' = [command |-> command, vm |-> v, argument |-> argument,
             outcome |-> outcome, code |-> code, granted |-> granted]

Refused(command, v, argument, outcome, code) ==
  Answer(command, v, argument, outcome, code, 0) /\ UNCHANGED state

(* The VM becomes `after`, and the host's book changes by `more`. *)
Changes(v, after, more) ==
  vm' = [vm EXCEPT ![v] = after] /\ book' = [book EXCEPT ![v] = @ + more]

Done(command, v, argument, after, more) ==
  Answer(command, v, argument, "done", "none", 0) /\ Changes(v, after, more)

(* Of a command that only asks for one of some power states. *)
IfPower(command, v, powers, after, more) ==
  IF vm[v].power \in powers THEN Done(command, v, 0, after, more)
  ELSE Refused(command, v, 0, "rejected", "wrong-power-state")

(* The same, and the host needs that much free. *)
IfPowerAndFree(command, v, power, needs, after) ==
  IF vm[v].power # power THEN Refused(command, v, 0, "rejected", "wrong-power-state")
  ELSE IF Free < needs THEN Refused(command, v, 0, "failed", "insufficient-host-memory")
  ELSE Done(command, v, 0, after, needs)

Outcome(granted, amount) == CASE granted = amount -> "completed"
                              [] granted = 0 -> "failed"
                              [] OTHER -> "partially-completed"

-----------------------------------------------------------------------------
(* The life of a VM *)

Define(v) ==
  /\ vm[v].power = "none"
  /\ \E guest \in Guests, setting \in Settings :
       LET m == [power |-> "off", guest |-> guest] @@ setting @@ Nothing
       IN  IF Valid(m) THEN Done("define-vm", v, <<guest, setting>>, m, 0)
           ELSE Refused("define-vm", v, <<guest, setting>>, "rejected", "invalid-setting")

Start(v) == IfPowerAndFree("start", v, "off", vm[v].startup, Booted(vm[v]))

Stop(v) == IfPower("stop", v, {"running", "paused", "saved"},
                   Nothing @@ [vm[v] EXCEPT !.power = "off"],
                   -Held(vm[v]))

Pause(v) == IfPower("pause", v, {"running"}, [vm[v] EXCEPT !.power = "paused"], 0)
Resume(v) == IfPower("resume", v, {"paused"}, [vm[v] EXCEPT !.power = "running"], 0)
Save(v) == IfPower("save", v, {"running", "paused"}, [vm[v] EXCEPT !.power = "saved"], -vm[v].assigned)

Restore(v) == IfPowerAndFree("restore", v, "saved", vm[v].assigned, [vm[v] EXCEPT !.power = "running"])

Reboot(v) == IfPowerAndFree("reboot-guest", v, "running", vm[v].startup - vm[v].assigned, Booted(vm[v]))

Report(v, inUse) ==
  LET no(code) == Refused("report-in-use", v, inUse, "rejected", code) IN
  CASE vm[v].power # "running" -> no("wrong-power-state")
    [] OTHER -> IF inUse > vm[v].assigned THEN no("implausible")
                ELSE Done("report-in-use", v, inUse, [vm[v] EXCEPT !.inUse = inUse, !.reported = TRUE], 0)

-----------------------------------------------------------------------------
(* Memory for running VMs *)

(* First the balloon is let down, then memory is hot-added. *)
Give(command, v, amount, limit) ==
  LET m == vm[v]
      room == limit - m.assigned
      granted == Down(Max(0, Min(amount, Min(Free, room))))
      code == IF granted = amount THEN "none"
              ELSE IF Free <= room THEN "insufficient-host-memory" ELSE "size-limit"
  IN  /\ Answer(command, v, amount, Outcome(granted, amount), code, granted)
      /\ Changes(v, [Resized(m, m.assigned + granted) EXCEPT !.ballooned = @ - Min(granted, @)], granted)

Take(command, v, amount, least) ==
  LET m == vm[v]
      above == m.assigned - least
      pages == command = "reclaim" /\ m.guest = "windows-legacy"
      most == IF pages THEN above ELSE Min(Available(m), above)
      granted == Down(Max(0, Min(amount, most)))
      code == IF granted = amount THEN "none"
              ELSE IF ~pages /\ Available(m) <= above THEN "memory-in-use" ELSE "minimum-reached"
      assigned == m.assigned - granted
      paged == IF pages THEN Max(0, m.inUse - assigned) ELSE 0
      lent == IF Mechanism(m.guest) = "hot-remove" THEN 0 ELSE granted
  IN  /\ Answer(command, v, amount, Outcome(granted, amount), code, granted)
      /\ Changes(v, [Resized(m, assigned) EXCEPT !.ballooned = @ + lent, !.inUse = @ - paged, !.paged = @ + paged],
                 -granted)

(* The first reason why memory cannot be moved at all, or "none". *)
Obstacle(command, v, amount, mode) ==
  LET m == vm[v] IN
  IF m.power # "running" THEN "wrong-power-state"
  ELSE IF m.mode # mode
    THEN IF mode = "static" THEN "dynamic-memory-enabled" ELSE "dynamic-memory-disabled"
  ELSE IF ~m.driver \/ (mode = "static" /\ ~ResizesAtRuntime(m.guest)) THEN "guest-cannot-resize"
  ELSE IF amount <= 0 \/ ~Whole(amount) THEN "invalid-amount"
  ELSE IF ~m.reported /\ (command = "remove-memory" \/ (command = "reclaim" /\ m.guest # "windows-legacy"))
    THEN "in-use-not-reported"
  ELSE "none"

Add(v, amount) ==
  LET why == Obstacle("add-memory", v, amount, "static") IN
  IF why # "none" THEN Refused("add-memory", v, amount, "rejected", why) ELSE Give("add-memory", v, amount, CAP)

Remove(v, amount) ==
  LET why == Obstacle("remove-memory", v, amount, "static") IN
  IF why # "none" THEN Refused("remove-memory", v, amount, "rejected", why)
  ELSE Take("remove-memory", v, amount, FLOOR)

Grow(v, amount) ==
  LET why == Obstacle("grow", v, amount, "dynamic") IN
  IF why # "none" THEN Refused("grow", v, amount, "rejected", why) ELSE Give("grow", v, amount, vm[v].maximum)

Reclaim(v, amount) ==
  LET why == Obstacle("reclaim", v, amount, "dynamic") IN
  IF why # "none" THEN Refused("reclaim", v, amount, "rejected", why)
  ELSE Take("reclaim", v, amount, vm[v].minimum)

-----------------------------------------------------------------------------
(* All histories *)

Init == /\ vm = [v \in VMs |-> Undefined]
        /\ book = [v \in VMs |-> 0]
        /\ answer = "nothing was asked"

Asked(v) ==
  \/ Define(v)
  \/ /\ vm[v].power # "none"
     /\ \/ Start(v) \/ Stop(v) \/ Pause(v) \/ Resume(v) \/ Save(v) \/ Restore(v) \/ Reboot(v)
        \/ \E inUse \in InUse : Report(v, inUse)
        \/ \E amount \in Amounts : Add(v, amount) \/ Remove(v, amount) \/ Grow(v, amount) \/ Reclaim(v, amount)

Next == \E v \in VMs : Asked(v)

Spec == Init /\ [][Next]_<<vm, book, answer>>

Bounded == \A v \in VMs : vm[v].paged <= PAGED

-----------------------------------------------------------------------------
(* What is true in every state, by the names that docs/rules.md has *)

Defined == {v \in VMs : vm[v].power # "none"}
Awake == {v \in Defined : vm[v].power # "off"}

host_never_overcommitted == RESERVE + Sum(book, VMs) <= TOTAL
book_agrees == \A v \in VMs : book[v] >= 0 /\ book[v] = Held(vm[v])
in_use_is_assigned ==
  \A v \in VMs : /\ 0 <= vm[v].inUse /\ vm[v].inUse <= vm[v].assigned
                 /\ ~vm[v].reported => vm[v].inUse = 0
off_means_nothing ==
  \A v \in VMs \ Awake : \A figure \in DOMAIN Nothing : vm[v][figure] = Nothing[figure]
settings_valid == \A v \in Defined : Valid(vm[v])
within_bounds ==
  \A v \in Awake : LET m == vm[v] IN
    /\ FLOOR <= m.assigned /\ m.assigned <= m.watermark /\ m.watermark <= CAP
    /\ m.mode = "dynamic" => m.minimum <= m.assigned /\ m.watermark <= m.maximum
size_is_assigned == \A v \in Awake : vm[v].mode = "static" => vm[v].startup = vm[v].assigned
whole_quanta ==
  \A v \in VMs : /\ Whole(vm[v].assigned) /\ Whole(vm[v].ballooned) /\ Whole(vm[v].watermark)
                 /\ vm[v].ballooned >= 0
no_balloon_without_one == \A v \in VMs : vm[v].guest = "windows" => vm[v].ballooned = 0
balloon_is_the_rest ==
  \A v \in Awake : vm[v].guest # "windows" => vm[v].assigned + vm[v].ballooned = vm[v].watermark
watermark_is_visible ==
  \A v \in Awake : Mechanism(vm[v].guest) = "balloon" => Visible(vm[v]) = vm[v].watermark
current_is_visible ==
  \A v \in Defined : Mechanism(vm[v].guest) # "balloon" => Visible(vm[v]) = vm[v].assigned
all_hot_pluggable ==
  \A v \in VMs : vm[v].pluggable = IF vm[v].guest = "windows" THEN vm[v].assigned ELSE 0
driver_runs == \A v \in VMs : vm[v].driver <=> (v \in Awake /\ HasDriver(vm[v]))
only_legacy_pages ==
  \A v \in VMs : vm[v].paged >= 0 /\ (vm[v].guest # "windows-legacy" => vm[v].paged = 0)

-----------------------------------------------------------------------------
(* What is true of every change *)

resizing == {"add-memory", "remove-memory", "grow", "reclaim"}
Resizes == answer'.command \in resizing
Before == vm[answer'.vm]
After == vm'[answer'.vm]

GrantIsApplied ==
  Resizes => After.assigned = Before.assigned
                + (IF answer'.command \in {"add-memory", "grow"} THEN answer'.granted ELSE -answer'.granted)
InUseNeverRemoved ==
  Resizes /\ ~(answer'.command = "reclaim" /\ Before.guest = "windows-legacy") =>
    After.inUse = Before.inUse /\ After.inUse <= After.assigned /\ After.paged = Before.paged
WatermarkMonotone ==
  answer'.command \notin {"start", "reboot-guest", "stop"} => After.watermark = Max(Before.watermark, After.assigned)

grant_is_applied == [][GrantIsApplied]_state
in_use_never_removed == [][InUseNeverRemoved]_state
watermark_monotone == [][WatermarkMonotone]_state
=============================================================================
