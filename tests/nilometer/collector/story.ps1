# 46 minutes on two hosts, with operators who do and don't use Invoke-NiloChange; leaves their spool in $Out/spool. Called by
# checks.ps1, with the module loaded and the stand-in in place of clock, host, user, owner and disk.
param([string]$Out)
$null = New-Item -ItemType Directory -Force -Path $Out, "$Out/spool", "$Out/spool/changes"
$one, $two = "$Out/HV01", "$Out/HV02"
function Use-Host([string]$State, [string]$User = 'NT AUTHORITY\SYSTEM') { $env:NILO_STUB_STATE = $State; $env:NILO_STUB_OWNER = $User }
Use-Host $two; New-StubHost -HostName HV02; Edit-StubHost { param($s) $s.vms = @() }
Use-Host $one; New-StubHost -HostName HV01

$said = [Collections.ArrayList]::new()
function Say([string]$What) { [void]$said.Add($What) }
# A poll of both hosts, as the scheduled task does it; then a minute passes on both.
function Invoke-Minute([switch]$NoPoll) {
    foreach ($state in $one, $two) {
        Use-Host $state
        if (-not $NoPoll) { Invoke-NiloPoll -Spool "$Out/spool" }
        Step-StubMinute 1
    }
    Use-Host $one
}
# A few seconds before the minute: a change does not begin at the very time of a poll.
function Invoke-As([string]$User, [scriptblock]$Do) {
    Use-Host $one $User
    Step-StubMinute (-5 / 60)
    try { & $Do } catch { Say "thrown to ${User}: $_" } finally { Use-Host $one; Step-StubMinute (5 / 60) }
}
$PSDefaultParameterValues = @{ "Invoke-NiloChange:Spool" = "$Out/spool" }

1..3 | ForEach-Object { Invoke-Minute }
# 03 anna: web01 4 -> 8 GiB, in full
Invoke-As 'CONTOSO\anna' { Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Reason 'month end' -Ticket CHG-7 }; 1..3 | ForEach-Object { Invoke-Minute }
# 06 ben (no wrapper): db(1)#x 8192 -> 2048, 5000 in use: 3192 of 6144, job 32768
Invoke-StubForeignChange 'db(1)#x' 2048 'CONTOSO\ben' 42; 1..4 | ForEach-Object { Invoke-Minute }
# 10 balloon VM erp01: Dynamic Memory takes 1408 (visible stays 2048); 12 it gives 2432 (visible 3072)
Edit-StubHost { param($s) $v = $s.vms[1]; $v.assigned = 640; $v.removed += 1408 }; 1..2 | ForEach-Object { Invoke-Minute }
Edit-StubHost { param($s) $v = $s.vms[1]; $v.assigned = 3072; $v.visible = 3072; $v.added += 2432 }; 1..2 | ForEach-Object { Invoke-Minute }
# 14 web01 is renamed web02
Edit-StubHost { param($s) $s.vms[0].name = 'web02' }; 1..2 | ForEach-Object { Invoke-Minute }
# 16 anna: 9001 MB, refused (not aligned)
Invoke-As 'CONTOSO\anna' { Invoke-NiloChange web02 { Set-VMMemory web02 -StartupBytes 9001MB } -ErrorAction SilentlyContinue -ErrorVariable wrong; Say "anna saw: $wrong" }
1..2 | ForEach-Object { Invoke-Minute }
# 18 carl (no wrapper): a remove-memory job on web02 that fails (state 10)
Edit-StubHost { param($s) $s.vms[0].used = $s.vms[0].assigned }; Invoke-StubForeignChange 'web02' 1024 'CONTOSO\carl' 42
Edit-StubHost { param($s) $s.vms[0].used = 1200 }; 1..2 | ForEach-Object { Invoke-Minute }
# 20 the counters have German names for two minutes; the performance classes have not
Edit-StubHost { param($s) $s.faults.counters = 'Das angegebene Objekt wurde auf dem Computer nicht gefunden.' }; 1..2 | ForEach-Object { Invoke-Minute }
Edit-StubHost { param($s) $s.faults.counters = '' }; Invoke-Minute
# 23 web02 vanishes for Get-VMMemory and its figures between two calls of one poll
Edit-StubHost { param($s) $s.faults.vanish = 'web02' }; Invoke-Minute
Edit-StubHost { param($s) $s.faults.vanish = '' }; 1..2 | ForEach-Object { Invoke-Minute }
# 26 anna turns web02 off (job 13), 28 and starts it (job 12)
Edit-StubHost { param($s) $v = $s.vms[0]; $v.state = 3; $v.assigned = 0; $v.visible = 0; $v.started = $null; Add-StubJob $s $v 13 7 'CONTOSO\anna' }; 1..2 | ForEach-Object { Invoke-Minute }
Edit-StubHost { param($s) $v = $s.vms[0]; $v.state = 2; $v.assigned = $v.startup; $v.visible = $v.startup; $v.started = $s.clock; Add-StubJob $s $v 12 7 'CONTOSO\anna' }; 1..2 | ForEach-Object { Invoke-Minute }
# 30 no poll for seven minutes; dora changes web02 to 6 GiB in the gap: nobody may be named
Invoke-Minute -NoPoll; Invoke-StubForeignChange 'web02' 6144 'CONTOSO\dora'; 1..6 | ForEach-Object { Invoke-Minute -NoPoll }; 1..2 | ForEach-Object { Invoke-Minute }
# 39 db(1)#x moves to HV02
$moved = (Get-StubState).vms[2]
Edit-StubHost { param($s) $s.vms = @($s.vms | Where-Object { $_.name -ne 'db(1)#x' }) }
Use-Host $two; Edit-StubHost { param($s) $s.vms = @($moved) }; Use-Host $one; 1..2 | ForEach-Object { Invoke-Minute }
# 41 Get-VM is denied for a minute: no VM may be told as gone
Edit-StubHost { param($s) $s.faults.getvm = 'You do not have the required permission to complete this task.' }; Invoke-Minute
Edit-StubHost { param($s) $s.faults.getvm = '' }; Invoke-Minute
# 43 anna: the VM is deleted while her command runs; and a command that throws; and a name that is none
Invoke-As 'CONTOSO\anna' { Invoke-NiloChange idle { Edit-StubHost { param($s) $s.vms = @($s.vms | Where-Object { $_.name -ne 'idle' }) } } }
Invoke-As 'CONTOSO\anna' { Invoke-NiloChange web02 { throw 'the ticket was closed' } }
Invoke-As 'CONTOSO\anna' { Invoke-NiloChange 'no such VM' { Say 'THIS MUST NOT RUN' } }
1..3 | ForEach-Object { Invoke-Minute }
[IO.File]::WriteAllLines("$Out/said.txt", [string[]]$said)
