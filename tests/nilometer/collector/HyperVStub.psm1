# A stand-in for a Hyper-V host, of our own making, for the tests of the collector. It runs in PowerShell 7 on any system.
# It gives objects of the documented types: their names and properties are those of Microsoft's documentation and of
# windows_exporter's list of counters (tests/nilometer/importers/hyperv/samples). It is no Hyper-V: what it does is what our
# model of memory says that Hyper-V does. A test that passes here says that the module runs and what it writes, and nothing
# about a real host.
#
# State: { clock, host: {name, capacity, reserve, ...}, vms: [...], jobs: [...], faults: {...}, minute }, by $env:NILO_STUB_STATE.
# Nothing here takes real time: the clock is that of the state and moves only by Step-StubMinute.
# [?] marks what no public page says; the stub then does the plainer thing, and no test may lean on it.

Set-StrictMode -Off
$script:MiB = 1MB

# All runspaces of the process share it.
if (-not [AppDomain]::CurrentDomain.GetData('NiloStub')) { [AppDomain]::CurrentDomain.SetData('NiloStub', [hashtable]::Synchronized(@{})) }
function Get-StubState { [AppDomain]::CurrentDomain.GetData('NiloStub')[$env:NILO_STUB_STATE] }
function Set-StubState($State) { [AppDomain]::CurrentDomain.GetData('NiloStub')[$env:NILO_STUB_STATE] = $State }

enum VMState { Other = 1; Running = 2; Off = 3; Stopping = 4; Saved = 6; Paused = 9; Starting = 10; Reset = 11; Saving = 32773 }

# Classes with the documented property names and types; a script class gives real [long], [Guid], [TimeSpan].
class StubVirtualMachine {
    [Guid]$Id; [string]$Name; [string]$ComputerName; [VMState]$State; [string]$Status; [int]$Generation; [string]$Version
    [bool]$DynamicMemoryEnabled; [long]$MemoryAssigned; [long]$MemoryDemand; [string]$MemoryStatus; [long]$MemoryStartup
    [long]$MemoryMinimum; [long]$MemoryMaximum; [TimeSpan]$Uptime; [DateTime]$CreationTime; [bool]$IsClustered
    [bool]$SmartPagingFileInUse; [string]$ReplicationState; [string]$ReplicationMode
}
class StubVMMemory {
    [Guid]$VMId; [string]$VMName; [long]$Startup; [long]$Minimum; [long]$Maximum; [long]$MaximumPerNumaNode
    [int]$Buffer; [int]$Priority; [bool]$DynamicMemoryEnabled; [string]$ResourcePoolName; [string]$Id; [string]$Name
}
class StubVMHost { [string]$Name; [long]$MemoryCapacity; [bool]$NumaSpanningEnabled; [string]$FullyQualifiedDomainName }
class StubSample { [string]$Path; [string]$InstanceName; [double]$CookedValue; [uint32]$Status; [DateTime]$Timestamp }
class StubSampleSet { [DateTime]$Timestamp; [StubSample[]]$CounterSamples }
class StubNumaNode { [int]$NodeId; [int[]]$ProcessorsAvailability; [int]$MemoryAvailable; [int]$MemoryTotal }
class StubVMProcessor { [Guid]$VMId; [string]$VMName; [long]$Count; [bool]$ExposeVirtualizationExtensions }
class StubCimClass { [string]$CimClassName }
class StubCimInstance {
    [StubCimClass]$CimClass; [string]$InstanceID; [string]$Name; [string]$ElementName
    $JobType; $JobState; [string]$Owner; $TimeSubmitted; $ElapsedTime; $ErrorCode; [string]$ErrorDescription
    [string]$ErrorSummaryDescription; [string]$JobStatus; [string]$DestinationHost; [string]$Description; [uint16]$PercentComplete; [string]$AffectedVm
}
# Performance classes: their names and properties are not localized. All figures are MB or percent, UInt32.
class StubBalancer { [string]$Name; [uint32]$AvailableMemory; [uint32]$AvailableMemoryForBalancing; [uint32]$AveragePressure; [uint32]$SystemCurrentPressure }
class StubDynamicMemory {
    [string]$Name; [uint32]$PhysicalMemory; [uint32]$GuestVisiblePhysicalMemory; [uint32]$GuestAvailableMemory
    [uint32]$AddedMemory; [uint32]$RemovedMemory; [uint32]$MemoryAddOperations; [uint32]$MemoryRemoveOperations
    [uint32]$CurrentPressure; [uint32]$AveragePressure; [uint32]$MinimumPressure; [uint32]$MaximumPressure; [uint32]$SmartPagingWorkingSetSize
}
class StubOperatingSystem { [DateTime]$LastBootUpTime; [string]$Caption; [string]$BuildNumber; [uint32]$OSLanguage }
class StubKvp { [string]$SystemName; [string[]]$GuestIntrinsicExchangeItems }
class StubCluster { [string]$Name }

