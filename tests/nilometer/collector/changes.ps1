# Changes: what is on disk before them, what their end says, what whoever calls sees.

Check 'a change has its begun file before it is made, and its end file after' {
    $during = @{}
    Invoke-NiloChange web01 { $during.files = @(Get-ChildItem "$Spool/changes").Name; Set-VMMemory web01 -StartupBytes 8GB } -Reason 'month end' -Ticket CHG-7 -Spool $Spool
    $names = @((Get-ChildItem "$Spool/changes" | Sort-Object Name).Name)
    Assert-Same $names.Count 2 'files'
    Assert-Same @($during.files) @($names[0]) 'the files during it'
    if ($names[0] -cnotmatch '^HV01-20261128T090000\.0000000Z-([0-9a-f-]{36})\.begun\.json$') { throw $names[0] }
    Assert-Same $names[1] $names[0].Replace('.begun.', '.end.')
    $id = $Matches[1]
    $before = [ordered]@{ state = 2; dynamic = $false; assigned = 4GB; startup = 4GB; minimum = 512MB; maximum = 1TB; buffer = 20; weight = 50 }
    Assert-Same (Get-Change begun) ([ordered]@{
        schema = 2; kind = 'change-begun'; id = $id; time = '2026-11-28T09:00:00.0000000Z'; host = 'HV01'
        vm = 'd9e0eb0a-5b37-508e-9173-67e9ade83acf'; name = 'web01'; user = 'CONTOSO\anna'; connected_user = $null
        command = '$during.files = @(Get-ChildItem "$Spool/changes").Name; Set-VMMemory web01 -StartupBytes 8GB'; reason = 'month end'; ticket = 'CHG-7'; before = $before
    }) 'begun'
    $after = [ordered]@{ state = 2; dynamic = $false; assigned = 8GB; startup = 8GB; minimum = 512MB; maximum = 1TB; buffer = 20; weight = 50 }
    Assert-Same (Get-Change end) ([ordered]@{ schema = 2; kind = 'change'; id = $id; time = '2026-11-28T09:00:00.0000000Z'; host = 'HV01'; outcome = 'returned'; after = $after; errors = @() }) 'end'
}
Check 'where the begun file cannot be made nothing is changed, at once, and no folder is made' {
    Remove-Item "$Spool/changes"
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $text = Get-Thrown { Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Spool $Spool }
    Assert-Like $text 'nothing was changed: it cannot be recorded in *changes: *'
    if ($clock.Elapsed.TotalSeconds -gt 3) { throw 'it took its time' }
    Assert-Same (Get-Web).startup 4096
    Assert-Same (Test-Path "$Spool/changes") $false 'the folder'
}
Check 'where others may not write nothing is changed, whatever -ErrorAction says' {
    Remove-Item "$Spool/changes"
    $null = New-Item -ItemType SymbolicLink -Path "$Spool/changes" -Target /proc/self # not even root makes files there
    foreach ($action in 'Continue', 'SilentlyContinue', 'Ignore', 'Stop') {
        $text = Get-Thrown { Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Spool $Spool -ErrorAction $action }
        Assert-Like $text 'nothing was changed: *'
        $text = Get-Thrown { Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool -ErrorAction $action }
        Assert-Like $text 'nothing was changed: *'
    }
    Assert-Same (Get-Web).startup 4096
}
Check 'a caller who ignores errors goes on, and nothing was changed' {
    Remove-Item "$Spool/changes"
    $session = New-Session
    $seen = $session.AddScript('$ErrorActionPreference = "SilentlyContinue"; Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Spool $Spool; "on"').Invoke()
    Assert-Same @($seen | ForEach-Object { "$_" }) @('on')
    Assert-Same (Get-Web).startup 4096
}
Check 'a command that is too long to be recorded is not run' {
    $long = [scriptblock]::Create("Set-VMMemory web01 -StartupBytes 8GB # $('x' * 70000)")
    Assert-Like (Get-Thrown { Invoke-NiloChange web01 $long -Spool $Spool }) 'nothing was changed: * it would have * bytes*'
    Assert-Untouched
}
Check 'break, continue and exit in the command leave its end as interrupted' {
    foreach ($turn in 1) { Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 5GB; break } -Spool $Spool; throw 'break was lost' }
    Step-StubMinute
    foreach ($turn in 1) { Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 6GB; continue } -Spool $Spool; throw 'continue was lost' }
    Step-StubMinute
    $session = New-Session
    $null = $session.AddScript('Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 7GB; exit 3 } -Spool $Spool').Invoke()
    $ends = @(Get-Change end)
    Assert-Same @($ends.outcome) @('interrupted', 'interrupted', 'interrupted')
    Assert-Same @($ends.after.startup) @(5GB, 6GB, 7GB)
}
Check 'a pipeline that is stopped from outside leaves its end as interrupted' {
    $session = New-Session
    $null = $session.AddScript('Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB; [IO.File]::WriteAllText("$Spool/here", ""); Start-Sleep 60 } -Spool $Spool')
    $running = $session.BeginInvoke()
    while (-not (Test-Path "$Spool/here")) { Start-Sleep -Milliseconds 20 }
    Assert-Same @(Get-Change begun).Count 1
    $session.Stop()
    $end = Get-Change end
    Assert-Same $end.outcome 'interrupted'
    Assert-Same $end.after.startup 8GB
}
Check 'one who stops while the memory is waited for has a command that returned' {
    $session = New-Session
    $null = $session.AddScript('& (Get-Module Nilometer) { function script:Wait-Nilo($Seconds) { [IO.File]::WriteAllText("$Spool/here", ""); Start-Sleep 60 } }
        Invoke-NiloChange web01 { Edit-StubHost { param($s) $s.vms[0].startup = 8192 } } -Spool $Spool')
    $running = $session.BeginInvoke()
    while (-not (Test-Path "$Spool/here")) { Start-Sleep -Milliseconds 20 }
    $session.Stop()
    $end = Get-Change end
    Assert-Same $end.outcome 'returned'
    Assert-Same $end.after.assigned 4GB
}
Check 'a process that is killed leaves what it was about to change' {
    $script = "`$env:NILO_STUB_STATE = 'x'; Import-Module '$PSScriptRoot/HyperVStub.psm1' -Global -DisableNameChecking; New-StubHost; " +
        "& (Import-Module '$Module' -PassThru -Global) { function script:Get-NiloUser { 'CONTOSO\anna' } }; " +
        "Invoke-NiloChange web01 { [IO.File]::WriteAllText('$Spool/here', ''); Start-Sleep 60 } -Spool '$Spool'"
    $process = Start-Process $Pwsh -PassThru -ArgumentList '-NoProfile', '-EncodedCommand', ([Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($script)))
    while (-not (Test-Path "$Spool/here")) { if ($process.HasExited) { throw 'it ended' }; Start-Sleep -Milliseconds 20 }
    $process.Kill()
    $process.WaitForExit()
    Assert-Same @((Get-Change begun).user, @(Get-Change end).Count) @('CONTOSO\anna', 0)
}
Check 'on a disk that is full nothing is changed, and no half of a file stays' {
    # a process whose files may have a hundred bytes: a write breaks off within one, as on a full disk
    $script = "`$env:NILO_STUB_STATE = '$Spool'; Import-Module '$PSScriptRoot/HyperVStub.psm1' -Global -DisableNameChecking; New-StubHost; " +
        "& (Import-Module '$Module' -PassThru -Global) { function script:Get-NiloUser { 'CONTOSO\anna' } }; `$said = 'it ran'; " +
        "prlimit --pid `$PID --fsize=100: ; try { Invoke-NiloChange web01 { `$global:ran = 1 } -Spool '$Spool' } catch { `$said = `"`$_`" }; " +
        "prlimit --pid `$PID --fsize=unlimited: ; [IO.File]::WriteAllText('$Spool/said', `"`$said|`$global:ran`")"
    $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($script))
    sh -c 'trap "" XFSZ; exec "$0" -NoProfile -NonInteractive -EncodedCommand "$1"' $Pwsh $encoded
    Assert-Like ([IO.File]::ReadAllText("$Spool/said")) 'nothing was changed: it cannot be recorded in *|'
    Assert-Untouched
}
Check 'a name is taken literally' {
    Edit-StubHost { param($s) $s.vms[1].name = 'web[1]'; $s.vms[2].name = "it's"; $s.vms[3].name = 'Idle' }
    Assert-Like (Get-Thrown { Invoke-NiloChange 'web*' { throw 'it ran' } -Spool $Spool }) 'nothing was changed: HV01 has no VM of the name web[*]'
    Assert-Like (Get-Thrown { Invoke-NiloChange '*' { throw 'it ran' } -Spool $Spool }) 'nothing was changed: HV01 has no VM of the name [*]'
    Invoke-NiloChange 'web[1]' { } -Spool $Spool
    Assert-Same (Get-Change begun).name 'web[1]'
    Remove-Item "$Spool/changes/*"
    Invoke-NiloChange 'idle' { } -Spool $Spool # Hyper-V's names are the same in any case; the record has the VM's own
    Assert-Same (Get-Change begun).name 'Idle'
    Remove-Item "$Spool/changes/*"
    Set-NiloVMMemory "it's", 'web[1]' -MaximumBytes 4GB -Spool $Spool
    Assert-Same @((Get-Change begun).command | Sort-Object) @("Set-VMMemory -VMName 'it''s' -MaximumBytes 4294967296", "Set-VMMemory -VMName 'web[1]' -MaximumBytes 4294967296")
    Assert-Same @((Get-StubState).vms.maximum) @(1048576, 4096, 4096, 1048576)
}
Check 'two VMs of one name are refused with both ids, and -Id names one' {
    Edit-StubHost { param($s) $s.vms[1].name = 'WEB01' }
    $text = Get-Thrown { Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool }
    Assert-Like $text 'nothing was changed: 2 VMs have the name web01: d9e0eb0a-5b37-508e-9173-67e9ade83acf, 0b5c1c2e-0000-4000-8000-000000000002*'
    Assert-Like (Get-Thrown { Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool }) 'nothing was changed: 2 VMs*'
    Assert-Untouched
    Invoke-NiloChange -Id 0b5c1c2e-0000-4000-8000-000000000002 { } -Spool $Spool
    Assert-Same (Get-Change begun).vm '0b5c1c2e-0000-4000-8000-000000000002'
    Assert-Like (Get-Thrown { Invoke-NiloChange -Id 0b5c1c2e-0000-4000-8000-00000000000f { } -Spool $Spool }) 'nothing was changed: HV01 has no VM of the id *'
}
Check 'who may not see VMs is told so, and not that there is no such VM' {
    Edit-StubHost { param($s) $s.faults.getvm = 'You do not have the required permission to complete this task.' }
    Assert-Like (Get-Thrown { Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool }) 'nothing was changed: no right to see the VMs of HV01: You do not*'
    Edit-StubHost { param($s) $s.faults.getvm = ''; $s.vms = @() } # without rights WMI gives no rows, and no error
    Assert-Like (Get-Thrown { Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool }) 'nothing was changed: no right to see the VMs of HV01, or it has none*'
    Assert-Same @(Get-ChildItem "$Spool/changes").Count 0
}
Check 'with WhatIf nothing is run and nothing written, wherever it was said' {
    Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool -WhatIf
    Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool -WhatIf
    [IO.File]::WriteAllText("$Spool/script.ps1", '$WhatIfPreference = $true; Invoke-NiloChange web01 { throw "it ran" } -Spool $Spool; Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool')
    & "$Spool/script.ps1"
    & { $WhatIfPreference = $true; Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool }
    try { $global:WhatIfPreference = $true; Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool } finally { $global:WhatIfPreference = $false }
    Assert-Untouched
    & { $WhatIfPreference = $true; Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB -WhatIf:$false } -Spool $Spool -WhatIf:$false }
    Assert-Same (Get-Web).startup 8192
}
Check 'what cannot be confirmed is not changed' {
    foreach ($call in 'Invoke-NiloChange web01 { throw "it ran" } -Spool $Spool -Confirm', 'Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool -Confirm',
        'function f { $ConfirmPreference = "Low"; Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool }; f') {
        $session = New-Session # it has no host that could ask
        try { $null = $session.AddScript($call).Invoke() } catch { $null = $_ }
        if (-not $session.HadErrors) { throw $call }
    }
    Assert-Untouched
}
Check 'what a program says on stderr is a warning, never an error and never the end' {
    $global:seen = @(Invoke-NiloChange web01 { sh -c 'echo out; echo err >&2; echo more >&2'; Set-VMMemory web01 -StartupBytes 8GB; 'last' } -Spool $Spool -ErrorVariable wrong 3>&1)
    Assert-Same @($seen | ForEach-Object { "$($_.GetType().Name) $_" } | Sort-Object) @('String last', 'String out', 'WarningRecord err', 'WarningRecord more')
    Assert-Same @($wrong).Count 0
    $end = Get-Change end
    Assert-Same @($end.outcome, $end.errors.Count, $end.after.startup) @('returned', 0, 8GB)
}
Check 'output, warnings and errors arrive as they come, in their order' {
    $seen = @(Invoke-NiloChange web01 { 1; Write-Warning two; Write-Error three; 4; Write-Error five; Write-Warning six; 7 } -Spool $Spool -ErrorVariable wrong 2>&1 3>&1)
    Assert-Same @($seen | ForEach-Object { "$_" }) @('1', 'two', 'three', '4', 'five', 'six', '7')
    Assert-Same @($wrong | ForEach-Object { "$_" }) @('three', 'five')
    $end = Get-Change end
    Assert-Same @($end.outcome; $end.errors.message; $end.errors.category) @('failed', 'three', 'five', 'NotSpecified', 'NotSpecified')
    Assert-Same $Waited 0 'the wait'
}
Check 'an error reaches whoever asked for it only, and is recorded all the same' {
    $seen = @(Invoke-NiloChange web01 { Write-Error one; 2 } -Spool $Spool -ErrorAction SilentlyContinue -ErrorVariable wrong 2>&1)
    Assert-Same @("$seen", "$wrong") @('2', 'one')
    $seen = @(& { $ErrorActionPreference = 'SilentlyContinue'; Set-NiloVMMemory web01 -StartupBytes 9001MB -Spool $Spool 2>&1 })
    Assert-Same $seen.Count 0
    Assert-Same @((Get-Change end).outcome) @('failed', 'failed')
    Assert-Same @(Get-Change end | ForEach-Object { $_.errors.Count }) @(1, 1)
}
Check 'under Stop the first error ends the command, and it is recorded' {
    $ran = @{}
    $text = Get-Thrown { Invoke-NiloChange web01 { Write-Error one -ErrorAction Continue; $ran.on = $true } -Spool $Spool -ErrorAction Stop }
    Assert-Like $text '*one'
    Assert-Same $ran.Count 0 'what ran on'
    $text = Get-Thrown { Set-NiloVMMemory web01 -StartupBytes 9001MB -Spool $Spool -ErrorAction Stop }
    Assert-Like $text '*not properly aligned*'
    $ends = @(Get-Change end)
    Assert-Same @($ends.outcome) @('failed', 'failed')
    Assert-Same @($ends | ForEach-Object { $_.errors.Count }) @(1, 1)
}
Check 'a command that throws is recorded as failed, and throws what it threw' {
    $caught = $null
    try { Invoke-NiloChange web01 { throw [IO.FileNotFoundException]::new('no ticket') } -Spool $Spool } catch [IO.FileNotFoundException] { $caught = $_ }
    Assert-Same $caught.Exception.Message 'no ticket'
    Assert-Same ($caught.ScriptStackTrace -like '*changes.ps1*') $true 'where'
    $end = Get-Change end
    Assert-Same @($end.outcome; $end.errors.message) @('failed', 'no ticket')
    $session = New-Session # an error that ends a statement ends the command, and not the script
    $seen = $session.AddScript('Invoke-NiloChange web01 { [int]"x"; "on" } -Spool $Spool; "after"; Invoke-NiloChange web01 { throw "x" } -Spool $Spool; "never"')
    $text = Get-Thrown { $session.Invoke() }
    Assert-Like $text '*"x"'
    Assert-Same @((Get-Change end).outcome) @('failed', 'failed', 'failed')
}
Check 'an error that is written and then thrown is recorded once, and another beside it' {
    $null = Get-Thrown { Invoke-NiloChange web01 { try { throw 'no ticket' } catch { Write-Error -ErrorRecord $_; throw } } -Spool $Spool -ErrorAction SilentlyContinue }
    Assert-Same @((Get-Change end).errors.message) @('no ticket')
    Remove-Item "$Spool/changes/*"
    $null = Get-Thrown { Invoke-NiloChange web01 { Write-Error 'no room'; throw 'no ticket' } -Spool $Spool -ErrorAction SilentlyContinue }
    Assert-Same @((Get-Change end).errors.message) @('no room', 'no ticket')
}
Check 'running static memory is waited for, half a minute at most' {
    Edit-StubHost { param($s) $s.vms[0].used = 1 }
    $global:OnWait = { if ($global:Waited -eq 10) { Edit-StubHost { param($s) $s.vms[0].assigned = 8192 } } }
    Invoke-NiloChange web01 { Edit-StubHost { param($s) $s.vms[0].startup = 8192 } } -Spool $Spool
    Assert-Same @($Waited, (Get-Change end).after.assigned) @(10, 8GB)
    Remove-Item "$Spool/changes/*"
    $global:Waited, $global:OnWait = 0, $null
    Invoke-NiloChange web01 { Edit-StubHost { param($s) $s.vms[0].startup = 2048 } } -Spool $Spool
    Assert-Same @($Waited, (Get-Change end).after.assigned) @(30, 8GB)
    $global:Waited = 0
    Invoke-NiloChange web01 { Edit-StubHost { param($s) $s.vms[0].startup = 1024 }; Write-Error x } -Spool $Spool 2>$null # failed
    Invoke-NiloChange erp01 { Edit-StubHost { param($s) $s.vms[1].startup = 4096 } } -Spool $Spool # dynamic
    Invoke-NiloChange idle { Edit-StubHost { param($s) $s.vms[3].startup = 4096 } } -Spool $Spool # off
    Assert-Same $Waited 0
}
Check 'a VM that is gone by the end has no figures' {
    Invoke-NiloChange web01 { Edit-StubHost { param($s) $s.vms = @($s.vms | Select-Object -Skip 1) } } -Spool $Spool
    $end = Get-Change end
    Assert-Same @($end.outcome, $null) @('returned', $end.after)
}
Check 'what names a secret is replaced by its length' {
    $null = Get-Thrown { Invoke-NiloChange web01 { $null = ConvertTo-SecureString geheim42 -AsPlainText -Force; throw 'the TOKEN geheim42 is wrong' } -Reason 'the api-key is geheim42' -Ticket 'secret geheim42' -Spool $Spool }
    $begun, $end = (Get-Change begun), (Get-Change end)
    foreach ($text in $begun.command, $begun.reason, $begun.ticket, $end.errors[0].message) { Assert-Like $text '(* characters that name a secret: not recorded)' }
    Assert-Like $begun.reason '(23 *'
    foreach ($file in Get-ChildItem "$Spool/changes") { if ((Get-Content -Raw $file.FullName) -match 'geheim42') { throw $file.Name } }
}
Check 'the connected user of an endpoint is written beside the user' {
    $PSSenderInfo = @{ ConnectedUser = 'CONTOSO\ben' }
    Invoke-NiloChange web01 { } -Spool $Spool
    Assert-Same @((Get-Change begun).user, (Get-Change begun).connected_user) @('CONTOSO\anna', 'CONTOSO\ben')
}
Check 'Set-NiloVMMemory passes on what is given, and says it as Set-VMMemory' {
    Set-NiloVMMemory web01 -StartupBytes 8GB -Buffer 30 -Priority 60 -Reason why -Ticket T-1 -Spool $Spool
    $begun = Get-Change begun
    Assert-Same @($begun.command, $begun.reason, $begun.ticket) @("Set-VMMemory -VMName 'web01' -StartupBytes 8589934592 -Buffer 30 -Priority 60", 'why', 'T-1')
    Assert-Same @((Get-Web).startup, (Get-Web).buffer, (Get-Web).weight, (Get-Web).maximum) @(8192, 30, 60, 1048576)
    Assert-Same (Get-Change end).after.startup 8GB
    Remove-Item "$Spool/changes/*"
    Set-NiloVMMemory idle -DynamicMemoryEnabled $true -Spool $Spool
    Assert-Same (Get-Change begun).command "Set-VMMemory -VMName 'idle' -DynamicMemoryEnabled `$true"
    Assert-Same (Get-StubState).vms[3].dynamic $true
}
Check 'Set-VMMemory is called so that each error comes out, and nothing is asked twice' {
    & $loaded { function script:Set-VMMemory { [CmdletBinding(SupportsShouldProcess)] param($VM, $StartupBytes, $MinimumBytes) $global:bound = $PSBoundParameters } }
    try { & { $ErrorActionPreference = 'SilentlyContinue'; $ConfirmPreference = 'None'; Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool } }
    finally { & $loaded { Remove-Item function:Set-VMMemory } }
    Assert-Same @("$($bound.ErrorAction)", [bool]$bound.Confirm, $bound.VM.Name, $bound.StartupBytes, $bound.ContainsKey('MinimumBytes')) @('Continue', $false, 'web01', 8GB, $false)
    Assert-Same $bound.ContainsKey('Confirm') $true
}
Check 'Set-NiloVMMemory looks all VMs up before it changes one, and tells each' {
    Assert-Like (Get-Thrown { Set-NiloVMMemory web01, web99 -StartupBytes 8GB -Spool $Spool }) 'nothing was changed: HV01 has no VM of the name web99'
    Assert-Like (Get-Thrown { Set-NiloVMMemory web01 -Spool $Spool }) 'nothing was changed: no setting is given*'
    Assert-Untouched
    Set-NiloVMMemory web01, idle -StartupBytes 2GB -Spool $Spool
    Assert-Same @(Get-ChildItem "$Spool/changes").Count 4
    Assert-Same @((Get-Change begun).name | Sort-Object) @('idle', 'web01')
}
Check 'the command sees the variables of whoever calls, and none of the module' {
    $folder = 'mine'
    $seen = Invoke-NiloChange web01 { $folder; "$vm$thrown$file" } -Spool $Spool
    Assert-Same $seen @('mine', '')
}
