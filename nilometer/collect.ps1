#Requires -Version 5.1
# Nilometer's collector for a Hyper-V host: `nilo collector > collect.ps1`; docs/collect.md says how to set it up.
#   collect.ps1             appends one poll to the spool: for a scheduled task, each minute
#   . collect.ps1 -Define   only defines Invoke-NiloChange, for one's own changes:
#                           Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB }
# It reads, and writes nothing but the spool. IT WAS NOT RUN BY THOSE WHO WROTE IT: every property and counter was
# looked up in Microsoft's documentation, and none was tried on a host. Look at the first lines that it writes.
param([string]$Spool = "$env:ProgramData\Nilometer\spool", [switch]$Define)

# A module: the session gets Invoke-NiloChange and no more; a change sees the session's variables, not these here.
$null = New-Module -Name Nilometer -ArgumentList $Spool, (-not $Define) -ErrorAction Stop -ScriptBlock {
param($Spool, $Poll)
Set-StrictMode -Off # much is null here, and stays null

# A function that gives nothing is written as {}: what is unknown is $null, said in so many words.
function ConvertTo-NiloTime($Time) { if ($null -ne $Time) { $Time.ToUniversalTime().ToString('o') } else { $null } }

# The table @{} compares as the system's language does; this one compares letter by letter.
function New-NiloTable { [Collections.Hashtable]::new([StringComparer]::Ordinal) }

# A VM's name as counters write it.
function ConvertTo-NiloInstance($Name) {
    "$Name".Replace('(', '[').Replace(')', ']').Replace('#', '_').Replace('/', '_').Replace('\', '_').ToLowerInvariant()
}

# What went wrong, in words: of error records, or of the exceptions in them.
function Get-NiloMessage($Failed) {
    $said = foreach ($each in $Failed) { if ($each -is [Exception]) { $each.Message } else { $each.Exception.Message } }
    if ($said) { @($said | Select-Object -Unique) -join '; ' } else { $null }
}

function Write-NiloLine($Record) {
    # A line begins with an end of line too: what was cut off before it, by a crash, stays a line of its own.
    $line = "`n" + (ConvertTo-Json -InputObject $Record -Depth 4 -Compress) + "`n"
    $day = [DateTime]::UtcNow.ToString('yyyyMMdd', [Globalization.CultureInfo]::InvariantCulture)
    $file = Join-Path $Spool ([Net.Dns]::GetHostName() + "-$day.jsonl")
    for ($try = 1; ; $try++) {
        try { [IO.File]::AppendAllText($file, $line, (New-Object Text.UTF8Encoding $false)); return }
        catch [IO.IOException] { if ($try -ge 20) { throw }; Start-Sleep -Milliseconds 250 } # another is writing
    }
}

function Get-NiloCounters {
    # Counters have the names of the system's language: where these are unknown, their figures stay unknown.
    $found = New-NiloTable
    $paths = '\Hyper-V Dynamic Memory Balancer(System Balancer)\Available Memory',
        '\Hyper-V Dynamic Memory VM(*)\Physical Memory',
        '\Hyper-V Dynamic Memory VM(*)\Guest Visible Physical Memory',
        '\Hyper-V Dynamic Memory VM(*)\Guest Available Memory',
        '\Hyper-V Dynamic Memory VM(*)\Added Memory',
        '\Hyper-V Dynamic Memory VM(*)\Removed Memory'
    $read = Get-Counter -Counter $paths -ErrorAction SilentlyContinue -ErrorVariable lost
    foreach ($sample in $read.CounterSamples) {
        if ($sample.Status -ne 0) { continue } # not valid: its value of 0 is no figure
        $key = $sample.InstanceName + '|' + ($sample.Path -split '\\')[-1]
        $found[$key.ToLowerInvariant()] = [long]$sample.CookedValue
    }
    if ($found.Count -eq 0) { throw "no counter: $(Get-NiloMessage $lost)" }
    $found
}

function Get-NiloJobs {
    # Kept by the host for five minutes after their end: who gave them, and what came of them.
    $types = @(12..15) + @(26..29) + 31, 41, 42, 71 # power; modify, add memory, remove memory, apply a checkpoint
    $space = @{ Namespace = 'root\virtualization\v2' }
    foreach ($job in Get-CimInstance @space -ClassName Msvm_ConcreteJob -ErrorAction Stop) {
        if ($types -notcontains $job.JobType) { continue }
        $of = @{ InputObject = $job; Association = 'Msvm_AffectedJobElement'; ErrorAction = 'SilentlyContinue' }
        $vm = Get-CimAssociatedInstance @space @of |
            Where-Object { $_.CimClass.CimClassName -eq 'Msvm_ComputerSystem' } | Select-Object -First 1
        [ordered]@{
            id = $job.InstanceID; type = $job.JobType; state = $job.JobState; vm = $vm.Name; owner = $job.Owner
            submitted = ConvertTo-NiloTime $job.TimeSubmitted; error = $job.ErrorCode
            elapsed = $job.ElapsedTime.TotalSeconds
        }
    }
}

function Get-NiloPoll {
    # A part that cannot be read takes no other with it: it stays null, and `error` says why.
    $time = [DateTime]::UtcNow
    $failed = New-Object Collections.ArrayList
    $tell = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = '+failed' }
    $capacity = $null
    $vms = $jobs = @()
    $memory = New-NiloTable
    $counters = New-NiloTable
    $called = New-NiloTable
    try { $capacity = (Get-VMHost @tell).MemoryCapacity } catch { [void]$failed.Add($_) }
    try { $vms = @(Get-VM @tell) } catch { [void]$failed.Add($_) }
    try { foreach ($one in $(if ($vms) { Get-VMMemory -VM $vms @tell })) { $memory["$($one.VMId)"] = $one } }
    catch { [void]$failed.Add($_) }
    try { $counters = Get-NiloCounters } catch { [void]$failed.Add($_) }
    # Counters know a VM by its name: two of one name cannot be told apart there.
    foreach ($vm in $vms) { $called[(ConvertTo-NiloInstance $vm.Name)] += 1 }
    $list = @(foreach ($vm in $vms) {
        try {
            $name = ConvertTo-NiloInstance $vm.Name
            if ($called[$name] -ne 1) { $name = '' }
            [ordered]@{
                id = "$($vm.Id)"; name = $vm.Name; generation = $vm.Generation; version = "$($vm.Version)"
                state = [int]$vm.State; state_name = "$($vm.State)"; uptime = [long]$vm.Uptime.TotalSeconds
                dynamic = $vm.DynamicMemoryEnabled; startup = $vm.MemoryStartup; minimum = $vm.MemoryMinimum
                maximum = $vm.MemoryMaximum; assigned = $vm.MemoryAssigned
                buffer = $memory["$($vm.Id)"].Buffer; weight = $memory["$($vm.Id)"].Priority
                physical_mb = $counters["$name|physical memory"]
                visible_mb = $counters["$name|guest visible physical memory"]
                guest_available_mb = $counters["$name|guest available memory"]
                added_mb = $counters["$name|added memory"]; removed_mb = $counters["$name|removed memory"]
            }
        }
        catch { [void]$failed.Add($_) }
    })
    try { $jobs = @(Get-NiloJobs) } catch { [void]$failed.Add($_) }
    [ordered]@{
        schema = 1; kind = 'poll'; time = ConvertTo-NiloTime $time; host = [Net.Dns]::GetHostName()
        build = [Environment]::OSVersion.Version.Build; capacity = $capacity
        available_mb = $counters['system balancer|available memory']
        vms = $list; jobs = $jobs; error = Get-NiloMessage $failed
    }
}

function Invoke-NiloChange {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$Name, [Parameter(Mandatory)][scriptblock]$Change)
    $vm = @(Get-VM -Name $Name -ErrorAction Stop)
    if ($vm.Count -ne 1) { throw "$($vm.Count) VMs have the name $Name" }
    $id, $since, $before, $startup = $vm[0].Id, [DateTime]::UtcNow, $vm[0].MemoryAssigned, $vm[0].MemoryStartup
    # Most errors of Hyper-V's commands stop nothing and are caught by nothing: they are taken from their stream.
    $failed, $thrown = (New-Object Collections.ArrayList), $null
    try {
        & $Change 2>&1 | ForEach-Object {
            if ($_ -is [Management.Automation.ErrorRecord]) { [void]$failed.Add($_) } else { $_ }
        }
    }
    catch { $thrown = $_ }
    $wrong = Get-NiloMessage (@($failed) + @($thrown | Where-Object { $_ }))
    $after = $null
    for ($look = 1; ; $look++) { # that a command returns does not say that the memory has moved
        try { $after = Get-VM -Id $id -ErrorAction Stop } catch { break } # it is gone, or not to be seen
        $moves = "$($after.State)" -eq 'Running' -and -not $after.DynamicMemoryEnabled -and -not $wrong
        if (-not $moves -or $after.MemoryAssigned -eq $after.MemoryStartup -or $look -ge 6) { break }
        Start-Sleep -Seconds 5
    }
    $refused = $wrong -and $after.MemoryStartup -eq $startup
    Write-NiloLine ([ordered]@{
        schema = 1; kind = 'change'; time = ConvertTo-NiloTime ([DateTime]::UtcNow); since = ConvertTo-NiloTime $since
        host = [Net.Dns]::GetHostName(); vm = "$id"; name = $Name
        user = [Security.Principal.WindowsIdentity]::GetCurrent().Name; command = "$Change".Trim()
        before = $before; after = $after.MemoryAssigned; asked = if ($refused) { $null } else { $after.MemoryStartup }
        error = $wrong
    })
    foreach ($each in $failed) { $PSCmdlet.WriteError($each) } # whoever called sees them all the same
    if ($thrown) { throw $thrown }
}

Export-ModuleMember -Function Invoke-NiloChange
if ($Poll) { Write-NiloLine (Get-NiloPoll) }
}
if ($Define) { Remove-Variable -Name 'Spool', 'Define' -ErrorAction SilentlyContinue } # they were left in the session
