# Sessions of other kinds: strict, constrained, restricted, of other languages; machines where this cannot work; installing.

Check 'a session with its own strictness and defaults changes nothing' {
    $session = New-Session
    $null = $session.AddScript('Set-StrictMode -Version Latest; $ErrorActionPreference = "Stop"; $OFS = "!"; $PSDefaultParameterValues = @{ "ConvertTo-Json:Depth" = 1; "ConvertTo-Json:AsArray" = $true; "*:ErrorAction" = "Stop" }
        $global:PSDefaultParameterValues = $PSDefaultParameterValues
        Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Spool $Spool; Invoke-NiloPoll -Spool $Spool; $null = Get-NiloSpool -Spool $Spool').Invoke()
    Assert-Same "$($session.Streams.Error)" ''
    $lines = @(Get-Line)
    Assert-Same @($lines.kind; $lines.error) @('poll', 'seen', 'seen', 'inventory', $null, $null, $null, $null)
    Edit-StubHost { param($s) $s.faults.vanish = 'web01'; $s.faults.classes = 'none' } # much is null then
    $session.Commands.Clear()
    $null = $session.AddScript('Invoke-NiloPoll -Spool $Spool').Invoke()
    $poll = @(Get-Line poll)[-1]
    Assert-Same @($poll.vms.Count, $poll.parts.vms.complete, $poll.vms[0].buffer, $poll.vms[2].physical_mb) @(4, $true, $null, 8192)
    Assert-Same ($lines[1].content | ConvertFrom-Json).before.assigned 4GB
}
Check 'in Constrained Language Mode nothing is changed or written, and a sentence says why' {
    $session = [powershell]::Create()
    $text = $session.AddScript('param($Stub, $Module, $Spool, $Path)
        Import-Module $Stub -Global -DisableNameChecking
        $ExecutionContext.SessionState.LanguageMode = "ConstrainedLanguage"
        Import-Module $Module
        foreach ($call in { Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Spool $Spool }, { Set-NiloVMMemory web01 -StartupBytes 8GB -Spool $Spool },
            { Invoke-NiloPoll -Spool $Spool }, { Get-NiloSpool -Spool $Spool }, { Install-NiloCollector }) { try { & $call; "it ran" } catch { "$_" } }'
    ).AddArgument("$PSScriptRoot/HyperVStub.psm1").AddArgument($Module).AddArgument($Spool).Invoke()
    Assert-Same $text.Count 5
    foreach ($line in $text) { Assert-Like $line "Nilometer's module cannot run in ConstrainedLanguage mode: *" }
    Assert-Untouched
    Assert-Same @(Get-ChildItem $Spool -File).Count 0
}
Check 'a restricted session without language can resize by Set-NiloVMMemory, and by nothing else' {
    $session = New-Session
    $runspace = $session.Runspace
    $role = Import-PowerShellDataFile ([IO.Path]::Combine((Split-Path $Module), 'RoleCapabilities', 'Nilometer.psrc'))
    $visible = @($role.VisibleFunctions.Name)
    Assert-Same $visible @('Set-NiloVMMemory')
    Assert-Same @($role.VisibleFunctions[0].Parameters.Name) @('VMName', 'StartupBytes', 'MinimumBytes', 'MaximumBytes', 'Buffer', 'Priority', 'DynamicMemoryEnabled', 'Reason', 'Ticket')
    $null = $session.AddScript('function global:Select-Object { throw "a proxy" }; function global:Measure-Object { throw "a proxy" }; function global:Get-Command { throw "a proxy" }
        $env:ProgramData = $Spool; $null = New-Item -ItemType Directory "$Spool/Nilometer/spool/changes"
').Invoke()
    $session.Commands.Clear()
    $null = $session.AddScript('Microsoft.PowerShell.Core\Get-Command -CommandType All | ForEach-Object { if ($_.Name -ne "Set-NiloVMMemory") { $_.Visibility = "Private" } }').Invoke()
    $runspace.SessionStateProxy.LanguageMode = 'NoLanguage'
    $data = $env:ProgramData
    try {
        foreach ($name in 'Invoke-NiloChange', 'Set-VMMemory', 'Get-NiloVM') {
            $other = [powershell]::Create()
            $other.Runspace = $runspace
            $null = Get-Thrown { $other.AddCommand($name).AddArgument('web01').Invoke() }
        }
        $other = [powershell]::Create()
        $other.Runspace = $runspace
        $null = $other.AddCommand('Set-NiloVMMemory').AddParameter('VMName', 'web01').AddParameter('StartupBytes', 8GB).AddParameter('Reason', 'why').Invoke()
        Assert-Same "$($other.Streams.Error)" ''
    }
    finally { $env:ProgramData = $data }
    Assert-Same (Get-Web).startup 8192
    $files = @(Get-ChildItem "$Spool/Nilometer/spool/changes" | Sort-Object Name)
    Assert-Same @($files.Count, (Read-Json $files[0].FullName).reason, (Read-Json $files[1].FullName).outcome) @(2, 'why', 'returned')
}
Check 'other languages and time zones write the same bytes' {
    $texts = foreach ($place in @('en-US', 'UTC'), @('de-DE', 'Europe/Berlin'), @('tr-TR', 'America/St_Johns'), @('th-TH', 'Asia/Bangkok'), @('ar-SA', 'Pacific/Apia')) {
        New-StubHost -Start '2026-11-28T23:30:00Z'
        Edit-StubHost { param($s) $s.vms[0].name = 'WEBI01'; Add-StubJob $s $s.vms[0] 12 7 'CONTOSO\ben' }
        $null = New-Item -ItemType Directory "$Spool/$($place[0])/changes"
        $culture, $zone = [cultureinfo]::CurrentCulture, $env:TZ
        try {
            [cultureinfo]::CurrentCulture, $env:TZ = [cultureinfo]::new($place[0]), $place[1]
            [TimeZoneInfo]::ClearCachedData()
            Invoke-NiloChange WEBI01 { } -Spool "$Spool/$($place[0])"
            foreach ($file in Get-ChildItem "$Spool/$($place[0])/changes") { if ($file.Name -cnotmatch '^HV01-20261128T233000\.0000000Z-[0-9a-f-]{36}\.(begun|end)\.json$') { throw $file.Name } }
            Remove-Item "$Spool/$($place[0])/changes/*"
            Invoke-NiloPoll -Spool "$Spool/$($place[0])"
        }
        finally { [cultureinfo]::CurrentCulture, $env:TZ = $culture, $zone; [TimeZoneInfo]::ClearCachedData() }
        [IO.File]::ReadAllText("$Spool/$($place[0])/HV01-20261128.jsonl") -replace '"id":"[0-9A-F-]{36}"', ''
    }
    Assert-Same @($texts).Count 5
    foreach ($text in $texts) { Assert-Same $text $texts[0] }
    Assert-Like $texts[0] '*"submitted":"2026-11-28T23:30:00.0000000Z"*"elapsed":1.5*'
    Assert-Like $texts[0] '*"name":"WEBI01"*"physical_mb":4096*'
}
Check 'where it cannot work it says so in a sentence, and writes nothing' {
    $session = New-Session -NoStub
    $text = $session.AddScript('& (Get-Module Nilometer) { function script:Get-NiloHostName { "PC7" } }
        foreach ($call in { Invoke-NiloPoll -Spool $Spool }, { Invoke-NiloChange web01 { } -Spool $Spool }) { try { & $call; "it ran" } catch { "$_" } }').Invoke()
    foreach ($line in $text) { Assert-Like $line 'PC7 has no command Get-VM: Hyper-V and its PowerShell module have to be installed where this runs' }
    & $loaded { function script:Get-NiloBuild { 14393 } }
    try {
        Assert-Like (Get-Thrown { Invoke-NiloPoll -Spool $Spool }) 'on Windows Server 2016, PowerShell 7 has no Hyper-V module of its own: *5.1*'
        Assert-Like (Get-Thrown { Invoke-NiloChange web01 { throw 'it ran' } -Spool $Spool }) 'on Windows Server 2016*'
    }
    finally { & $loaded { function script:Get-NiloBuild { 20348 } } }
    Assert-Like (Get-Thrown { Invoke-NiloPoll -Spool "$Spool/none" }) "there is no spool at $Spool/none: Install-NiloCollector makes it"
    Assert-Same @((Test-Path "$Spool/none"), @(Get-ChildItem $Spool -File).Count) @($false, 0)
}
Check 'a path in the session''s folder is that, and not the process''s' {
    Push-Location $Spool
    try { $null = New-Item -ItemType Directory 'here/changes'; Invoke-NiloPoll -Spool here; Invoke-NiloChange web01 { } -Spool ./here } finally { Pop-Location }
    Assert-Same @((Test-Path "$Spool/here/HV01-20261128.jsonl"), @(Get-ChildItem "$Spool/here/changes").Count) @($true, 2)
}
Check 'installing refuses what is not its own, and with -WhatIf makes nothing' {
    $old = $env:ProgramData, $env:ProgramFiles
    $env:ProgramData, $env:ProgramFiles = "$Spool/data", "$Spool/files"
    try {
        $null = New-Item -ItemType Directory "$Spool/data"
        Install-NiloCollector -WhatIf -Operators 'CONTOSO\ops' -KeepDays 30
        Uninstall-NiloCollector -WhatIf -Purge
        Assert-Same @(Get-ChildItem $Spool -Recurse -File).Count 0
        Assert-Same @((Test-Path "$Spool/data/Nilometer"), (Test-Path "$Spool/files")) @($false, $false)
        Assert-Like (Get-Thrown { Install-NiloCollector }) 'this needs Windows'
        Assert-Like (Get-Thrown { Uninstall-NiloCollector }) 'this needs Windows'
        $null = New-Item -ItemType Directory "$Spool/data/Nilometer/spool/changes"
        foreach ($name in 'HV01-20261123.jsonl', 'HV01-20261122.jsonl.gz') { [IO.File]::WriteAllText("$Spool/data/Nilometer/spool/$name", '') }
        [IO.File]::WriteAllText("$Spool/data/Nilometer/collect.ps1", '') # an older version's
        Install-NiloCollector -WhatIf
        [IO.File]::WriteAllText("$Spool/data/Nilometer/spool/payroll.xlsx", '')
        Assert-Like (Get-Thrown { Install-NiloCollector -WhatIf }) "*spool is there and not Nilometer's: it holds payroll.xlsx"
        Assert-Like (Get-Thrown { Uninstall-NiloCollector -Purge -WhatIf }) "*spool is there and not Nilometer's: it holds payroll.xlsx"
        Remove-Item -Recurse "$Spool/data/Nilometer"
        $null = New-Item -ItemType SymbolicLink -Path "$Spool/data/Nilometer" -Target $Out
        Assert-Like (Get-Thrown { Install-NiloCollector -WhatIf }) '*Nilometer is a link: remove it'
        Remove-Item "$Spool/data/Nilometer"
        [IO.File]::WriteAllText("$Spool/data/Nilometer", '')
        Assert-Like (Get-Thrown { Install-NiloCollector -WhatIf }) '*Nilometer is a file, and has to be a folder'
        Assert-Like (Get-Thrown { & $loaded { Assert-NiloFolder '\\server\share\Nilometer' '.' } }) '*is on a share*'
        Assert-Like (Get-Thrown { & $loaded { Assert-NiloFolder 'C:\ClusterStorage\Volume1\Nilometer' '.' } }) '*is on a shared volume of a cluster*'
    }
    finally { $env:ProgramData, $env:ProgramFiles = $old }
}
Check 'the task polls each minute without an end, as SYSTEM, three minutes at most' {
    $task = ([xml](& $loaded { Get-NiloTaskXml 0 })).Task
    Assert-Same @($task.Triggers.TimeTrigger.Repetition.Interval, $task.Triggers.TimeTrigger.Repetition.Duration, $task.Principals.Principal.UserId) @('PT1M', $null, 'S-1-5-18')
    Assert-Same @($task.Settings.ExecutionTimeLimit, $task.Settings.MultipleInstancesPolicy, $task.Settings.DisallowStartIfOnBatteries, $task.Settings.StopIfGoingOnBatteries) @('PT3M', 'IgnoreNew', 'false', 'false')
    Assert-Same $task.Actions.Exec.Arguments '-NoProfile -NonInteractive -Command "Import-Module Nilometer; Invoke-NiloPoll"'
    Assert-Like ([xml](& $loaded { Get-NiloTaskXml 90 })).Task.Actions.Exec.Arguments '*Invoke-NiloPoll -KeepDays 90"'
}
Check 'the module has six functions, each with help and an example, and a whole manifest' {
    $names = 'Get-NiloSpool', 'Install-NiloCollector', 'Invoke-NiloChange', 'Invoke-NiloPoll', 'Set-NiloVMMemory', 'Uninstall-NiloCollector'
    Assert-Same @(($loaded.ExportedCommands.Keys) | Sort-Object) $names
    foreach ($name in $names) {
        $help = Get-Help $name -Full
        if (-not $help.Synopsis.Contains(' ') -or -not $help.examples.example) { throw "$name has no help" }
        $common = [Management.Automation.PSCmdlet]::CommonParameters + [Management.Automation.PSCmdlet]::OptionalCommonParameters
        foreach ($parameter in (Get-Command $name).Parameters.Keys | Where-Object { $_ -notin $common }) {
            if (-not ($help.parameters.parameter | Where-Object name -EQ $parameter).description.Text) { throw "$name has no help of -$parameter" }
        }
        foreach ($example in $help.examples.example) { $null = [scriptblock]::Create($example.code) }
    }
    $manifest = Test-ModuleManifest $Module -WarningAction Stop
    foreach ($key in 'Author', 'CompanyName', 'Copyright', 'Description', 'Guid', 'Tags', 'LicenseUri', 'ReleaseNotes') { if (-not "$($manifest.$key)".Trim()) { throw $key } }
    Assert-Same @("$($manifest.PowerShellVersion)", @($manifest.CompatiblePSEditions | ForEach-Object { "$_" }), $manifest.ExportedAliases.Count) @('5.1', @('Desktop', 'Core'), 0)
}
Check 'nothing stands in the module that Windows PowerShell 5.1 has not' {
    $root = Split-Path $Module
    foreach ($file in Get-ChildItem $root -Recurse -Include *.psm1, *.psd1, *.psrc) {
        $tokens, $errors = $null, $null
        $ast = [Management.Automation.Language.Parser]::ParseFile($file.FullName, [ref]$tokens, [ref]$errors)
        Assert-Same "$errors" ''
        $new = [Collections.Generic.HashSet[string]]@('QuestionMark', 'AndAnd', 'OrOr', 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'Clean')
        Assert-Same @(foreach ($token in $tokens) { if ($new.Contains($token.Kind)) { $token.Extent.StartLineNumber } }) @() 'tokens'
        Assert-Same ([regex]::Match([Text.Encoding]::Latin1.GetString([IO.File]::ReadAllBytes($file.FullName)), '[^\x20-\x7e\n]').Value) '' 'bytes'
        # parameters and operators that came later
        Assert-Same @([regex]::Matches([IO.File]::ReadAllText($file.FullName), '-AsHashtable|utf8NoBOM|-Parallel|-AsByteStream|-NoEnumerate|\$Is(Windows|Linux|MacOS|CoreCLR)|::Move\([^)]*,[^)]*,|ToHexString|-SkipLast|-Stable')).Count 0 'later names'
    }
}
Check 'every block of PowerShell in the docs parses' {
    $root = (Get-Item "$PSScriptRoot/../../..").FullName
    $blocks = 0
    foreach ($page in Get-ChildItem "$root/README.md", "$root/docs/*.md") {
        foreach ($block in [regex]::Matches([IO.File]::ReadAllText($page.FullName), '(?ms)^\s*```powershell\n(.*?)^\s*```')) {
            $errors = $null
            $null = [Management.Automation.Language.Parser]::ParseInput($block.Groups[1].Value, [ref]$null, [ref]$errors)
            Assert-Same "$errors" '' $page.Name
            $blocks++
        }
    }
    if ($blocks -lt 3) { throw "$blocks blocks" }
}
