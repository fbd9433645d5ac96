----------------------------- MODULE transitions -----------------------------
(***************************************************************************)
(* Every transition of a small world with the program's own QUANTUM (2 MiB)*)
(* and FLOOR (32 MiB), told as it is searched: VM b is there first, and    *)
(* only starts and stops beside it; VM a is asked everything.              *)
(***************************************************************************)
EXTENDS memory, Sequences

Neighbour == \/ vm["b"].power # "none" /\ (Start("b") \/ Stop("b"))
             \/ /\ Define("b")
                /\ vm'["b"].guest = "linux" /\ vm'["b"].mode = "static" /\ vm'["b"].startup = FLOOR

TwoVms == Init /\ [][IF vm["b"].power = "none" THEN Neighbour ELSE Neighbour \/ Asked("a")]_<<vm, book, answer>>

Row(m) == <<m.power, m.guest, m.mode, m.startup, m.minimum, m.maximum, m.assigned, m.ballooned,
            m.inUse, m.reported, m.paged, m.watermark, m.driver, m.pluggable>>
Rows(all) == <<Row(all["a"]), Row(all["b"])>>
Argument == IF answer'.command = "define-vm"
            THEN LET of == answer'.argument
                 IN  <<of[1], of[2].mode, of[2].startup, of[2].minimum, of[2].maximum>>
            ELSE <<answer'.argument>>

(* Always true: it says what happens. *)
Told == PrintT(ToString(<<
  Rows(vm), book["a"], book["b"],
  <<answer'.command, answer'.vm>> \o Argument, <<answer'.outcome, answer'.code, answer'.granted>>,
  Rows(vm'), book'["a"], book'["b"]>>))
==============================================================================
