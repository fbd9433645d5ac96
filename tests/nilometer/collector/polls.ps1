# Polls: what a line holds, what is taken in, what is kept.

Check 'a poll has the keys of its schema, in their order, and its own line is the first' {
    Edit-StubHost { param($s) Add-StubJob $s $s.vms[0] 42 32768 'CONTOSO\ben' 32768 'words' }
    Add-Junk 'x' (Get-Utf8 'junk')
    Invoke-NiloPoll -Spool $Spool
    $lines = @(Get-Line)
    Assert-Same @($lines.kind) @('poll', 'seen', 'inventory')
    $poll = $lines[0]
    Assert-Same @($poll.PSObject.Properties.Name) @('schema', 'kind', 'time', 'host', 'build', 'capacity', 'available_mb', 'vms', 'jobs', 'parts', 'error')
    Assert-Same @($poll.vms[0].PSObject.Properties.Name) @('id', 'name', 'generation', 'version', 'state', 'state_name', 'uptime', 'dynamic', 'startup', 'minimum',
        'maximum', 'assigned', 'buffer', 'weight', 'physical_mb', 'visible_mb', 'guest_available_mb', 'added_mb', 'removed_mb', 'pressure', 'memory_status',
        'smart_paging', 'replication_state', 'replication_mode')
    Assert-Same @($poll.jobs[0].PSObject.Properties.Name) @('id', 'type', 'state', 'vm', 'owner', 'submitted', 'error', 'elapsed', 'class', 'element', 'destination', 'description', 'summary', 'status')
    Assert-Same @($poll.parts.PSObject.Properties.Name) @('host', 'vms', 'settings', 'figures', 'jobs')
    Assert-Same $poll.vms.Count 4
    $web = $poll.vms[0]
    Assert-Same @($web.physical_mb, $web.visible_mb, $web.guest_available_mb, $web.pressure, $web.memory_status, $poll.vms[1].memory_status) @(4096, 4096, 2896, 29, $null, 'OK')
    Assert-Same @($poll.vms[2].physical_mb, $poll.vms[3].physical_mb, $poll.available_mb, $poll.capacity) @(8192, $null, 48896, 64GB)
    Assert-Same @($lines[2].PSObject.Properties.Name) @('schema', 'kind', 'time', 'host', 'boot', 'language', 'powershell', 'module', 'cluster', 'numa_spanning', 'numa', 'guests', 'error')
    Assert-Same @($lines[1].PSObject.Properties.Name) @('schema', 'kind', 'time', 'host', 'file', 'owner', 'bytes', 'sha256', 'content', 'error')
    Assert-Same @((Get-ChildItem $Spool -File).Name) @('HV01-20261128.jsonl')
}
Check 'a line begins with an empty line, so what was cut off before it stays alone' {
    [IO.File]::WriteAllText("$Spool/HV01-20261128.jsonl", '{"schema":2,"kind":"poll","ti')
    Invoke-NiloPoll -Spool $Spool
    $text = [IO.File]::ReadAllText("$Spool/HV01-20261128.jsonl")
    Assert-Like $text "{`"schema`":2,`"kind`":`"poll`",`"ti`n{`"schema`":2,*"
    Assert-Same ($text.Contains("}`n`n{") -and $text.EndsWith("}`n")) $true
    Assert-Same ($text.Contains([char]0xFEFF) -or $text.Contains("`r")) $false
}
Check 'a fault in a part takes no other part with it' {
    $faults = @{ host = 'Get-VMHost'; vms = 'Get-VM'; settings = 'Get-VMMemory'; figures = 'Get-CimInstance', 'Get-Counter'; jobs = 'Get-CimAssociatedInstance' }
    Edit-StubHost { param($s) Add-StubJob $s $s.vms[0] 12 7 'CONTOSO\ben' }
    foreach ($part in $faults.Keys) {
        foreach ($way in 'throw "no $name"', 'Write-Error "no $name"') {
            foreach ($name in $faults[$part]) { & $loaded ([scriptblock]::Create("function script:$name { [CmdletBinding()] param(`$VM, `$Namespace, `$ClassName, `$Counter, `$InputObject, `$Association) $($way.Replace('$name', $name)) }")) }
            try { Invoke-NiloPoll -Spool $Spool } finally { foreach ($name in $faults[$part]) { & $loaded ([scriptblock]::Create("Remove-Item function:$name")) } }
            $poll = @(Get-Line poll)[-1]
            $broken = @($poll.parts.PSObject.Properties | Where-Object { -not $_.Value.complete } | ForEach-Object Name)
            Assert-Same $broken @($(if ($part -eq 'figures') { 'figures', 'jobs' } else { $part })) "what is incomplete without $part"
            Assert-Like $poll.error "*no $(@($faults[$part])[0])*"
            Assert-Same $poll.parts.$part.error.Contains("no $(@($faults[$part])[0])") $true
            Assert-Same $poll.vms.Count $(if ($part -eq 'vms') { 0 } else { 4 })
            Assert-Same ($null -eq $poll.capacity) ($part -eq 'host')
            if ($part -ne 'vms') {
                Assert-Same ($null -eq $poll.vms[0].buffer) ($part -eq 'settings')
                Assert-Same ($null -eq $poll.vms[0].pressure) ($part -eq 'figures')
            }
            Assert-Same $poll.jobs.Count $(if ($part -eq 'figures') { 0 } else { 1 })
        }
    }
}
Check 'one VM that cannot be read leaves the others' {
    & $loaded { function script:Get-VMMemory { [CmdletBinding()] param($VM) Write-Error 'gone'; HyperVStub\Get-VMMemory -VM $VM } }
    try { Invoke-NiloPoll -Spool $Spool } finally { & $loaded { Remove-Item function:Get-VMMemory } }
    $poll = Get-Line poll
    Assert-Same @($poll.parts.settings.complete, $poll.parts.settings.error, $poll.vms[0].buffer) @($false, 'gone', 20)
}
Check 'what a performance class does not have is unknown and never 0' {
    Edit-StubHost { param($s) $s.vms[1].name = $s.vms[0].name } # figures know neither of two VMs of one name
    & $loaded {
        function script:Get-CimInstance {
            [CmdletBinding()] param($Namespace, $ClassName)
            foreach ($row in HyperVStub\Get-CimInstance -Namespace $Namespace -ClassName $ClassName | Select-Object *) {
                if ($ClassName -like '*Balancer') { $row.AvailableMemory = $null }
                if ($ClassName -like '*MemoryVM') { $row.GuestVisiblePhysicalMemory = $null }
                $row
            }
            if ($ClassName -like '*MemoryVM') { [pscustomobject]@{ Name = $null; PhysicalMemory = 77; GuestVisiblePhysicalMemory = 77; GuestAvailableMemory = 77; AddedMemory = 7; RemovedMemory = 7; CurrentPressure = 7 } }
        }
    }
    try { Invoke-NiloPoll -Spool $Spool } finally { & $loaded { Remove-Item function:Get-CimInstance } }
    $poll = Get-Line poll
    Assert-Same @($poll.parts.figures.complete, $poll.available_mb) @($true, $null)
    Assert-Same @($poll.vms.visible_mb | Where-Object { $null -ne $_ }) @()
    Assert-Same @($poll.vms[0].physical_mb, $poll.vms[1].physical_mb, $poll.vms[2].physical_mb) @($null, $null, 8192)
}
Check 'without performance classes counters are asked, and that is no error' {
    Edit-StubHost { param($s) $s.faults.classes = 'Invalid class' }
    Invoke-NiloPoll -Spool $Spool
    $poll = Get-Line poll
    Assert-Same @($poll.error, $poll.vms[0].physical_mb, $poll.vms[0].guest_available_mb, $poll.available_mb, $poll.parts.figures.complete) @($null, 4096, 2896, 48896, $true)
    Edit-StubHost { param($s) $s.faults.counters = 'Kein solcher Indikator' }
    Invoke-NiloPoll -Spool $Spool
    $poll = @(Get-Line poll)[-1]
    Assert-Same @($poll.error, $poll.vms[0].physical_mb, $poll.available_mb) @('Invalid class; no counter: Kein solcher Indikator', $null, $null)
    Edit-StubHost { param($s) $s.faults.classes = ''; $s.faults.vanish = 'web01' }
    Invoke-NiloPoll -Spool $Spool
    $poll = @(Get-Line poll)[-1]
    Assert-Same @($poll.vms[0].physical_mb, $poll.vms[0].buffer, $poll.vms[2].physical_mb, $poll.parts.figures.complete, $poll.parts.settings.complete) @($null, $null, 8192, $true, $false)
}
Check 'figures of two VMs of one name are nobody''s' {
    Edit-StubHost { param($s) $s.vms[1].name = 'WEB01'; $s.vms[2].name = 'db[1]_x' }
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @((Get-Line poll).vms.physical_mb) @($null, $null, 8192, $null)
}
Check 'a job has its own words, and its VM only where it is a listed one' {
    Edit-StubHost { param($s)
        Add-StubJob $s $s.vms[0] 16 7 'CONTOSO\anna'
        Add-StubJob $s @{ id = '0b5c1c2e-0000-4000-8000-0000000000cc' } 71 10 '' 32775 'no such checkpoint'
        Add-StubJob $s $s.vms[1] 300 7 'CONTOSO\cluster$'
        $s.jobs[2].destination = 'HV02'
    }
    Invoke-NiloPoll -Spool $Spool
    $jobs = (Get-Line poll).jobs
    Assert-Same @($jobs.type) @(16, 71, 300)
    Assert-Same @($jobs.vm) @('D9E0EB0A-5B37-508E-9173-67E9ADE83ACF', $null, '0B5C1C2E-0000-4000-8000-000000000002')
    Assert-Same @($jobs.element) @($null, '0B5C1C2E-0000-4000-8000-0000000000CC', $null)
    Assert-Same @($jobs.owner) @('CONTOSO\anna', $null, 'CONTOSO\cluster$')
    Assert-Same @($jobs.destination; $jobs.class) @($null, $null, 'HV02', 'Msvm_ConcreteJob', 'Msvm_ConcreteJob', 'Msvm_MigrationJob')
    Assert-Same @($jobs.description; $jobs.summary; $jobs.status) @($null, 'no such checkpoint', $null, $null, 'no such checkpoint', $null, 'Job is completed.', 'Job failed', 'Job is completed.')
    Assert-Same @($jobs[0].submitted, $jobs[1].error, $jobs[0].elapsed) @('2026-11-28T09:00:00.0000000Z', 32775, 1.5)
    Edit-StubHost { param($s) $s.faults.association = 'Not found' }
    Invoke-NiloPoll -Spool $Spool
    $poll = @(Get-Line poll)[-1]
    Assert-Same @($poll.jobs.Count, $poll.jobs[0].vm, $poll.parts.jobs.error) @(3, $null, 'Not found')
}
Check 'a host without VMs has an empty list, and one VM is a list of one' {
    Edit-StubHost { param($s) $s.vms = @($s.vms[0]) }
    Invoke-NiloPoll -Spool $Spool
    Edit-StubHost { param($s) $s.vms = @() }
    Invoke-NiloPoll -Spool $Spool
    $text = [IO.File]::ReadAllText("$Spool/HV01-20261128.jsonl")
    Assert-Same ($text.Contains('"vms":[],"jobs":[],') -and $text.Contains('"vms":[{')) $true
    Assert-Same @((Get-Line poll).parts.vms.complete) @($true, $true)
}
Check 'the inventory comes once an hour, over midnight too' {
    Edit-StubHost { param($s) $s.clock = '2026-11-28T23:30:00Z' }
    foreach ($minutes in 59, 1, 29, 0) { Invoke-NiloPoll -Spool $Spool; Step-StubMinute $minutes }
    Assert-Same @((Get-Line inventory).time) @('2026-11-28T23:30:00.0000000Z', '2026-11-29T00:30:00.0000000Z')
    Step-StubMinute -600 # the clock was wrong
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @(Get-Line inventory).Count 3
}
Check 'the inventory says what guests say of themselves, and no more than that' {
    $bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><INSTANCE><PROPERTY NAME="Name"><VALUE>OSName</VALUE></PROPERTY><PROPERTY NAME="Data"><VALUE>&c;</VALUE></PROPERTY></INSTANCE>'
    $item = { param($name, $data) "<INSTANCE CLASSNAME=`"Msvm_KvpExchangeDataItem`"><PROPERTY NAME=`"Data`" TYPE=`"string`"><VALUE>$data</VALUE></PROPERTY><PROPERTY NAME=`"Name`"><VALUE>$name</VALUE></PROPERTY></INSTANCE>" }
    $read = & $loaded { param($items) Read-NiloGuestItem $items } @('<broken', (& $item OSName 'Ubuntu &amp; 24.04'), (& $item OSPlatformId 1), (& $item UserName geheim), (& $item OSName ('x' * 70000)), $bomb)
    Assert-Same @($read['OSName'], $read['OSPlatformId'], $read.Count) @('Ubuntu & 24.04', '1', 2)
    $read = & $loaded { param($items) Read-NiloGuestItem $items } @((& $item OSName ('x' * 3000)))
    Assert-Same $read['OSName'].Length 256
    Edit-StubHost { param($s) $s.host.cluster = 'CLU1'; $s.vms[0].nested = $true }
    Invoke-NiloPoll -Spool $Spool
    $seen = Get-Line inventory
    Assert-Same @($seen.boot, $seen.language, $seen.cluster, $seen.numa_spanning, $seen.numa.Count, $seen.error) @('2026-11-28T09:00:00.0000000Z', 1033, 'CLU1', $true, 2, $null)
    Assert-Same @($seen.guests.os) @('Windows Server 2022 Datacenter', $null, 'Windows Server 2022 Datacenter', $null)
    Assert-Same @($seen.guests.nested) @($true, $false, $false, $false)
    Assert-Same @($seen.guests[0].vm, $seen.guests[0].platform, $seen.module) @('d9e0eb0a-5b37-508e-9173-67e9ade83acf', '2', "$($loaded.Version)")
    Edit-StubHost { param($s) $s.faults.kvp = 'Access denied'; $s.host.cluster = '' }
    Step-StubMinute 60
    Invoke-NiloPoll -Spool $Spool
    $seen = @(Get-Line inventory)[-1]
    Assert-Same @($seen.error, $seen.guests[0].os, $seen.guests[0].nested, $seen.cluster) @('Access denied', $null, $true, $null)
}

# ---- what lies in `changes` ----

Check 'a change is taken in with its owner and digest, begun before end, and deleted' {
    Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Spool $Spool
    $files = @(Get-ChildItem "$Spool/changes" | Sort-Object Name)
    $texts = @($files | ForEach-Object { [IO.File]::ReadAllText($_.FullName) })
    $digests = @($files | ForEach-Object { (Get-FileHash -Algorithm SHA256 $_.FullName).Hash.ToLowerInvariant() })
    Invoke-NiloPoll -Spool $Spool
    $seen = @(Get-Line seen)
    Assert-Same @($seen.file) @($files.Name)
    Assert-Same @($seen.content) $texts
    Assert-Same @($seen.sha256) $digests
    Assert-Same @($seen.bytes) @(foreach ($file in $files) { $file.Length })
    Assert-Same @($seen.error) @($null, $null)
    Assert-Same $seen[0].owner ([ordered]@{ sid = 'S-1-5-21-1-2-3-1001'; name = 'CONTOSO\anna' })
    Assert-Same @(Get-ChildItem "$Spool/changes").Count 0
}
Check 'junk and links are told and deleted, and what links lead to stays' {
    $good = '{"schema":2,"kind":"change","id":"6230e65f-f506-4143-a26b-e093a644ca39"}'
    [IO.File]::WriteAllText("$Spool/precious", $good)
    $null = New-Item -ItemType Directory "$Spool/folder"
    [IO.File]::WriteAllText("$Spool/folder/inside", $good)
    Add-Junk 'a-empty' @()
    Add-Junk 'b-json' (Get-Utf8 'no json')
    Add-Junk 'c-list' (Get-Utf8 "[$good]")
    Add-Junk 'd-poll' (Get-Utf8 '{"schema":2,"kind":"poll","id":"6230e65f-f506-4143-a26b-e093a644ca39"}')
    Add-Junk 'e-old' (Get-Utf8 $good.Replace('"schema":2', '"schema":1'))
    Add-Junk 'f-id' (Get-Utf8 $good.Replace('6230e65f', 'x'))
    Add-Junk 'g-utf8' ((Get-Utf8 $good) + [byte]0xFF)
    Add-Junk 'h-large' (Get-Utf8 ($good + ' ' * 65536))
    $null = New-Item -ItemType SymbolicLink -Path "$Spool/changes/i-link" -Target "$Spool/precious"
    $null = New-Item -ItemType SymbolicLink -Path "$Spool/changes/j-nowhere" -Target "$Spool/nowhere"
    $null = New-Item -ItemType SymbolicLink -Path "$Spool/changes/k-folder" -Target "$Spool/folder"
    $null = New-Item -ItemType HardLink -Path "$Spool/changes/l-hard" -Target "$Spool/precious"
    mkfifo "$Spool/changes/m-pipe"
    Add-Junk 'n-kind' (Get-Utf8 $good.Replace('change', 'Change'))
    Invoke-NiloPoll -Spool $Spool
    $seen = @(Get-Line seen)
    Assert-Same @($seen | Where-Object content | ForEach-Object file) @()
    $words = @{}
    foreach ($line in $seen) { $words[$line.file.Substring(0, 1)] = $line.error }
    Assert-Same @('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n' | ForEach-Object { $words[$_] }) @(
        'it is not a JSON object', 'it is not JSON', 'it is not a JSON object', "it is not a change's", "it is not a change's", 'its change has no id', 'it is not UTF-8',
        'it has 65608 bytes, and 65536 at most are read', 'it is a link', 'it is a link', 'it is a link', 'it has 2 names', 'it is not a file', "it is not a change's")
    Assert-Same @($seen.Count, @(Get-ChildItem "$Spool/changes" -Force).Count) @(14, 0)
    Assert-Same @([IO.File]::ReadAllText("$Spool/precious"), [IO.File]::ReadAllText("$Spool/folder/inside")) @($good, $good)
}
Check 'what another still writes waits for the next poll, and a folder with something in it stays' {
    $stream = [IO.FileStream]::new("$Spool/changes/x", 'CreateNew', 'Write', 'None')
    $null = New-Item -ItemType Directory "$Spool/changes/y"
    Add-Junk 'y/z' (Get-Utf8 'z')
    try { Invoke-NiloPoll -Spool $Spool } finally { $stream.Dispose() }
    Assert-Same @(@(Get-Line seen).Count, (Test-Path "$Spool/changes/x"), (Test-Path "$Spool/changes/y/z")) @(0, $true, $true)
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @(Get-Line seen).Count 1
}
Check 'a thousand files are taken in at a time, and none is lost' {
    & $loaded { $script:MostFiles = 3 }
    try {
        foreach ($i in 1..7) { Add-Junk "f$i" (Get-Utf8 'x') }
        $counts = foreach ($poll in 1..3) { Invoke-NiloPoll -Spool $Spool; @(Get-Line seen).Count }
    }
    finally { & $loaded { $script:MostFiles = 1000 } }
    Assert-Same @($counts) @(3, 6, 7)
    Assert-Same @(Get-ChildItem "$Spool/changes").Count 0
}
Check 'a file is deleted only when its line is on disk' {
    Invoke-NiloChange web01 { } -Spool $Spool
    $null = New-Item -ItemType SymbolicLink -Path "$Spool/HV01-20261128.jsonl" -Target /dev/full
    Assert-Like (Get-Thrown { Invoke-NiloPoll -Spool $Spool }) '*HV01-20261128.jsonl cannot be written: No space left on device*'
    Assert-Same @(Get-ChildItem "$Spool/changes").Count 2
    Remove-Item "$Spool/HV01-20261128.jsonl"
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @(@(Get-Line seen).Count, @(Get-ChildItem "$Spool/changes").Count) @(2, 0)
}
Check 'an owner that cannot be read leaves the change told' {
    & $loaded { function script:Get-NiloFileOwner($Stream) { throw 'no owner' } }
    Invoke-NiloChange web01 { } -Spool $Spool
    try { Invoke-NiloPoll -Spool $Spool } finally { & $loaded { function script:Get-NiloFileOwner($Stream) { Get-StubFileOwner $Stream } } }
    $seen = @(Get-Line seen)
    Assert-Same @($seen[0].owner, $seen[0].error) @($null, 'its owner cannot be read: no owner')
    Assert-Like $seen[0].content '*change-begun*'
}

# ---- size and age ----

Check 'a day is packed an hour after its end, reads back the same, and its file is gone' {
    Invoke-NiloPoll -Spool $Spool
    $text = [IO.File]::ReadAllText("$Spool/HV01-20261128.jsonl")
    Edit-StubHost { param($s) $s.clock = '2026-11-29T00:59:00Z' }
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @((Get-ChildItem $Spool -File).Name | Sort-Object) @('HV01-20261128.jsonl', 'HV01-20261129.jsonl')
    Step-StubMinute
    [IO.File]::WriteAllText("$Spool/HV01-20261128.jsonl.gz.new", 'a crash left it')
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @((Get-ChildItem $Spool -File).Name | Sort-Object) @('HV01-20261128.jsonl.gz', 'HV01-20261129.jsonl')
    Assert-Same ((gzip -dc "$Spool/HV01-20261128.jsonl.gz") -join "`n").Trim() $text.Trim()
    # a crash between: the day is there twice
    [IO.File]::WriteAllText("$Spool/HV01-20261128.jsonl", $text)
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @((Get-ChildItem $Spool -File).Name | Sort-Object) @('HV01-20261128.jsonl.gz', 'HV01-20261129.jsonl')
    # the clock was set back for a while: more came for a day that is packed
    [IO.File]::WriteAllText("$Spool/HV01-20261128.jsonl", "`nmore`n")
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @((Get-ChildItem $Spool -File).Name | Sort-Object) @('HV01-20261128.jsonl.gz', 'HV01-20261129.jsonl')
    Assert-Same ((gzip -dc "$Spool/HV01-20261128.jsonl.gz") -join "`n").Trim() "$($text.Trim())`n`nmore"
}
Check 'a day that does not read back as it was written keeps its file' {
    [IO.File]::WriteAllText("$Spool/HV01-20261101.jsonl", 'precious')
    & $loaded { function script:Get-NiloFileDigest($Paths) { "$Paths" } }
    try { Assert-Like (Get-Thrown { Invoke-NiloPoll -Spool $Spool }) '*HV01-20261101.jsonl.gz did not read back as it was written' }
    finally { & $loaded { Remove-Item function:Get-NiloFileDigest } ; $script:loaded = Import-Module $Module -PassThru -Force -Global; & $loaded $replace }
    Assert-Same @((Get-ChildItem $Spool -File).Name | Sort-Object) @('HV01-20261101.jsonl', 'HV01-20261128.jsonl')
}
Check 'days older than -KeepDays are deleted, by the day in their name, and nothing else is' {
    $names = 'HV01-20251023.jsonl', 'HV01-20251023.jsonl.gz', 'HV01-20251024.jsonl.gz', 'HV01-20269999.jsonl', 'HV02-20200101.jsonl', 'HV01-20200101.jsonl.txt',
        'xHV01-20200101.jsonl', 'HV01-20200101.json', 'HV01-202001011.jsonl'
    foreach ($name in $names) { [IO.File]::WriteAllText("$Spool/$name", '') }
    Invoke-NiloPoll -Spool $Spool
    Assert-Same @((Get-ChildItem $Spool -File).Name | Sort-Object) @(@($names | Select-Object -Skip 2) + 'HV01-20261128.jsonl' | Sort-Object)
    Edit-StubHost { param($s) $s.clock = '2026-11-30T00:00:00Z' }
    Invoke-NiloPoll -Spool $Spool -KeepDays 1
    Assert-Same @((Get-ChildItem $Spool -File).Name | Where-Object { $_ -match '^HV01-2026112|^HV01-2025|^HV01-2026113' }) @('HV01-20261130.jsonl')
    Assert-Like (Get-Thrown { Invoke-NiloPoll -Spool $Spool -KeepDays 0 }) '*KeepDays*'
}
Check 'under a gibibyte there are no polls, one note at the start and one at the end, and changes are told' {
    Invoke-NiloPoll -Spool $Spool
    Edit-StubHost { param($s) $s.host.free = 1GB - 1 }
    foreach ($minute in 1..3) { Step-StubMinute; Invoke-NiloPoll -Spool $Spool }
    Invoke-NiloChange web01 { } -Spool $Spool
    Edit-StubHost { param($s) $s.clock = '2026-11-30T12:00:00Z' }
    Invoke-NiloPoll -Spool $Spool
    Assert-Same (Get-NiloSpool -Spool $Spool).Paused $true
    Edit-StubHost { param($s) $s.host.free = 1GB }
    foreach ($minute in 1..2) { Step-StubMinute; Invoke-NiloPoll -Spool $Spool }
    Assert-Same @((Get-Line).kind) @('poll', 'inventory', 'note', 'seen', 'seen', 'note', 'poll', 'inventory', 'poll')
    Assert-Same @((Get-Line note).note) @('polls stop: less than 1 GiB is free on the disk of the spool', 'polls go on: 1 GiB is free again')
}
Check 'Get-NiloSpool shows at one look how things stand' {
    Assert-Same (Get-NiloSpool -Spool $Spool).LastPoll $null
    Edit-StubHost { param($s) $s.faults.jobs = 'Access "denied"' }
    Invoke-NiloPoll -Spool $Spool
    Edit-StubHost { param($s) $s.faults.jobs = '' }
    Step-StubMinute
    Invoke-NiloPoll -Spool $Spool
    Invoke-NiloChange web01 { } -Spool $Spool
    Step-StubMinute 2
    $shown = Get-NiloSpool -Spool $Spool
    Assert-Same @($shown.Host, $shown.LastPollAge.TotalMinutes, $shown.LastError, $shown.LastErrorTime, $shown.Days, $shown.Waiting, $shown.Paused) @(
        'HV01', 2.0, 'Access "denied"', '2026-11-28T09:00:00.0000000Z', 1, 2, $false)
    Assert-Same @($shown.Bytes, $shown.FreeBytes) @((Get-Item "$Spool/HV01-20261128.jsonl").Length, 100GB)
    Remove-Item -Recurse "$Spool/changes"
    Assert-Same (Get-NiloSpool -Spool $Spool).Waiting $null
    Assert-Like (Get-Thrown { Get-NiloSpool -Spool "$Spool/none" }) 'there is no spool at *'
}