function ConvertTo-StubTime($Text) { [DateTime]::Parse($Text, [Globalization.CultureInfo]::InvariantCulture, 'AdjustToUniversal,AssumeUniversal') }

# Non-terminating, as most errors of Hyper-V's cmdlets are: caught by nothing, unless asked with -ErrorAction Stop.
function Write-StubError($Cmdlet, [string]$Message, [string]$Id, [string]$Category = 'InvalidOperation') {
    $record = [Management.Automation.ErrorRecord]::new([InvalidOperationException]::new($Message), $Id, $Category, $null)
    $Cmdlet.WriteError($record)
}

function New-StubHost {
    param([string]$HostName = 'HV01', [string]$Start = '2026-11-28T09:00:00Z')
    Set-StubState ([ordered]@{
        clock = $Start; minute = 0
        host = @{ name = $HostName; capacity = 65536 * $MiB; reserve = 2304 * $MiB; build = '20348'; language = 1033; cluster = ''; spanning = $true; booted = $Start }
        # What is broken in this minute: '' or an error's text. counters: Get-Counter only (a host in another language);
        # classes: the performance classes; vanish: a VM's name, gone between two calls of one poll; association: of jobs.
        faults = @{ counters = ''; classes = ''; getvm = ''; vanish = ''; association = ''; kvp = ''; jobs = '' }
        vms = @(
            @{ id = 'd9e0eb0a-5b37-508e-9173-67e9ade83acf'; name = 'web01'; guest = 'windows'; dynamic = $false
               startup = 4096; minimum = 512; maximum = 1048576; assigned = 4096; visible = 4096; used = 1200
               added = 0; removed = 0; state = 2; started = $Start; generation = 2; version = '10.0'; buffer = 20; weight = 50; os = 'Windows Server 2022 Datacenter' }
            @{ id = '0b5c1c2e-0000-4000-8000-000000000002'; name = 'erp01'; guest = 'windows-legacy'; dynamic = $true
               startup = 2048; minimum = 512; maximum = 8192; assigned = 2048; visible = 2048; used = 600
               added = 0; removed = 0; state = 2; started = $Start; generation = 1; version = '9.0'; buffer = 20; weight = 50 }
            @{ id = '0b5c1c2e-0000-4000-8000-000000000003'; name = 'db(1)#x'; guest = 'windows'; dynamic = $false
               startup = 8192; minimum = 512; maximum = 1048576; assigned = 8192; visible = 8192; used = 5000
               added = 0; removed = 0; state = 2; started = $Start; generation = 2; version = '10.0'; buffer = 20; weight = 50; os = 'Windows Server 2022 Datacenter' }
            @{ id = '0b5c1c2e-0000-4000-8000-000000000004'; name = 'idle'; guest = 'linux'; dynamic = $false
               startup = 1024; minimum = 512; maximum = 1048576; assigned = 0; visible = 0; used = 0
               added = 0; removed = 0; state = 3; started = $null; generation = 2; version = '10.0'; buffer = 20; weight = 50 }
        )
        jobs = @()
    })
}

function Step-StubMinute([double]$Minutes = 1) {
    $s = Get-StubState
    $s.clock = (ConvertTo-StubTime $s.clock).AddMinutes($Minutes).ToString('o', [Globalization.CultureInfo]::InvariantCulture)
    $s.minute += $Minutes
    $at = ConvertTo-StubTime $s.clock
    $s.jobs = @($s.jobs | Where-Object { $_ -and ($at - (ConvertTo-StubTime $_.submitted)).TotalMinutes -lt 5 }) # then the host forgets it
    Set-StubState $s
}

