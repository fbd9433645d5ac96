#Requires -Version 5.1
# Nilometer's collector for a Hyper-V host: `nilo collector > collect.ps1`; docs/collect.md says how to set it up.
#   collect.ps1             appends one poll to the spool: for a scheduled task, each minute
#   . collect.ps1 -Define   only defines Invoke-NiloChange, for one's own changes:
#                           Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB }
# It reads, and writes nothing but the spool. IT WAS NOT RUN BY THOSE WHO WROTE IT: every property and counter was
# looked up in Microsoft's documentation, and none was tried on a host. Look at the first lines that it writes.
param([string]$Spool = "$env:ProgramData\Nilometer\spool", [switch]$Define)

function ConvertTo-NiloTime($Time) { if ($null -ne $Time) { $Time.ToUniversalTime().ToString('o') } }

function Write-NiloLine($Record) {
    # A line begins with an end of line too: what was cut off before it, by a crash, stays a line of its own.
    $line = "`n" + (ConvertTo-Json -InputObject $Record -Depth 4 -Compress) + "`n"
    $file = Join-Path $Spool ('{0}-{1:yyyyMMdd}.jsonl' -f $env:COMPUTERNAME, [DateTime]::UtcNow)
    for ($try = 1; ; $try++) {
        try { [IO.File]::AppendAllText($file, $line, (New-Object Text.UTF8Encoding $false)); return }
        catch [IO.IOException] { if ($try -ge 20) { throw }; Start-Sleep -Milliseconds 250 } # another is writing
    }
}

function Get-NiloCounters {
    # Counters have the names of the system's language: where these are unknown, their figures stay unknown.
    $found = @{}
    $paths = '\Hyper-V Dynamic Memory Balancer(System Balancer)\Available Memory',
        '\Hyper-V Dynamic Memory VM(*)\Physical Memory',
        '\Hyper-V Dynamic Memory VM(*)\Guest Visible Physical Memory',
        '\Hyper-V Dynamic Memory VM(*)\Guest Available Memory',
        '\Hyper-V Dynamic Memory VM(*)\Added Memory',
        '\Hyper-V Dynamic Memory VM(*)\Removed Memory'
    foreach ($sample in (Get-Counter -Counter $paths -ErrorAction SilentlyContinue).CounterSamples) {
        $found[$sample.InstanceName + '|' + ($sample.Path -split '\\')[-1]] = [long]$sample.CookedValue
    }
    $found
}

function Get-NiloJobs {
    # Kept by the host for five minutes after their end: who gave them, and what came of them.
    $types = @(12..15) + @(26..29) + 31, 41, 42, 71 # power; modify, add memory, remove memory, apply a checkpoint
    $query = @{ Namespace = 'root\virtualization\v2'; ErrorAction = 'SilentlyContinue' }
    foreach ($job in Get-CimInstance @query -ClassName Msvm_ConcreteJob) {
        if ($types -notcontains $job.JobType) { continue }
        $vm = Get-CimAssociatedInstance @query -InputObject $job -Association Msvm_AffectedJobElement |
            Where-Object { $_.CimClass.CimClassName -eq 'Msvm_ComputerSystem' } | Select-Object -First 1
        [ordered]@{
            id = $job.InstanceID; type = $job.JobType; state = $job.JobState; vm = $vm.Name; owner = $job.Owner
            submitted = ConvertTo-NiloTime $job.TimeSubmitted; error = $job.ErrorCode
            elapsed = $job.ElapsedTime.TotalSeconds
        }
    }
}

function Get-NiloPoll {
    $time = [DateTime]::UtcNow
    $vms = @(Get-VM)
    $memory = @{}
    foreach ($one in $(if ($vms) { Get-VMMemory -VM $vms })) { $memory["$($one.VMId)"] = $one }
    $counters = Get-NiloCounters
    [ordered]@{
        schema = 1; kind = 'poll'; time = ConvertTo-NiloTime $time; host = $env:COMPUTERNAME
        build = [Environment]::OSVersion.Version.Build; capacity = (Get-VMHost).MemoryCapacity
        available_mb = $counters['System Balancer|Available Memory']
        vms = @(foreach ($vm in $vms) {
            # Counters know a VM by its name: two of one name cannot be told apart there.
            $name = if (@($vms | Where-Object { $_.Name -eq $vm.Name }).Count -eq 1) { $vm.Name } else { '' }
            [ordered]@{
                id = "$($vm.Id)"; name = $vm.Name; generation = $vm.Generation; version = "$($vm.Version)"
                state = [int]$vm.State; state_name = "$($vm.State)"; uptime = [long]$vm.Uptime.TotalSeconds
                dynamic = $vm.DynamicMemoryEnabled; startup = $vm.MemoryStartup; minimum = $vm.MemoryMinimum
                maximum = $vm.MemoryMaximum; assigned = $vm.MemoryAssigned
                buffer = $memory["$($vm.Id)"].Buffer; weight = $memory["$($vm.Id)"].Priority
                physical_mb = $counters["$name|Physical Memory"]
                visible_mb = $counters["$name|Guest Visible Physical Memory"]
                guest_available_mb = $counters["$name|Guest Available Memory"]
                added_mb = $counters["$name|Added Memory"]; removed_mb = $counters["$name|Removed Memory"]
            }
        })
        jobs = @(Get-NiloJobs)
    }
}

function Invoke-NiloChange {
    param([Parameter(Mandatory)][string]$Name, [Parameter(Mandatory)][scriptblock]$Change)
    $vm = @(Get-VM -Name $Name -ErrorAction Stop)
    if ($vm.Count -ne 1) { throw "$($vm.Count) VMs have the name $Name" }
    $id, $since, $before, $startup = $vm[0].Id, [DateTime]::UtcNow, $vm[0].MemoryAssigned, $vm[0].MemoryStartup
    $failed = $null
    try { & $Change } catch { $failed = $_ }
    for ($look = 1; ; $look++) { # that a command returns does not say that the memory has moved
        $after = Get-VM -Id $id
        $moves = "$($after.State)" -eq 'Running' -and -not $after.DynamicMemoryEnabled -and -not $failed
        if (-not $moves -or $after.MemoryAssigned -eq $after.MemoryStartup -or $look -ge 6) { break }
        Start-Sleep -Seconds 5
    }
    $refused = $failed -and $after.MemoryStartup -eq $startup
    Write-NiloLine ([ordered]@{
        schema = 1; kind = 'change'; time = ConvertTo-NiloTime ([DateTime]::UtcNow); since = ConvertTo-NiloTime $since
        host = $env:COMPUTERNAME; vm = "$id"; name = $Name
        user = [Security.Principal.WindowsIdentity]::GetCurrent().Name; command = "$Change".Trim()
        before = $before; after = $after.MemoryAssigned; asked = if ($refused) { $null } else { $after.MemoryStartup }
        error = if ($failed) { $failed.Exception.Message } else { $null }
    })
    if ($failed) { throw $failed }
}

if (-not $Define) { Write-NiloLine (Get-NiloPoll) }