function Add-StubJob($State, $Vm, [int]$Type, [int]$JobState, [string]$Owner, [int]$Code = 0, [string]$Text = '') {
    $State.jobs = @($State.jobs) + @{ id = [Guid]::NewGuid().ToString().ToUpperInvariant(); type = $Type; state = $JobState
        vm = $Vm.id; owner = $Owner; submitted = $State.clock; elapsed = 1.5; error = $Code; text = $Text; status = $(if ($Text) { 'Job failed' } else { 'Job is completed.' }) }
}

function Get-StubFree($State) {
    $held = 0; foreach ($v in $State.vms) { if ($v.state -in 2, 9) { $held += $v.assigned } }
    [math]::Floor(($State.host.capacity - $State.host.reserve) / $MiB) - $held
}

# A VM's name as an instance of counters and performance classes ([?] that the classes write it alike); those of one name are numbered.
function Get-StubInstance([string]$Name, [hashtable]$Seen) {
    $instance = $Name.Replace('(', '[').Replace(')', ']').Replace('#', '_').Replace('/', '_').Replace('\', '_')
    $Seen[$instance] += 1
    if ($Seen[$instance] -gt 1) { $instance + '#' + ($Seen[$instance] - 1) } else { $instance }
}

# The model's resize of a running static VM. MiB. Returns '' or the error's text.
function Invoke-StubResize($State, $Vm, [int]$Target) {
    $delta = $Target - $Vm.assigned
    if ($delta -gt 0) {
        $grant = [math]::Min($delta, (Get-StubFree $State)); $grant -= $grant % 2
        $Vm.assigned += $grant; $Vm.added += $grant; $Vm.visible += $grant
    }
    else {
        $grant = [math]::Max(0, [math]::Min(-$delta, [math]::Min($Vm.assigned - $Vm.used, $Vm.assigned - 32))); $grant -= $grant % 2
        $Vm.assigned -= $grant; $Vm.removed += $grant; $Vm.visible -= $grant
    }
    if ($grant -eq [math]::Abs($delta)) { return '' }
    if ($grant -eq 0) { return "'$($Vm.name)' failed to modify device 'Memory'. (Virtual machine ID $($Vm.id.ToUpperInvariant()))" }
    # The wording of Hyper-V's own message was never found: this text is MADE UP.
    "STUB: The memory change of '$($Vm.name)' was only partially completed."
}

# A change by somebody who does not use Invoke-NiloChange: only the host's job tells of it.
function Invoke-StubForeignChange([string]$Name, [int]$Target, [string]$Owner, [int]$Type = 31) {
    $s = Get-StubState
    $vm = @($s.vms | Where-Object { $_.name -eq $Name })[0]
    $text = Invoke-StubResize $s $vm $Target
    $failed = $text -like "*failed to modify*"
    if (-not $failed) { $vm.startup = $Target }
    Add-StubJob $s $vm $Type $(if ($failed) { 10 } elseif ($text) { 32768 } else { 7 }) $Owner $(if ($text) { 32768 } else { 0 }) $text
    Set-StubState $s
}

# Anything else: & $Change gets the state and may change it, as { param($s) $s.vms[0].name = 'web02' }
function Edit-StubHost([scriptblock]$Change) { $s = Get-StubState; & $Change $s; Set-StubState $s }

# What the collector asks instead of the real clock, host, user and owner.
function Get-StubUtcNow { ConvertTo-StubTime (Get-StubState).clock }
function Get-StubHostName { (Get-StubState).host.name }
function Get-StubUser { $env:NILO_STUB_OWNER }
# Who owns an open file, as NTFS would tell: by its name if a test said so in $StubOwners, else CONTOSO\anna, who makes all of them here.
$global:StubOwners = @{}
function Get-StubFileOwner($Stream) {
    $own = $global:StubOwners[[IO.Path]::GetFileName($(if ($Stream -is [IO.FileStream]) { $Stream.Name } else { "$Stream" }))]
    if ($own) { $own } else { @{ sid = 'S-1-5-21-1-2-3-1001'; name = 'CONTOSO\anna' } }
}
function Get-StubFreeBytes { $free = (Get-StubState).host.free; if ($null -ne $free) { $free } else { 100GB } }

# ---- what the collector and operators call -------------------------------------------------------------------------

function Get-VM {
    [CmdletBinding(DefaultParameterSetName = 'Name')]
    param([Parameter(Position = 0, ParameterSetName = 'Name')][string[]]$Name, [Parameter(ParameterSetName = 'Id')][Guid]$Id)
    $s = Get-StubState
    if ($s.faults.getvm) { Write-StubError $PSCmdlet $s.faults.getvm 'AccessDenied,Microsoft.HyperV.PowerShell.Commands.GetVM' 'PermissionDenied'; return }
    $found = 0
    foreach ($v in $s.vms) {
        if ($Name -and -not ($Name | Where-Object { $v.name -like $_ })) { continue }
        if ($PSBoundParameters.ContainsKey('Id') -and $v.id -ne "$Id") { continue }
        $found++
        $vm = [StubVirtualMachine]::new()
        $vm.Id = $v.id; $vm.Name = $v.name; $vm.ComputerName = $s.host.name; $vm.State = [VMState][int]$v.state
        $vm.Status = 'Operating normally'; $vm.Generation = $v.generation; $vm.Version = $v.version
        $vm.DynamicMemoryEnabled = $v.dynamic; $vm.MemoryAssigned = $v.assigned * $MiB; $vm.MemoryStartup = $v.startup * $MiB
        $vm.MemoryMinimum = $v.minimum * $MiB; $vm.MemoryMaximum = $v.maximum * $MiB; $vm.MemoryDemand = $v.used * $MiB
        $vm.Uptime = if ($v.started) { (ConvertTo-StubTime $s.clock) - (ConvertTo-StubTime $v.started) + [TimeSpan]::FromHours(1) } else { [TimeSpan]::Zero }
        $vm.CreationTime = (ConvertTo-StubTime '2026-01-01T00:00:00Z')
        $vm.SmartPagingFileInUse = [bool]$v.smartpaging; $vm.ReplicationState = 'Disabled'; $vm.ReplicationMode = 'None'
        $vm.MemoryStatus = if ($v.dynamic -and $v.state -eq 2) { 'OK' } else { '' }; $vm.IsClustered = [bool]$s.host.cluster
        $vm
    }
    if ($found -eq 0 -and ($Name -or $PSBoundParameters.ContainsKey('Id'))) {
        Write-StubError $PSCmdlet "Hyper-V was unable to find a virtual machine with name `"$Name$Id`"." 'InvalidParameter,Microsoft.HyperV.PowerShell.Commands.GetVM' 'InvalidArgument'
    }
}

function Get-VMMemory {
    [CmdletBinding()]
    param([Parameter(Position = 0)][string[]]$VMName, [object[]]$VM)
    $s = Get-StubState
    foreach ($v in $s.vms) {
        if ($VMName -and $v.name -notin $VMName) { continue }
        if ($VM -and "$($v.id)" -notin @($VM | ForEach-Object { "$($_.Id)" })) { continue }
        if ($s.faults.vanish -eq $v.name) { # it was deleted between Get-VM and this
            Write-StubError $PSCmdlet "The operation failed because the object was not found: $($v.name)" 'ObjectNotFound,Microsoft.HyperV.PowerShell.Commands.GetVMMemory' 'ObjectNotFound'
            continue
        }
        $m = [StubVMMemory]::new()
        $m.VMId = $v.id; $m.VMName = $v.name; $m.Startup = $v.startup * $MiB; $m.Minimum = $v.minimum * $MiB; $m.Maximum = $v.maximum * $MiB
        $m.MaximumPerNumaNode = 32768; $m.Buffer = $v.buffer; $m.Priority = $v.weight; $m.DynamicMemoryEnabled = $v.dynamic
        $m.ResourcePoolName = 'Primordial'; $m.Name = 'Memory'; $m.Id = "Microsoft:$($v.id.ToUpperInvariant())\4764334d-e001-4176-82ee-5594ec9b530e"
        $m
    }
}

function Get-VMHost {
    [CmdletBinding()] param()
    $s = Get-StubState
    $h = [StubVMHost]::new(); $h.Name = $s.host.name; $h.MemoryCapacity = $s.host.capacity; $h.FullyQualifiedDomainName = 'example.test'; $h.NumaSpanningEnabled = $s.host.spanning; $h
}

function Get-VMHostNumaNode {
    [CmdletBinding()] param()
    $s = Get-StubState
    foreach ($id in 0, 1) {
        $node = [StubNumaNode]::new(); $node.NodeId = $id; $node.ProcessorsAvailability = 0, 0
        $node.MemoryTotal = $s.host.capacity / $MiB / 2; $node.MemoryAvailable = [math]::Floor((Get-StubFree $s) / 2); $node
    }
}

function Get-VMProcessor {
    [CmdletBinding()] param([Parameter(Position = 0)][string[]]$VMName, [object[]]$VM)
    foreach ($v in (Get-StubState).vms) {
        if ($VMName -and $v.name -notin $VMName) { continue }
        if ($VM -and "$($v.id)" -notin @($VM | ForEach-Object { "$($_.Id)" })) { continue }
        $p = [StubVMProcessor]::new(); $p.VMId = $v.id; $p.VMName = $v.name; $p.Count = 2; $p.ExposeVirtualizationExtensions = [bool]$v.nested; $p
    }
}

function Set-VMMemory {
    [CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'Name')]
    param([Parameter(Mandatory, Position = 0, ParameterSetName = 'Name')][string]$VMName, [Parameter(Mandatory, ParameterSetName = 'VM')][object]$VM,
        [long]$StartupBytes, [long]$MinimumBytes, [long]$MaximumBytes, [int]$Buffer, [int]$Priority, [bool]$DynamicMemoryEnabled)
    if ($VM) { $VMName = $VM.Name }
    if (-not $PSCmdlet.ShouldProcess($VMName, 'Set-VMMemory')) { return }
    $s = Get-StubState
    $vm = @($s.vms | Where-Object { $_.name -eq $VMName })[0]
    if (-not $vm) { Write-StubError $PSCmdlet "Hyper-V was unable to find a virtual machine with name `"$VMName`"." 'InvalidParameter' 'InvalidArgument'; return }
    if ($PSBoundParameters.ContainsKey('MaximumBytes')) { $vm.maximum = $MaximumBytes / $MiB; Add-StubJob $s $vm 31 7 $env:NILO_STUB_OWNER; Set-StubState $s }
    if ($PSBoundParameters.ContainsKey('Buffer')) { $vm.buffer = $Buffer; Add-StubJob $s $vm 31 7 $env:NILO_STUB_OWNER; Set-StubState $s }
    if ($PSBoundParameters.ContainsKey('Priority')) { $vm.weight = $Priority; Add-StubJob $s $vm 31 7 $env:NILO_STUB_OWNER; Set-StubState $s }
    if ($PSBoundParameters.ContainsKey('DynamicMemoryEnabled')) {
        if ($vm.state -ne 3) { Write-StubError $PSCmdlet "'$VMName' failed to modify device 'Memory'. (Virtual machine ID $($vm.id.ToUpperInvariant()))" 'InvalidState,Microsoft.HyperV.PowerShell.Commands.SetVMMemory'; return }
        $vm.dynamic = $DynamicMemoryEnabled; Add-StubJob $s $vm 31 7 $env:NILO_STUB_OWNER; Set-StubState $s
    }
    if (-not $PSBoundParameters.ContainsKey('StartupBytes')) { return }
    $target = $StartupBytes / $MiB
    if ($target -ne [math]::Floor($target) -or $target % 2) {
        Write-StubError $PSCmdlet "Invalid memory value assigned for '$VMName'. The memory value assigned ('$target' MB) is not properly aligned. Try again with a memory value that is properly aligned. (Virtual machine ID $($vm.id.ToUpperInvariant()))" 'InvalidParameter,Microsoft.HyperV.PowerShell.Commands.SetVMMemory' 'InvalidArgument'
        return
    }
    if ($vm.state -eq 3) { $vm.startup = [int]$target; Add-StubJob $s $vm 31 7 $env:NILO_STUB_OWNER; Set-StubState $s; return }
    if ($vm.dynamic) {
        Write-StubError $PSCmdlet "'$VMName' failed to modify device 'Memory'. (Virtual machine ID $($vm.id.ToUpperInvariant()))" 'InvalidState,Microsoft.HyperV.PowerShell.Commands.SetVMMemory'
        Add-StubJob $s $vm 31 10 $env:NILO_STUB_OWNER 32768; Set-StubState $s; return
    }
    $text = Invoke-StubResize $s $vm ([int]$target)
    $failed = $text -like "*failed to modify*"
    if (-not $failed) { $vm.startup = [int]$target } # [?] what a partial change leaves as startup. The stub keeps what was asked.
    Add-StubJob $s $vm 31 $(if ($failed) { 10 } elseif ($text) { 32768 } else { 7 }) $env:NILO_STUB_OWNER $(if ($text) { 32768 } else { 0 }) $text
    Set-StubState $s
    if ($text) { Write-StubError $PSCmdlet $text 'OperationFailed,Microsoft.HyperV.PowerShell.Commands.SetVMMemory' }
}

function Get-Counter {
    [CmdletBinding()]
    param([string[]]$Counter)
    $s = Get-StubState
    if ($s.faults.counters) { # a host in another language: each path fails by itself, nothing is given, as GetCounterCommand.cs does
        foreach ($each in $Counter) { Write-StubError $PSCmdlet $s.faults.counters 'CounterApiError,Microsoft.PowerShell.Commands.GetCounterCommand' 'InvalidResult' }
        return
    }
    $at = ConvertTo-StubTime $s.clock
    $samples = foreach ($path in $Counter) {
        if ($path -notmatch '^\\(?<set>[^(]+)\((?<instance>[^)]*)\)\\(?<name>.+)$') { Write-StubError $PSCmdlet "bad path $path" 'CounterApiError' 'InvalidResult'; continue }
        $set, $which, $name = $Matches.set, $Matches.instance, $Matches.name
        if ($set -eq 'Hyper-V Dynamic Memory Balancer') { $rows = @(, @('System Balancer', (Get-StubFree $s))) }
        else {
            $seen = @{}
            $rows = @(foreach ($v in $s.vms | Where-Object { $_.state -eq 2 }) {
                $instance = Get-StubInstance $v.name $seen
                $value = switch ($name) {
                    'Physical Memory' { $v.assigned }
                    'Guest Visible Physical Memory' { $v.visible }
                    'Guest Available Memory' { $v.assigned - $v.used }
                    'Added Memory' { $v.added }
                    'Removed Memory' { $v.removed }
                }
                , @($instance, $value)
            })
        }
        foreach ($row in $rows) {
            $sample = [StubSample]::new()
            $sample.InstanceName = "$($row[0])".ToLowerInvariant(); $sample.CookedValue = $row[1]; $sample.Timestamp = $at
            $sample.Path = ('\\' + $s.host.name + '\' + $set + '(' + $row[0] + ')\' + $name).ToLowerInvariant()
            $sample.Status = if ($s.faults.vanish -and $row[0] -eq $s.faults.vanish) { [uint32]3221228486 } else { 0 } # 0xC0000BC6, PDH_CSTATUS_INVALID_DATA
            if ($sample.Status) { $sample.CookedValue = 0 }
            $sample
        }
    }
    $given = [StubSampleSet]::new(); $given.Timestamp = $at; $given.CounterSamples = @($samples); $given
}

function Get-CimInstance {
    [CmdletBinding()]
    param([string]$Namespace = 'root/cimv2', [Parameter(Position = 0)][string]$ClassName, [string]$Filter, [string]$Query)
    $s = Get-StubState
    $space = $Namespace.Replace('\', '/').ToLowerInvariant()
    switch ("$space $ClassName") {
        { $_ -in 'root/virtualization/v2 Msvm_ConcreteJob', 'root/virtualization/v2 CIM_ConcreteJob', 'root/virtualization/v2 Msvm_MigrationJob' } {
            if ($s.faults.jobs) { Write-StubError $PSCmdlet $s.faults.jobs 'HRESULT 0x80041003' 'PermissionDenied'; return }
            foreach ($j in $s.jobs) {
                $class = if ($j.type -in 300..307) { 'Msvm_MigrationJob' } else { 'Msvm_ConcreteJob' } # a query of the base class gives both
                if ($ClassName -notin 'CIM_ConcreteJob', $class) { continue }
                $i = [StubCimInstance]::new(); $i.DestinationHost = $j.destination
                $i.CimClass = [StubCimClass]@{ CimClassName = $class }
                $i.InstanceID = $j.id; $i.JobType = [uint16]$j.type; $i.JobState = [uint16]$j.state; $i.Owner = $j.owner
                $i.TimeSubmitted = (ConvertTo-StubTime $j.submitted).ToLocalTime() # CIM gives local times
                $i.ElapsedTime = [TimeSpan]::FromSeconds($j.elapsed); $i.ErrorCode = [uint16]$j.error; $i.ErrorDescription = $j.text
                $i.ErrorSummaryDescription = $j.text; $i.JobStatus = $j.status; $i.PercentComplete = 100; $i.AffectedVm = $j.vm
                $i
            }
            return
        }
        'root/cimv2 Win32_PerfFormattedData_BalancerStats_HyperVDynamicMemoryBalancer' {
            if ($s.faults.classes) { Write-StubError $PSCmdlet $s.faults.classes 'HRESULT 0x80041010' 'MetadataError'; return }
            $i = [StubBalancer]::new(); $i.Name = 'System Balancer'; $i.AvailableMemory = Get-StubFree $s; $i.AvailableMemoryForBalancing = $i.AvailableMemory; $i
            return
        }
        'root/cimv2 Win32_PerfFormattedData_BalancerStats_HyperVDynamicMemoryVM' {
            if ($s.faults.classes) { Write-StubError $PSCmdlet $s.faults.classes 'HRESULT 0x80041010' 'MetadataError'; return }
            $seen = @{}
            foreach ($v in $s.vms | Where-Object { $_.state -eq 2 -and $_.name -ne $s.faults.vanish }) {
                $i = [StubDynamicMemory]::new(); $i.Name = Get-StubInstance $v.name $seen
                $i.PhysicalMemory = $v.assigned; $i.GuestVisiblePhysicalMemory = $v.visible; $i.GuestAvailableMemory = $v.assigned - $v.used
                $i.AddedMemory = $v.added; $i.RemovedMemory = $v.removed
                $i.CurrentPressure = if ($v.assigned) { [math]::Round(100 * $v.used / $v.assigned) } else { 0 }; $i.AveragePressure = $i.CurrentPressure
                $i
            }
            return
        }
        'root/cimv2 Win32_OperatingSystem' {
            $i = [StubOperatingSystem]::new(); $i.LastBootUpTime = (ConvertTo-StubTime $s.host.booted).ToLocalTime()
            $i.Caption = 'Stub Server'; $i.BuildNumber = $s.host.build; $i.OSLanguage = $s.host.language; $i
            return
        }
        'root/virtualization/v2 Msvm_KvpExchangeComponent' {
            if ($s.faults.kvp) { Write-StubError $PSCmdlet $s.faults.kvp 'HRESULT 0x80041003' 'PermissionDenied'; return }
            foreach ($v in $s.vms) {
                $i = [StubKvp]::new(); $i.SystemName = "$($v.id)".ToUpperInvariant()
                # each item is an instance written as XML; only a running guest with the service tells
                $i.GuestIntrinsicExchangeItems = if ($v.os -and $v.state -eq 2) {
                    foreach ($pair in @(@('OSName', $v.os), @('OSPlatformId', '2'))) {
                        '<INSTANCE CLASSNAME="Msvm_KvpExchangeDataItem"><PROPERTY NAME="Name" TYPE="string"><VALUE>' + $pair[0] + '</VALUE></PROPERTY>' +
                        '<PROPERTY NAME="Data" TYPE="string"><VALUE>' + [Security.SecurityElement]::Escape($pair[1]) + '</VALUE></PROPERTY></INSTANCE>'
                    }
                }
                $i
            }
            return
        }
        'root/mscluster MSCluster_Cluster' {
            if ($s.host.cluster) { $i = [StubCluster]::new(); $i.Name = $s.host.cluster; $i; return }
            Write-StubError $PSCmdlet 'Invalid namespace' 'HRESULT 0x8004100e' 'MetadataError'; return
        }
    }
    Write-StubError $PSCmdlet "Invalid class $ClassName in $Namespace" 'HRESULT 0x80041010' 'MetadataError'
}

function Get-CimAssociatedInstance {
    [CmdletBinding()]
    param([object]$InputObject, [string]$Association, [string]$Namespace)
    $fault = (Get-StubState).faults.association
    if ($fault) { Write-StubError $PSCmdlet $fault 'HRESULT 0x80041002' 'ObjectNotFound'; return }
    if ($Association -ne 'Msvm_AffectedJobElement' -or -not $InputObject.AffectedVm) { return }
    $i = [StubCimInstance]::new()
    # a job about a checkpoint (stub: a GUID that is no VM's) affects its settings, not a computer system
    $known = (Get-StubState).vms | Where-Object { $_.id -eq $InputObject.AffectedVm }
    $i.CimClass = [StubCimClass]@{ CimClassName = $(if ($known) { 'Msvm_ComputerSystem' } else { 'Msvm_VirtualSystemSettingData' }) }
    $i.Name = $InputObject.AffectedVm.ToUpperInvariant(); $i.InstanceID = $i.Name
    $i
}

Export-ModuleMember -Function *
