# Nilometer's collector for a Hyper-V host: nilo collector -o DIR writes it, nilo collector --help says how to use it.
# For Windows PowerShell 5.1 and PowerShell 7. ASCII only: 5.1 reads a file without a byte order mark as ANSI.
# Of Hyper-V it only reads; what changes a VM is the command that a caller gives.
# THOSE WHO WROTE IT HAVE NOT RUN IT ON A HOST: it was run under PowerShell 7 on Linux with a stand-in for Hyper-V. What only
# Windows has (rights, owners, links, the scheduled task) stands in functions of a few lines each, and was not run.

Set-StrictMode -Off # much is null here, and stays null
$script:LineSchema = 2
$script:FloorBytes = 1GB
$script:MostBytes = 64KB
$script:MostFiles = 1000
$script:MostSeconds = 5

# ---- What tests replace: everything else is run as it ships ----

function Get-NiloUtcNow { [DateTime]::UtcNow }
function Get-NiloHostName { [Net.Dns]::GetHostName() }
function Get-NiloUser { [Security.Principal.WindowsIdentity]::GetCurrent().Name }
function Get-NiloBuild { [Environment]::OSVersion.Version.Build }
function Get-NiloFreeBytes($Path) { (New-Object IO.DriveInfo ([IO.Path]::GetPathRoot($Path))).AvailableFreeSpace }
function Wait-Nilo($Seconds) { Microsoft.PowerShell.Utility\Start-Sleep -Seconds $Seconds }
function Get-NiloFileOwner($Stream) {
    $sid = (Get-NiloSecurity $Stream).GetOwner([Security.Principal.SecurityIdentifier])
    $name = $null
    try { $name = $sid.Translate([Security.Principal.NTAccount]).Value } catch { $null = $_ } # an account that is gone
    @{ sid = $sid.Value; name = $name }
}

# ---- Texts, times, tables ----

# A function that gives nothing is written as {}: what is unknown is $null, said in so many words.
function ConvertTo-NiloTime($Time) {
    if ($null -eq $Time) { return $null }
    $Time.ToUniversalTime().ToString('o', [Globalization.CultureInfo]::InvariantCulture)
}

function ConvertTo-NiloText($Value) { if ([string]::IsNullOrEmpty("$Value")) { $null } else { "$Value" } }

# The table @{} compares as the system's language does; this one compares letter by letter.
function New-NiloTable { New-Object Collections.Hashtable ([StringComparer]::Ordinal) }

# A VM's name as counters and performance classes write it.
function ConvertTo-NiloInstance($Name) {
    "$Name".Replace('(', '[').Replace(')', ']').Replace('#', '_').Replace('/', '_').Replace('\', '_').ToLowerInvariant()
}

# What went wrong, in words: of error records, or of the exceptions in them. Each message once.
function Get-NiloMessage($Failed) {
    $messages = New-Object Collections.ArrayList
    foreach ($failure in $Failed) {
        if ($null -eq $failure) { continue }
        $exception = if ($failure -is [Exception]) { $failure } else { $failure.Exception }
        while ($exception -is [Management.Automation.MethodInvocationException] -and $exception.InnerException) {
            $exception = $exception.InnerException # .NET's own words, without those of the call
        }
        if (-not $messages.Contains($exception.Message)) { [void]$messages.Add($exception.Message) }
    }
    if ($messages.Count -eq 0) { $null } else { [string]::Join('; ', [string[]]$messages) }
}

# A spool is read by many and kept for years: a text that names a secret is not written to it.
function Hide-NiloSecret($Text) {
    if ($null -eq $Text) { return $null }
    if ("$Text" -match 'passw(or)?d|passphrase|asplaintext|token|api[-_ ]?key|secret') {
        return "($("$Text".Length) characters that name a secret: not recorded)"
    }
    "$Text"
}

function ConvertTo-NiloJson($Record) {
    Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $Record -Depth 8 -Compress
}

# ---- Refusals ----

# Each public function asks this first, and returns after it throws: where no method may be called, `throw` is all there is, and
# -ErrorAction SilentlyContinue goes on after it.
function Get-NiloLanguageFault {
    if ($ExecutionContext.SessionState.LanguageMode -eq 'FullLanguage') { return }
    "Nilometer's module cannot run in $($ExecutionContext.SessionState.LanguageMode) mode: application control does " +
        'not trust it. Sign it and allow its signer, or allow the hash of Nilometer.psm1'
}

function Assert-NiloHyperV {
    if (-not (Microsoft.PowerShell.Core\Get-Command -Name Get-VM -ErrorAction Ignore)) {
        throw "$(Get-NiloHostName) has no command Get-VM: Hyper-V and its PowerShell module have to be installed where this runs"
    }
    $build = Get-NiloBuild
    if ($PSVersionTable.PSVersion.Major -ge 6 -and $build -ge 10240 -and $build -lt 17763) {
        throw ('on Windows Server 2016, PowerShell 7 has no Hyper-V module of its own: ' +
            'run this in Windows PowerShell 5.1 (powershell.exe)')
    }
}

# ---- The spool's folder and its files ----

function Resolve-NiloSpool($Cmdlet, $Spool) {
    if (-not $Spool) { return [IO.Path]::Combine("$env:ProgramData", 'Nilometer', 'spool') }
    if ([IO.Path]::IsPathRooted($Spool)) { return [IO.Path]::GetFullPath($Spool) }
    $Cmdlet.GetUnresolvedProviderPathFromPSPath($Spool) # a session's folder is not that of its process
}

function Get-NiloDay($Time) { $Time.ToString('yyyyMMdd', [Globalization.CultureInfo]::InvariantCulture) }

# The day files of this host, oldest first: their days, names and whether they are packed. Nothing else in there is ours.
function Get-NiloDayFile($Spool) {
    $pattern = '^' + [regex]::Escape((Get-NiloHostName)) + '-(\d{8})\.jsonl(\.gz)?$'
    $names = @(foreach ($path in [IO.Directory]::EnumerateFiles($Spool)) { [IO.Path]::GetFileName($path) })
    [Array]::Sort($names, [StringComparer]::Ordinal)
    foreach ($name in $names) {
        $found = [regex]::Match($name, $pattern)
        if (-not $found.Success) { continue }
        $day = [DateTime]::MinValue
        $invariant = [Globalization.CultureInfo]::InvariantCulture
        $style = [Globalization.DateTimeStyles]'AssumeUniversal, AdjustToUniversal'
        if (-not [DateTime]::TryParseExact($found.Groups[1].Value, 'yyyyMMdd', $invariant, $style, [ref]$day)) { continue }
        @{ day = $day; path = [IO.Path]::Combine($Spool, $name); packed = $found.Groups[2].Success }
    }
}

# Lines for today's file, in one write that is on disk when this returns. All or none: a disk that fills up leaves no half of one.
function Add-NiloLine($Spool, $Lines) {
    # An empty line before each: what a crash cut off before it stays a line of its own.
    $text = New-Object Text.StringBuilder
    foreach ($line in $Lines) { [void]$text.Append("`n").Append($line).Append("`n") }
    $bytes = (New-Object Text.UTF8Encoding $false).GetBytes($text.ToString())
    $file = [IO.Path]::Combine($Spool, "$(Get-NiloHostName)-$(Get-NiloDay (Get-NiloUtcNow)).jsonl")
    for ($try = 1; ; $try++) {
        $stream = $null
        try {
            $stream = New-Object IO.FileStream $file, ([IO.FileMode]::Append), ([IO.FileAccess]::Write), ([IO.FileShare]::Read)
            $before = $stream.Length
            try { $stream.Write($bytes, 0, $bytes.Length); $stream.Flush($true) }
            catch { try { $stream.SetLength($before) } catch { $null = $_ }; throw }
            return
        }
        catch {
            if (-not (Test-NiloInUse $_) -or $try -ge 20) { throw "$file cannot be written: $(Get-NiloMessage $_)" }
        }
        finally { if ($stream) { try { $stream.Dispose() } catch { $null = $_ } } }
        Microsoft.PowerShell.Utility\Start-Sleep -Milliseconds 250 # another has it open
    }
}

# Whether a file could not be opened because another has it open: sharing and lock violations, and no other error.
function Test-NiloInUse($Failure) {
    $exception = $Failure.Exception
    while ($exception.InnerException) { $exception = $exception.InnerException }
    $exception -is [IO.IOException] -and ($exception.HResult -band 0xFFFF) -in 32, 33, 11 # 11: EAGAIN, Linux
}

# The last line of some kinds in this host's newest file: its kind, its time, and how it goes on. Null if there is none.
# A day's file is large, and this is asked each minute: it is read backwards, and no line is parsed.
function Find-NiloLine($Spool, $Kinds) {
    $files = @(Get-NiloDayFile $Spool | Microsoft.PowerShell.Core\Where-Object { -not $_.packed })
    [Array]::Reverse($files)
    $pattern = New-Object regex ('\{"schema":\d,"kind":"(' + $Kinds + ')","time":"([^"]*)"'), 'RightToLeft'
    $left = 64MB
    foreach ($file in $files) {
        $stream = New-Object IO.FileStream $file.path, ([IO.FileMode]::Open), ([IO.FileAccess]::Read), ([IO.FileShare]::ReadWrite)
        try {
            $end, $rest = $stream.Length, ''
            while ($end -gt 0 -and $left -gt 0) {
                $size = [int][Math]::Min(1MB, $end)
                $block = New-Object byte[] $size
                $stream.Position = $end - $size
                $read = 0
                while ($read -lt $size -and ($more = $stream.Read($block, $read, $size - $read)) -gt 0) { $read += $more }
                $text = [Text.Encoding]::GetEncoding(28591).GetString($block, 0, $read) + $rest
                $found = $pattern.Match($text)
                if ($found.Success) {
                    $after = $text.Substring($found.Index, [Math]::Min(400, $text.Length - $found.Index))
                    $time = [DateTime]::MinValue
                    $style = [Globalization.DateTimeStyles]'AssumeUniversal, AdjustToUniversal'
                    [void][DateTime]::TryParse($found.Groups[2].Value, [Globalization.CultureInfo]::InvariantCulture, $style, [ref]$time)
                    return @{ kind = $found.Groups[1].Value; time = $time; text = $after }
                }
                $rest = $text.Substring(0, [Math]::Min(400, $text.Length)) # a line's beginning may lie across
                $end -= $size
                $left -= $size
            }
        }
        finally { $stream.Dispose() }
        if ($left -le 0) { break }
    }
    $null
}

# ---- A poll: what the host shows ----

# Reads one part. It takes no other part with it: what cannot be read stays null, `complete` is false, and `error` says why.
# What it reads with -ErrorAction SilentlyContinue -ErrorVariable '+failed' does not end it.
function Read-NiloPart($Parts, $Part, [scriptblock]$Read) {
    $failed = New-Object Collections.ArrayList
    $state = [ordered]@{ time = ConvertTo-NiloTime (Get-NiloUtcNow); complete = $true; error = $null }
    try { & $Read } catch { [void]$failed.Add($_) }
    if ($failed.Count) { $state.complete, $state.error = $false, (Get-NiloMessage $failed) }
    $Parts[$Part] = $state
}

# Performance classes and their properties have the same names in every language. By name of figure and instance.
function Get-NiloClassFigure {
    $found = New-NiloTable
    $prefix = 'Win32_PerfFormattedData_BalancerStats_HyperVDynamicMemory'
    $ask = @{ Namespace = 'root\cimv2'; ErrorAction = 'Stop' }
    foreach ($balancer in Get-CimInstance @ask -ClassName "${prefix}Balancer") {
        $available = $balancer.AvailableMemory # without a value it is unknown, and not 0
        if ($balancer.Name -eq 'System Balancer' -and $null -ne $available) { $found['system balancer|available'] = [long]$available }
    }
    foreach ($row in Get-CimInstance @ask -ClassName "${prefix}VM") {
        $name = "$($row.Name)".ToLowerInvariant()
        if (-not $name) { continue }
        $figures = @{
            physical = $row.PhysicalMemory; visible = $row.GuestVisiblePhysicalMemory; guest = $row.GuestAvailableMemory
            added = $row.AddedMemory; removed = $row.RemovedMemory; pressure = $row.CurrentPressure
        }
        foreach ($key in $figures.Keys) { if ($null -ne $figures[$key]) { $found["$name|$key"] = [long]$figures[$key] } }
    }
    if ($found.Count -eq 0) { throw 'the performance classes of Dynamic Memory have no instances' }
    $found
}

# The same by counters. They have the names of the system's language: where these are unknown, the figures stay unknown.
function Get-NiloCounterFigure {
    $found = New-NiloTable
    $set = '\Hyper-V Dynamic Memory VM(*)\'
    $keys = @{
        'available memory' = 'available'; 'physical memory' = 'physical'; 'guest visible physical memory' = 'visible'
        'guest available memory' = 'guest'; 'added memory' = 'added'; 'removed memory' = 'removed'
    }
    $paths = '\Hyper-V Dynamic Memory Balancer(System Balancer)\Available Memory', "${set}Physical Memory",
        "${set}Guest Visible Physical Memory", "${set}Guest Available Memory", "${set}Added Memory", "${set}Removed Memory"
    $read = Get-Counter -Counter $paths -ErrorAction SilentlyContinue -ErrorVariable lost
    foreach ($sample in $read.CounterSamples) {
        if ($sample.Status -ne 0) { continue } # not valid: its value of 0 is no figure
        $key = $keys[($sample.Path -split '\\')[-1].ToLowerInvariant()]
        if ($key) { $found["$($sample.InstanceName)".ToLowerInvariant() + "|$key"] = [long]$sample.CookedValue }
    }
    if ($found.Count -eq 0) { throw "no counter: $(Get-NiloMessage $lost)" }
    $found
}

function Get-NiloFigure {
    try { return Get-NiloClassFigure } catch { $class = $_ }
    try { Get-NiloCounterFigure } catch { throw "$(Get-NiloMessage $class); $(Get-NiloMessage $_)" }
}

# Kept by the host for five minutes after their end: who gave them, and what came of them. Jobs of all types: the importer
# chooses. Migrations derive from CIM_ConcreteJob, and not from Msvm_ConcreteJob.
function Get-NiloJob($Listed) {
    $space = @{ Namespace = 'root\virtualization\v2' }
    foreach ($job in Get-CimInstance @space -ClassName CIM_ConcreteJob -ErrorAction SilentlyContinue -ErrorVariable '+failed') {
        $of = @{ InputObject = $job; Association = 'Msvm_AffectedJobElement' }
        $vm, $element = $null, $null
        try {
            foreach ($affected in Get-CimAssociatedInstance @space @of -ErrorAction SilentlyContinue -ErrorVariable '+failed') {
                $id = if ($affected.Name) { "$($affected.Name)" } else { "$($affected.InstanceID)" }
                if ($Listed["$($affected.Name)".ToLowerInvariant()]) { $vm = $id } # a checkpoint has a GUID too
                elseif (-not $element) { $element = ConvertTo-NiloText $id }
            }
        }
        catch { [void]$failed.Add($_) } # the job itself is known
        [ordered]@{
            id = $job.InstanceID; type = $job.JobType; state = $job.JobState; vm = $vm; owner = ConvertTo-NiloText $job.Owner
            submitted = ConvertTo-NiloTime $job.TimeSubmitted; error = $job.ErrorCode
            elapsed = if ($null -eq $job.ElapsedTime) { $null } else { $job.ElapsedTime.TotalSeconds }
            class = ConvertTo-NiloText $job.CimClass.CimClassName; element = if ($vm) { $null } else { $element }
            destination = ConvertTo-NiloText $job.DestinationHost; description = ConvertTo-NiloText $job.ErrorDescription
            summary = ConvertTo-NiloText $job.ErrorSummaryDescription; status = ConvertTo-NiloText $job.JobStatus
        }
    }
}

function Get-NiloPoll {
    $time = Get-NiloUtcNow
    $parts = [ordered]@{}
    $hidden = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = '+failed' }
    $capacity = Read-NiloPart $parts host { (Get-VMHost @hidden).MemoryCapacity }
    $vms = @(Read-NiloPart $parts vms { Get-VM @hidden })
    $listed, $settings, $sharing = (New-NiloTable), (New-NiloTable), (New-NiloTable)
    foreach ($vm in $vms) {
        $listed["$($vm.Id)".ToLowerInvariant()] = $true
        $sharing[(ConvertTo-NiloInstance $vm.Name)] += 1 # figures know a VM by its name: two of one name cannot be told apart
    }
    Read-NiloPart $parts settings {
        foreach ($memory in $(if ($vms) { Get-VMMemory -VM $vms @hidden })) { $settings["$($memory.VMId)"] = $memory }
    }
    $figures = Read-NiloPart $parts figures { Get-NiloFigure }
    if ($null -eq $figures) { $figures = New-NiloTable }
    $unread = New-Object Collections.ArrayList
    $list = @(foreach ($vm in $vms) {
        try {
            $name = ConvertTo-NiloInstance $vm.Name
            if ($sharing[$name] -ne 1) { $name = '' }
            $memory = $settings["$($vm.Id)"]
            [ordered]@{
                id = "$($vm.Id)"; name = "$($vm.Name)"; generation = $vm.Generation; version = "$($vm.Version)"
                state = [int]$vm.State; state_name = "$($vm.State)"; uptime = [long]$vm.Uptime.TotalSeconds
                dynamic = $vm.DynamicMemoryEnabled; startup = $vm.MemoryStartup; minimum = $vm.MemoryMinimum
                maximum = $vm.MemoryMaximum; assigned = $vm.MemoryAssigned; buffer = $memory.Buffer; weight = $memory.Priority
                physical_mb = $figures["$name|physical"]; visible_mb = $figures["$name|visible"]
                guest_available_mb = $figures["$name|guest"]; added_mb = $figures["$name|added"]; removed_mb = $figures["$name|removed"]
                pressure = $figures["$name|pressure"]; memory_status = ConvertTo-NiloText $vm.MemoryStatus
                smart_paging = $vm.SmartPagingFileInUse; replication_state = ConvertTo-NiloText $vm.ReplicationState
                replication_mode = ConvertTo-NiloText $vm.ReplicationMode
            }
        }
        catch { [void]$unread.Add($_) }
    })
    if ($unread.Count) {
        $parts.vms.complete = $false
        $parts.vms.error = ((@($parts.vms.error) + (Get-NiloMessage $unread)) -ne $null) -join '; '
    }
    $jobs = @(Read-NiloPart $parts jobs { Get-NiloJob $listed })
    $errors = @(foreach ($part in $parts.Values) { if ($part.error) { $part.error } })
    [ordered]@{
        schema = $script:LineSchema; kind = 'poll'; time = ConvertTo-NiloTime $time; host = Get-NiloHostName
        build = Get-NiloBuild; capacity = $capacity; available_mb = $figures['system balancer|available']
        vms = [object[]]$list; jobs = [object[]]$jobs; parts = $parts
        error = if ($errors) { [string]::Join('; ', [string[]]$errors) } else { $null }
    }
}

# ---- A poll: once an hour, what seldom changes ----

# What a guest says of itself arrives as XML that the guest wrote: no document type, no more than 64 KiB, two names.
function Read-NiloGuestItem($Items) {
    $found = @{}
    $count = 0
    foreach ($item in $Items) {
        if (++$count -gt 64 -or "$item".Length -gt 64KB) { continue }
        try {
            $settings = New-Object Xml.XmlReaderSettings
            $settings.DtdProcessing, $settings.XmlResolver = [Xml.DtdProcessing]::Prohibit, $null
            $reader = [Xml.XmlReader]::Create((New-Object IO.StringReader "$item"), $settings)
            $values, $property = @{}, $null
            while ($reader.Read()) {
                if ($reader.NodeType -eq 'Element' -and $reader.Name -eq 'PROPERTY') { $property = $reader.GetAttribute('NAME') }
                elseif ($reader.NodeType -eq 'Text' -and $property) { $values[$property] = "$($values[$property])" + $reader.Value }
            }
            if ($values['Name'] -cin 'OSName', 'OSPlatformId') {
                $found[$values['Name']] = "$($values['Data'])".Substring(0, [Math]::Min(256, "$($values['Data'])".Length))
            }
        }
        catch { $null = $_ } # a guest may write what it likes
    }
    $found
}

function Get-NiloInventory {
    $failed = New-Object Collections.ArrayList
    $hidden = @{ ErrorAction = 'SilentlyContinue'; ErrorVariable = '+failed' }
    $boot, $language, $cluster, $spanning, $nodes, $vms = $null, $null, $null, $null, @(), @()
    try {
        $system = Get-CimInstance -Namespace 'root\cimv2' -ClassName Win32_OperatingSystem @hidden
        $boot, $language = (ConvertTo-NiloTime $system.LastBootUpTime), $system.OSLanguage
    }
    catch { [void]$failed.Add($_) }
    try { # a host outside a cluster has no such namespace: that is no error
        $cluster = (Get-CimInstance -Namespace 'root\mscluster' -ClassName MSCluster_Cluster -ErrorAction SilentlyContinue).Name
    }
    catch { $null = $_ }
    try { $spanning = (Get-VMHost @hidden).NumaSpanningEnabled } catch { [void]$failed.Add($_) }
    try {
        $nodes = @(foreach ($node in Get-VMHostNumaNode @hidden) {
            [ordered]@{ id = $node.NodeId; total_mb = $node.MemoryTotal; available_mb = $node.MemoryAvailable }
        })
    }
    catch { [void]$failed.Add($_) }
    $systems, $nested = (New-NiloTable), (New-NiloTable)
    try {
        foreach ($guest in Get-CimInstance -Namespace 'root\virtualization\v2' -ClassName Msvm_KvpExchangeComponent @hidden) {
            $systems["$($guest.SystemName)".ToLowerInvariant()] = Read-NiloGuestItem $guest.GuestIntrinsicExchangeItems
        }
    }
    catch { [void]$failed.Add($_) }
    try {
        $vms = @(Get-VM @hidden)
        foreach ($processor in $(if ($vms) { Get-VMProcessor -VM $vms @hidden })) {
            $nested["$($processor.VMId)".ToLowerInvariant()] = $processor.ExposeVirtualizationExtensions
        }
    }
    catch { [void]$failed.Add($_) }
    $guests = @(foreach ($vm in $vms) {
        $id = "$($vm.Id)".ToLowerInvariant()
        $system = if ($systems[$id]) { $systems[$id] } else { @{} }
        [ordered]@{
            vm = $id; os = ConvertTo-NiloText $system['OSName']; platform = ConvertTo-NiloText $system['OSPlatformId']
            nested = $nested[$id]
        }
    })
    [ordered]@{
        schema = $script:LineSchema; kind = 'inventory'; time = ConvertTo-NiloTime (Get-NiloUtcNow); host = Get-NiloHostName
        boot = $boot; language = $language; powershell = "$($PSVersionTable.PSVersion)"
        module = "$($ExecutionContext.SessionState.Module.Version)"; cluster = ConvertTo-NiloText $cluster
        numa_spanning = $spanning; numa = [object[]]$nodes; guests = [object[]]$guests; error = Get-NiloMessage $failed
    }
}

# ---- A poll: takes in what operators left in `changes` ----

# Not run by those who wrote it: .NET opens what a link leads to, and does not say how many names a file has.
function Open-NiloWindowsFile($Path) {
    if (-not ('Nilometer.Native' -as [type])) {
        Microsoft.PowerShell.Utility\Add-Type -Namespace Nilometer -Name Native -UsingNamespace Microsoft.Win32.SafeHandles -MemberDefinition @'
[StructLayout(LayoutKind.Sequential, Pack = 4)]
public struct Info { public uint Attributes; public long Created, Accessed, Written; public uint Volume, SizeHigh, SizeLow, Names, High, Low; }
[DllImport("kernel32.dll", CharSet = CharSet.Unicode, SetLastError = true)]
public static extern SafeFileHandle CreateFileW(string name, uint access, uint share, IntPtr security, uint how, uint flags, IntPtr template);
[DllImport("kernel32.dll", SetLastError = true)]
public static extern bool GetFileInformationByHandle(SafeFileHandle file, out Info info);
'@
    }
    # to read; others may read; it has to be there; a link itself, not what it leads to
    $handle = [Nilometer.Native]::CreateFileW($Path, [uint32]2147483648, 1, [IntPtr]::Zero, 3, 0x00200000, [IntPtr]::Zero)
    if ($handle.IsInvalid) {
        $code = [Runtime.InteropServices.Marshal]::GetLastWin32Error()
        throw (New-Object IO.IOException "error $code of Windows", (0x80070000 -bor $code))
    }
    $info = New-Object Nilometer.Native+Info
    $known = [Nilometer.Native]::GetFileInformationByHandle($handle, [ref]$info)
    $fault = if (-not $known) { 'nothing is known of it' }
        elseif ($info.Attributes -band 0x400) { 'it is a link' }
        elseif ($info.Attributes -band 0x10) { 'it is a folder' }
        elseif ($info.Names -ne 1) { "it has $($info.Names) names" }
    if ($fault) { $handle.Dispose(); throw $fault }
    New-Object IO.FileStream $handle, ([IO.FileAccess]::Read)
}

# The same where tests run.
function Open-NiloUnixFile($Path) {
    $stat = (Microsoft.PowerShell.Management\Get-Item -LiteralPath $Path -Force -ErrorAction Stop).UnixStat
    if ("$($stat.ItemType)" -eq 'SymbolicLink') { throw 'it is a link' }
    if ("$($stat.ItemType)" -ne 'File') { throw 'it is not a file' }
    if ($stat.HardlinkCount -ne 1) { throw "it has $($stat.HardlinkCount) names" }
    New-Object IO.FileStream $Path, ([IO.FileMode]::Open), ([IO.FileAccess]::Read), ([IO.FileShare]::Read)
}

function Test-NiloWindows { $env:OS -eq 'Windows_NT' }

# Not run by those who wrote it. PowerShell 7 has this method elsewhere than 5.1.
function Get-NiloSecurity($Stream) {
    if ($PSVersionTable.PSVersion.Major -ge 6) { return [IO.FileSystemAclExtensions]::GetAccessControl($Stream) }
    $Stream.GetAccessControl()
}

# Not run by those who wrote it. A file that was moved in keeps the rights that it had elsewhere.
function Get-NiloRightsFault($Stream) {
    if (-not (Test-NiloWindows)) { return $null }
    $security = Get-NiloSecurity $Stream
    if ($security.AreAccessRulesProtected) { return 'it does not inherit its rights' }
    if ($security.GetAccessRules($true, $false, [Security.Principal.SecurityIdentifier]).Count) { return 'it has rights of its own' }
    $null
}

# Why a text is no file of a change; null if it is one.
function Get-NiloChangeFault($Text) {
    try { $record = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $Text -ErrorAction Stop } catch { return 'it is not JSON' }
    $id = [Guid]::Empty
    # a list of one object is read as that object
    if ($record -isnot [Management.Automation.PSCustomObject] -or $Text.TrimStart()[0] -ne '{') { return 'it is not a JSON object' }
    if ($record.schema -ne $script:LineSchema -or $record.kind -cnotin 'change-begun', 'change') { return "it is not a change's" }
    if (-not [Guid]::TryParse("$($record.id)", [ref]$id)) { return 'its change has no id' }
    $null
}

# One file of `changes` as a line; null if it is gone, or another still writes it.
function Read-NiloChangeFile($Path) {
    $owner, $size, $digest, $content, $fault, $stream = $null, $null, $null, $null, $null, $null
    try {
        $stream = if (Test-NiloWindows) { Open-NiloWindowsFile $Path } else { Open-NiloUnixFile $Path }
        $size = $stream.Length
        $fault = Get-NiloRightsFault $stream
        if ($size -gt $script:MostBytes) { $fault = "it has $size bytes, and $($script:MostBytes) at most are read" }
        else {
            $bytes = New-Object byte[] ([int]$size)
            $read = 0
            while ($read -lt $size -and ($more = $stream.Read($bytes, $read, $size - $read)) -gt 0) { $read += $more }
            $digest = Get-NiloDigest $bytes
            if (-not $fault) {
                $text = $null
                try { $text = (New-Object Text.UTF8Encoding $false, $true).GetString($bytes) } catch { $fault = 'it is not UTF-8' }
                if (-not $fault) { $fault = Get-NiloChangeFault $text }
                if (-not $fault) { $content = $text }
            }
        }
        try { $owner = Get-NiloFileOwner $stream } catch { if (-not $fault) { $fault = "its owner cannot be read: $(Get-NiloMessage $_)" } }
    }
    catch {
        if (Test-NiloInUse $_) { return $null }
        # a link that leads nowhere is not a file, and is there
        if (-not $stream -and -not (Test-NiloEntry $Path)) { return $null }
        $fault = Get-NiloMessage $_
    }
    finally { if ($stream) { $stream.Dispose() } }
    if ($owner) { $owner = [ordered]@{ sid = ConvertTo-NiloText $owner.sid; name = ConvertTo-NiloText $owner.name } }
    [ordered]@{
        schema = $script:LineSchema; kind = 'seen'; time = ConvertTo-NiloTime (Get-NiloUtcNow); host = Get-NiloHostName
        file = [IO.Path]::GetFileName($Path); owner = $owner; bytes = $size; sha256 = $digest; content = $content; error = $fault
    }
}

function Get-NiloDigest([byte[]]$Bytes) {
    $sha = [Security.Cryptography.SHA256]::Create()
    try { [BitConverter]::ToString($sha.ComputeHash($Bytes)).Replace('-', '').ToLowerInvariant() } finally { $sha.Dispose() }
}

function Test-NiloEntry($Path) {
    foreach ($entry in [IO.Directory]::EnumerateFileSystemEntries([IO.Path]::GetDirectoryName($Path))) {
        if ($entry -ceq $Path) { return $true }
    }
    $false
}

# A line for each file that lies in `changes`, on disk before the file is deleted. A crash between leaves both: the importer
# knows a change by its id. What could not be done within the limits waits for the next poll.
function Receive-NiloChange($Spool) {
    $folder = [IO.Path]::Combine($Spool, 'changes')
    if (-not [IO.Directory]::Exists($folder)) { return }
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $lines, $paths, $size = (New-Object Collections.ArrayList), (New-Object Collections.ArrayList), 0
    foreach ($path in [IO.Directory]::EnumerateFileSystemEntries($folder)) {
        if ($paths.Count -ge $script:MostFiles -or $clock.Elapsed.TotalSeconds -ge $script:MostSeconds -or $size -gt 8MB) { break }
        if ([IO.Directory]::Exists($path) -and -not ([IO.File]::GetAttributes($path) -band [IO.FileAttributes]::ReparsePoint)) { continue }
        $line = Read-NiloChangeFile $path
        if ($null -eq $line) { continue }
        $text = ConvertTo-NiloJson $line
        [void]$lines.Add($text)
        [void]$paths.Add($path)
        $size += $text.Length
    }
    if ($lines.Count -eq 0) { return }
    $keys, $texts = @($paths), @($lines) # a folder has no order of its own: begun stands before its end
    [Array]::Sort($keys, $texts, [StringComparer]::Ordinal)
    Add-NiloLine $Spool $texts
    foreach ($path in $keys) {
        # of a link the link, never what it leads to
        if ([IO.Directory]::Exists($path)) { [IO.Directory]::Delete($path) } else { [IO.File]::Delete($path) }
    }
}

# ---- A poll: size and age ----

# One day that is over is packed each time: written beside it, read back, renamed, and only then is the day's file deleted.
function Compress-NiloDay($Spool) {
    $now = Get-NiloUtcNow
    $all = @(Get-NiloDayFile $Spool)
    $plain = @($all | Microsoft.PowerShell.Core\Where-Object { -not $_.packed })
    foreach ($file in $plain) {
        if ($file.day.AddDays(1).AddHours(1) -gt $now -or $file -eq $plain[-1]) { continue } # the newest says how things stand
        $packed, $new = "$($file.path).gz", "$($file.path).gz.new"
        [IO.File]::Delete($new) # a crash left it
        $sources = @(if ([IO.File]::Exists($packed)) { $packed }; $file.path)
        if ($sources.Count -eq 2 -and (Get-NiloFileDigest $packed) -eq (Get-NiloFileDigest $file.path)) { # a crash before it was deleted
            [IO.File]::Delete($file.path)
            return
        }
        $out = New-Object IO.FileStream $new, ([IO.FileMode]::CreateNew), ([IO.FileAccess]::Write), ([IO.FileShare]::None)
        try {
            $gzip = New-Object IO.Compression.GZipStream $out, ([IO.Compression.CompressionMode]::Compress), $true
            try { foreach ($source in $sources) { Copy-NiloContent $source $gzip } } finally { $gzip.Dispose() }
            $out.Flush($true)
        }
        finally { $out.Dispose() }
        if ((Get-NiloFileDigest $new) -ne (Get-NiloFileDigest $sources)) {
            [IO.File]::Delete($new)
            throw "$packed did not read back as it was written"
        }
        if ($sources.Count -eq 2) { [IO.File]::Replace($new, $packed, [NullString]::Value) } else { [IO.File]::Move($new, $packed) }
        [IO.File]::Delete($file.path)
        return
    }
}

function Copy-NiloContent($Path, $To) {
    $stream = New-Object IO.FileStream $Path, ([IO.FileMode]::Open), ([IO.FileAccess]::Read), ([IO.FileShare]::Read)
    try {
        if ($Path -cnotmatch '\.gz(\.new)?$') { $stream.CopyTo($To); return }
        $gzip = New-Object IO.Compression.GZipStream $stream, ([IO.Compression.CompressionMode]::Decompress)
        try { $gzip.CopyTo($To) } finally { $gzip.Dispose() }
    }
    finally { $stream.Dispose() }
}

# Of what stands in the files, one after the other, packed or not.
function Get-NiloFileDigest($Paths) {
    $sha = [Security.Cryptography.SHA256]::Create()
    try {
        $stream = New-Object Security.Cryptography.CryptoStream ([IO.Stream]::Null), $sha, ([Security.Cryptography.CryptoStreamMode]::Write)
        foreach ($path in $Paths) { Copy-NiloContent $path $stream }
        $stream.FlushFinalBlock()
        [BitConverter]::ToString($sha.Hash)
    }
    finally { $sha.Dispose() }
}

function Remove-NiloOldDay($Spool, $KeepDays) {
    $first = (Get-NiloUtcNow).Date.AddDays(-$KeepDays)
    foreach ($file in @(Get-NiloDayFile $Spool)) { if ($file.day -lt $first) { [IO.File]::Delete($file.path) } }
}

function Invoke-NiloPoll {
    <#
    .SYNOPSIS
    Writes what the host shows now to its spool.
    .DESCRIPTION
    The scheduled task of Install-NiloCollector runs this each minute, as SYSTEM. It writes a line with the host, its VMs and
    its jobs; takes in the files of changes; writes an inventory once an hour; packs days that are over, and deletes those that
    are older than -KeepDays. While less than 1 GiB is free it does not poll; changes are taken in all the same.
    .PARAMETER Spool
    The spool's folder, if it is not %ProgramData%\Nilometer\spool.
    .PARAMETER KeepDays
    How many days are kept; 400 if it is not given.
    .EXAMPLE
    Invoke-NiloPoll
    Polls once, by hand, in an elevated session.
    #>
    [CmdletBinding()]
    param([string]$Spool, [ValidateRange(1, 36500)][int]$KeepDays = 400)
    if ($fault = Get-NiloLanguageFault) { throw $fault; return }
    try {
        Assert-NiloHyperV
        $folder = Resolve-NiloSpool $PSCmdlet $Spool
        if (-not [IO.Directory]::Exists($folder)) { throw "there is no spool at ${folder}: Install-NiloCollector makes it" }
        $failed = New-Object Collections.ArrayList
        $low = (Get-NiloFreeBytes $folder) -lt $script:FloorBytes
        $due = $false
        # Each step takes no other with it; that one failed is said at the end.
        try {
            $last = Find-NiloLine $folder 'poll|note'
            $paused = $null -ne $last -and $last.text -match '"note":"polls stop'
            $note = if ($low -and -not $paused) { 'polls stop: less than 1 GiB is free on the disk of the spool' }
                elseif ($paused -and -not $low) { 'polls go on: 1 GiB is free again' }
            if ($note) {
                Add-NiloLine $folder (ConvertTo-NiloJson ([ordered]@{
                    schema = $script:LineSchema; kind = 'note'; time = ConvertTo-NiloTime (Get-NiloUtcNow)
                    host = Get-NiloHostName; note = $note
                }))
            }
        }
        catch { [void]$failed.Add($_) }
        if (-not $low) { try { Add-NiloLine $folder (ConvertTo-NiloJson (Get-NiloPoll)) } catch { [void]$failed.Add($_) } }
        try { Receive-NiloChange $folder } catch { [void]$failed.Add($_) }
        try {
            $last = Find-NiloLine $folder 'inventory'
            $age = if ($last) { (Get-NiloUtcNow) - $last.time } else { [TimeSpan]::MaxValue }
            $due = -not $low -and ($age.TotalMinutes -ge 60 -or $age.Ticks -lt 0)
            if ($due) { Add-NiloLine $folder (ConvertTo-NiloJson (Get-NiloInventory)) }
        }
        catch { [void]$failed.Add($_) }
        # while polls stop, the file that says so stays as it is
        try { if (-not $low) { Compress-NiloDay $folder } } catch { [void]$failed.Add($_) }
        try { Remove-NiloOldDay $folder $KeepDays } catch { [void]$failed.Add($_) }
        if ($failed.Count) { throw (Get-NiloMessage $failed) }
    }
    catch { $PSCmdlet.ThrowTerminatingError($_) }
}

# ---- Changes: told before they are made ----

# The one VM of a name, taken literally, or of an id. Throws a sentence if there is none, or more than one.
function Get-NiloVM($Name, $Id) {
    $failed, $wanted, $found = $null, "id $Id", @()
    if ($Id) { $found = @(Get-VM -Id $Id -ErrorAction SilentlyContinue -ErrorVariable failed) }
    else {
        $wanted = "name $Name"
        $ask = if ($Name -match '[*?\[\]`]') { @{} } else { @{ Name = $Name } } # Hyper-V takes these for wildcards
        $found = @(foreach ($vm in Get-VM @ask -ErrorAction SilentlyContinue -ErrorVariable failed) { if ($vm.Name -eq $Name) { $vm } })
    }
    if ($found.Count -eq 1) { return $found[0] }
    if ($found.Count -gt 1) {
        $ids = [string]::Join(', ', [string[]]@(foreach ($vm in $found) { "$($vm.Id)" }))
        throw "$($found.Count) VMs have the ${wanted}: $ids. Give one of them with -Id"
    }
    foreach ($failure in $failed) {
        if ("$($failure.CategoryInfo.Category)" -in 'PermissionDenied', 'SecurityError') {
            throw "no right to see the VMs of $(Get-NiloHostName): $(Get-NiloMessage $failure)"
        }
    }
    $failed = $null
    if (-not @(Get-VM -ErrorAction SilentlyContinue -ErrorVariable failed).Count) {
        if (@($failed).Count) { throw "the VMs of $(Get-NiloHostName) cannot be read: $(Get-NiloMessage $failed)" }
        throw ("no right to see the VMs of $(Get-NiloHostName), or it has none: to see them takes an elevated session, or " +
            'membership in Hyper-V Administrators')
    }
    throw "$(Get-NiloHostName) has no VM of the $wanted"
}

# A VM's figures before a change, or after it.
function Get-NiloFigureSet($VM) {
    $memory = $null
    try { $memory = Get-VMMemory -VM $VM -ErrorAction SilentlyContinue } catch { $null = $_ }
    [ordered]@{
        state = [int]$VM.State; dynamic = $VM.DynamicMemoryEnabled; assigned = $VM.MemoryAssigned; startup = $VM.MemoryStartup
        minimum = $VM.MemoryMinimum; maximum = $VM.MemoryMaximum; buffer = $memory.Buffer; weight = $memory.Priority
    }
}

# Made anew and written once, and on disk when this returns. Never makes a folder.
function New-NiloChangeFile($Path, $Record) {
    $bytes = (New-Object Text.UTF8Encoding $false).GetBytes((ConvertTo-NiloJson $Record))
    if ($bytes.Length -gt $script:MostBytes) { throw "it would have $($bytes.Length) bytes, and $($script:MostBytes) at most are read" }
    $stream = New-Object IO.FileStream $Path, ([IO.FileMode]::CreateNew), ([IO.FileAccess]::Write), ([IO.FileShare]::None)
    $whole = $false
    try { $stream.Write($bytes, 0, $bytes.Length); $stream.Flush($true); $whole = $true }
    finally {
        try { $stream.Dispose() } catch { $null = $_ }
        if (-not $whole) { try { [IO.File]::Delete($Path) } catch { $null = $_ } } # an operator may not: the next poll says that it is none
    }
}

# Runs a change between its two files. Gives what the change gives, as it comes. In $State: whether it ended by a `throw`.
function Invoke-NiloEvidence($Cmdlet, $State, $Spool, $VM, $Command, $Reason, $Ticket, [scriptblock]$Change) {
    $begun, $id = (Get-NiloUtcNow), [Guid]::NewGuid()
    $stamp = $begun.ToString('yyyyMMdd\THHmmss\.fffffff\Z', [Globalization.CultureInfo]::InvariantCulture)
    $file = [IO.Path]::Combine($Spool, 'changes', "$(Get-NiloHostName)-$stamp-$id")
    $head = [ordered]@{
        schema = $script:LineSchema; kind = 'change-begun'; id = "$id"; time = ConvertTo-NiloTime $begun; host = Get-NiloHostName
    }
    try {
        # outside an endpoint of JEA anybody can make this variable: it is written down beside the user, never instead
        $sender = $Cmdlet.SessionState.PSVariable.GetValue('PSSenderInfo')
        New-NiloChangeFile "$file.begun.json" ($head + [ordered]@{
            vm = "$($VM.Id)"; name = "$($VM.Name)"; user = Get-NiloUser; connected_user = ConvertTo-NiloText $sender.ConnectedUser
            command = Hide-NiloSecret $Command; reason = Hide-NiloSecret (ConvertTo-NiloText $Reason)
            ticket = Hide-NiloSecret (ConvertTo-NiloText $Ticket); before = Get-NiloFigureSet $VM
        })
    }
    catch { throw "nothing was changed: it cannot be recorded in $([IO.Path]::GetDirectoryName($file)): $(Get-NiloMessage $_)" }
    $failed, $thrown, $returned, $raising = (New-Object Collections.ArrayList), $null, $false, $false
    try {
        try {
            & $Change 2>&1 | Microsoft.PowerShell.Core\ForEach-Object {
                if ($_ -isnot [Management.Automation.ErrorRecord]) { $_ }
                elseif ($_.FullyQualifiedErrorId -like 'NativeCommandError*') { $Cmdlet.WriteWarning("$_") } # a program's words
                else {
                    [void]$failed.Add($_)
                    $raising = $true # under -ErrorAction Stop this does not come back, and no catch takes it
                    $Cmdlet.WriteError($_)
                    $raising = $false
                }
            }
            $returned = $true
        }
        catch { $thrown = $_ }
        if ($returned -and -not $failed.Count) { Wait-NiloMemory $VM.Id }
    }
    finally { # is run on Ctrl-C, break, continue and exit too
        $after = $null
        try {
            $now = Get-VM -Id $VM.Id -ErrorAction Stop
            if ($now) { $after = Get-NiloFigureSet $now }
        }
        catch { $null = $_ } # it is gone, or not to be seen
        $outcome = if ($thrown -or $raising -or ($returned -and $failed.Count)) { 'failed' }
            elseif ($returned) { 'returned' } else { 'interrupted' }
        if ($thrown -and -not ($failed.Count -and $failed[$failed.Count - 1].Exception -eq $thrown.Exception)) {
            [void]$failed.Add($thrown)
        }
        $errors = @(foreach ($failure in $failed) {
            [ordered]@{
                message = Hide-NiloSecret "$($failure.Exception.Message)"; id = Hide-NiloSecret "$($failure.FullyQualifiedErrorId)"
                category = "$($failure.CategoryInfo.Category)"
            }
        })
        if ($errors.Count -gt 50) { $errors = $errors[0..49] }
        try {
            New-NiloChangeFile "$file.end.json" ([ordered]@{
                schema = $script:LineSchema; kind = 'change'; id = "$id"; time = ConvertTo-NiloTime (Get-NiloUtcNow)
                host = Get-NiloHostName; outcome = $outcome; after = $after; errors = [object[]]$errors
            })
        }
        catch {
            $text = "the change was made, and its end cannot be recorded: $(Get-NiloMessage $_)"
            try { $Cmdlet.WriteWarning($text) } catch { $null = $_ }
        }
    }
    if ($thrown) {
        $State.byThrow = [bool]$thrown.Exception.WasThrownFromThrowStatement
        throw $thrown
    }
}

# That a command returns does not say that the memory has moved: a running static VM has half a minute.
function Wait-NiloMemory($Id) {
    for ($look = 1; $look -le 6; $look++) {
        $now = $null
        try { $now = Get-VM -Id $Id -ErrorAction SilentlyContinue } catch { $null = $_ }
        $moves = $now -and "$($now.State)" -eq 'Running' -and -not $now.DynamicMemoryEnabled
        if (-not $moves -or $now.MemoryAssigned -eq $now.MemoryStartup) { return }
        Wait-Nilo 5
    }
}

# Gives the function that calls this the preferences of whoever called that: a module sees only the global ones by itself.
function Use-NiloPreference($Cmdlet, $Bound) {
    foreach ($pair in @('WhatIf', 'WhatIfPreference'), @('Confirm', 'ConfirmPreference'),
        @('ErrorAction', 'ErrorActionPreference'), @('WarningAction', 'WarningPreference')) {
        if (-not $Bound.ContainsKey($pair[0])) {
            $value = $Cmdlet.SessionState.PSVariable.GetValue($pair[1])
            Microsoft.PowerShell.Utility\Set-Variable -Scope 1 -Name $pair[1] -Value $value -WhatIf:$false -Confirm:$false
        }
    }
}

function Invoke-NiloChange {
    <#
    .SYNOPSIS
    Runs a command that changes a VM, and records it: before it is made, and its end.
    .DESCRIPTION
    Two files in the spool's folder `changes` say what is about to be changed, by whom, why, and what came of it; the next poll
    takes them in. If the first cannot be written, nothing is changed. Output, warnings and errors of the command are passed on
    as they come; an error that ends a statement ends the command, as in a `try`.
    .PARAMETER Name
    The VM's name, taken literally.
    .PARAMETER Id
    The VM's id, where two have one name.
    .PARAMETER Change
    The command. It is recorded as it stands there, unless it names a password or another secret.
    .PARAMETER Reason
    Why, in a sentence.
    .PARAMETER Ticket
    The ticket or change that asks for it.
    .PARAMETER Spool
    The spool's folder, if it is not %ProgramData%\Nilometer\spool.
    .EXAMPLE
    Invoke-NiloChange web01 { Set-VMMemory web01 -StartupBytes 8GB } -Reason 'month end' -Ticket CHG-7
    #>
    [CmdletBinding(SupportsShouldProcess, DefaultParameterSetName = 'Name')]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'Name')][string]$Name,
        [Parameter(Mandatory, ParameterSetName = 'Id')][guid]$Id,
        [Parameter(Mandatory, Position = 1)][scriptblock]$Change,
        [string]$Reason, [string]$Ticket, [string]$Spool
    )
    if ($fault = Get-NiloLanguageFault) { throw $fault; return }
    Use-NiloPreference $PSCmdlet $PSBoundParameters
    $state = @{ byThrow = $false }
    try {
        Assert-NiloHyperV
        $folder = Resolve-NiloSpool $PSCmdlet $Spool
        try { $vm = Get-NiloVM $Name $(if ($PSCmdlet.ParameterSetName -eq 'Id') { $Id }) }
        catch { throw "nothing was changed: $(Get-NiloMessage $_)" }
        $text = "$Change".Trim()
        if (-not $PSCmdlet.ShouldProcess("$($vm.Name)", $text)) { return }
        Invoke-NiloEvidence $PSCmdlet $state $folder $vm $text $Reason $Ticket $Change
    }
    catch {
        if ($state.byThrow) { throw } # a `throw` ends the calling script, other errors end their statement
        $PSCmdlet.ThrowTerminatingError($_)
    }
}

function Set-NiloVMMemory {
    <#
    .SYNOPSIS
    Set-VMMemory, recorded: before it is made, and its end.
    .DESCRIPTION
    Takes the parameters of Set-VMMemory that size a VM, and passes on those that are given. A role of JEA can offer it, because
    it takes no script block. All VMs are looked up before the first is changed; each has two files of its own.
    .PARAMETER VMName
    The names of the VMs, taken literally.
    .PARAMETER StartupBytes
    What a VM starts with; for a static VM its size.
    .PARAMETER MinimumBytes
    The least that Dynamic Memory leaves.
    .PARAMETER MaximumBytes
    The most that Dynamic Memory gives.
    .PARAMETER Buffer
    The buffer of Dynamic Memory, in percent.
    .PARAMETER Priority
    The weight, 0 to 100.
    .PARAMETER DynamicMemoryEnabled
    Whether Dynamic Memory sizes the VM; it has to be off for this.
    .PARAMETER Reason
    Why, in a sentence.
    .PARAMETER Ticket
    The ticket or change that asks for it.
    .PARAMETER Spool
    The spool's folder, if it is not %ProgramData%\Nilometer\spool.
    .EXAMPLE
    Set-NiloVMMemory web01 -StartupBytes 8GB -Reason 'month end' -Ticket CHG-7
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param(
        [Parameter(Mandatory, Position = 0)][string[]]$VMName,
        [long]$StartupBytes, [long]$MinimumBytes, [long]$MaximumBytes, [int]$Buffer, [int]$Priority, [bool]$DynamicMemoryEnabled,
        [string]$Reason, [string]$Ticket, [string]$Spool
    )
    if ($fault = Get-NiloLanguageFault) { throw $fault; return }
    Use-NiloPreference $PSCmdlet $PSBoundParameters
    try {
        Assert-NiloHyperV
        $folder = Resolve-NiloSpool $PSCmdlet $Spool
        $given, $words = @{}, ''
        foreach ($parameter in 'StartupBytes', 'MinimumBytes', 'MaximumBytes', 'Buffer', 'Priority', 'DynamicMemoryEnabled') {
            if (-not $PSBoundParameters.ContainsKey($parameter)) { continue }
            $value = $PSBoundParameters[$parameter]
            $given[$parameter] = $value
            $words += " -$parameter " + $(if ($value -is [bool]) { "`$$value".ToLowerInvariant() } else { "$value" })
        }
        if ($given.Count -eq 0) { throw 'nothing was changed: no setting is given, such as -StartupBytes 8GB' }
        try { $vms = @(foreach ($name in $VMName) { Get-NiloVM $name $null }) } catch { throw "nothing was changed: $(Get-NiloMessage $_)" }
        foreach ($vm in $vms) {
            $text = "Set-VMMemory -VMName '$("$($vm.Name)".Replace("'", "''"))'$words"
            if (-not $PSCmdlet.ShouldProcess("$($vm.Name)", $text)) { continue }
            # each error comes out, whatever the preference: it is recorded, and raised again as the caller wants it
            $change = { Set-VMMemory -VM $vm @given -Confirm:$false -ErrorAction Continue }
            Invoke-NiloEvidence $PSCmdlet @{} $folder $vm $text $Reason $Ticket $change
        }
    }
    catch { $PSCmdlet.ThrowTerminatingError($_) }
}

# ---- How things stand ----

function Get-NiloSpool {
    <#
    .SYNOPSIS
    Shows whether the collector of this host works: the last poll, the last error, what is kept, what waits.
    .DESCRIPTION
    Waiting is the number of files in `changes` that no poll has taken in yet: it is 0 a minute after a change. It is unknown
    to those who may not list that folder.
    .PARAMETER Spool
    The spool's folder, if it is not %ProgramData%\Nilometer\spool.
    .EXAMPLE
    Get-NiloSpool
    One host.
    .EXAMPLE
    Invoke-Command -ComputerName (Get-Content hosts.txt) { Get-NiloSpool } | Format-Table Host, LastPollAge, LastError, Waiting
    All hosts.
    #>
    [CmdletBinding()]
    param([string]$Spool)
    if ($fault = Get-NiloLanguageFault) { throw $fault; return }
    try {
        $folder = Resolve-NiloSpool $PSCmdlet $Spool
        if (-not [IO.Directory]::Exists($folder)) { throw "there is no spool at ${folder}: Install-NiloCollector makes it" }
        $days = @(Get-NiloDayFile $folder)
        $bytes = 0
        foreach ($day in $days) { $bytes += (New-Object IO.FileInfo $day.path).Length }
        $last, $failure, $failedAt, $now = $null, $null, $null, (Get-NiloUtcNow)
        $last = Find-NiloLine $folder 'poll'
        $state = Find-NiloLine $folder 'poll|note'
        $recent = @($days | Microsoft.PowerShell.Core\Where-Object { -not $_.packed })
        [Array]::Reverse($recent)
        foreach ($day in $recent) {
            $stream = New-Object IO.FileStream $day.path, ([IO.FileMode]::Open), ([IO.FileAccess]::Read), ([IO.FileShare]::ReadWrite)
            $reader = New-Object IO.StreamReader $stream
            try {
                while ($null -ne ($line = $reader.ReadLine())) {
                    if ($line.Length -eq 0 -or $line.EndsWith('"error":null}')) { continue }
                    $found = [regex]::Match($line, '"error":("(?:[^"\\]|\\.)*")\}$', 'RightToLeft')
                    $beginning = $line.Substring(0, [Math]::Min(200, $line.Length))
                    $head = [regex]::Match($beginning, '"kind":"(?:poll|inventory|seen)","time":"([^"]*)"')
                    if ($found.Success -and $head.Success) { $failure, $failedAt = $found.Groups[1].Value, $head.Groups[1].Value }
                }
            }
            finally { $reader.Dispose() }
            if ($failure) { break }
        }
        $waiting, $since = $null, $null
        try {
            $waiting = 0
            foreach ($path in [IO.Directory]::EnumerateFileSystemEntries([IO.Path]::Combine($folder, 'changes'))) {
                $waiting++
                $time = [IO.File]::GetLastWriteTimeUtc($path)
                if ($null -eq $since -or $time -lt $since) { $since = $time }
            }
        }
        catch { $waiting = $null } # no folder, or no right to list it
        [pscustomobject]@{
            Host = Get-NiloHostName
            Spool = $folder
            Module = "$($ExecutionContext.SessionState.Module.Version)"
            LastPoll = if ($last) { $last.time }
            LastPollAge = if ($last) { $now - $last.time }
            Paused = [bool]($state -and $state.text -match '"note":"polls stop')
            LastError = if ($failure) { Microsoft.PowerShell.Utility\ConvertFrom-Json $failure }
            LastErrorTime = $failedAt
            Days = $days.Count
            FirstDay = if ($days) { $days[0].day }
            LastDay = if ($days) { $days[-1].day }
            Bytes = $bytes
            FreeBytes = Get-NiloFreeBytes $folder
            Waiting = $waiting
            WaitingSince = $since
        }
    }
    catch { $PSCmdlet.ThrowTerminatingError($_) }
}

# ---- Installing. What follows needs Windows, and was not run by those who wrote it but for its refusals and -WhatIf ----

function Get-NiloPlace {
    @{
        root = [IO.Path]::Combine("$env:ProgramData", 'Nilometer')
        spool = [IO.Path]::Combine("$env:ProgramData", 'Nilometer', 'spool')
        changes = [IO.Path]::Combine("$env:ProgramData", 'Nilometer', 'spool', 'changes')
        modules = [IO.Path]::Combine("$env:ProgramFiles", 'WindowsPowerShell', 'Modules', 'Nilometer')
        version = "$($ExecutionContext.SessionState.Module.Version)"
    }
}

function Assert-NiloAdministrator {
    if (-not (Test-NiloWindows)) { throw 'this needs Windows' }
    $principal = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'this needs an elevated session: start PowerShell with Run as administrator'
    }
}

# Refuses a folder that is there and is not Nilometer's. Others may make folders in %ProgramData%, and a folder's maker
# keeps the right to give rights. `Ours` is a pattern for what may lie in it.
function Assert-NiloFolder($Path, $Ours) {
    if ($Path -match '^[\\/]{2}') { throw "$Path is on a share: the spool has to be on a disk of this host" }
    if ($Path -match '^\w:\\ClusterStorage\\') {
        throw "$Path is on a shared volume of a cluster: the spool has to be on a disk of this host"
    }
    if ([IO.File]::Exists($Path)) { throw "$Path is a file, and has to be a folder" }
    if (-not [IO.Directory]::Exists($Path)) { return }
    if ([IO.File]::GetAttributes($Path) -band [IO.FileAttributes]::ReparsePoint) { throw "$Path is a link: remove it" }
    foreach ($entry in [IO.Directory]::EnumerateFileSystemEntries($Path)) {
        $name = [IO.Path]::GetFileName($entry)
        if ($name -notmatch $Ours) { throw "$Path is there and not Nilometer's: it holds $name" }
    }
    if (Test-NiloWindows) {
        $owner = Get-NiloFolderOwner $Path
        if ($owner -notin 'S-1-5-18', 'S-1-5-32-544') { throw "$Path is there and not Nilometer's: its owner is $owner" }
    }
}

function Get-NiloFolderOwner($Path) {
    $acl = Microsoft.PowerShell.Security\Get-Acl -LiteralPath $Path
    $acl.GetOwner([Security.Principal.SecurityIdentifier]).Value
}

function ConvertTo-NiloSid($Account) {
    if ($Account -match '^S-1-[0-9-]+$') { return $Account }
    try { (New-Object Security.Principal.NTAccount $Account).Translate([Security.Principal.SecurityIdentifier]).Value }
    catch { throw "nothing was installed: there is no account $Account" }
}

function Set-NiloRights($Path, $Rights) {
    $said = & "$env:SystemRoot\System32\icacls.exe" $Path /inheritance:r /grant:r $Rights 2>&1
    if ($LASTEXITCODE -ne 0) { throw "the rights of $Path cannot be set: $said" }
}

# SYSTEM, each minute without an end; no poll beside another; three minutes at most, less than the five for which the host
# remembers a job; on batteries too. No -ExecutionPolicy: Group Policy would beat it, and it raises alarms.
function Get-NiloTaskXml($KeepDays) {
    $options = if ($KeepDays) { " -KeepDays $KeepDays" } else { '' }
    @"
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.3" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Nilometer: writes what Hyper-V shows to the spool, each minute.</Description></RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition><Interval>PT1M</Interval><StopAtDurationEnd>false</StopAtDurationEnd></Repetition>
      <StartBoundary>2020-01-01T00:00:00</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals><Principal id="System"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT3M</ExecutionTimeLimit>
    <Priority>5</Priority>
    <Enabled>true</Enabled>
  </Settings>
  <Actions Context="System">
    <Exec>
      <Command>%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe</Command>
      <Arguments>-NoProfile -NonInteractive -Command "Import-Module Nilometer; Invoke-NiloPoll$options"</Arguments>
    </Exec>
  </Actions>
</Task>
"@
}

function Install-NiloCollector {
    <#
    .SYNOPSIS
    Installs the collector on this host, or brings an older one up to date.
    .DESCRIPTION
    Copies the module to %ProgramFiles%\WindowsPowerShell\Modules, makes the spool with its rights, and registers the task
    Nilometer, which polls each minute as SYSTEM. It refuses folders that are there and are not Nilometer's. The script of older
    versions and their task are replaced; their spool is kept and goes on. It needs an elevated session.
    .PARAMETER Operators
    Accounts or groups that may record changes with Invoke-NiloChange and Set-NiloVMMemory without elevation. They can add to
    the spool, and neither read nor change what is in it. What changes a VM are rights of Hyper-V, which this does not give.
    .PARAMETER Readers
    Accounts or groups that may read the spool: who fetches it.
    .PARAMETER KeepDays
    How many days are kept; 400 if it is not given.
    .EXAMPLE
    Install-NiloCollector -Operators 'CONTOSO\HV Operators' -Readers 'CONTOSO\svc-nilo'
    .EXAMPLE
    Install-NiloCollector -WhatIf
    Says what would be done.
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([string[]]$Operators, [string[]]$Readers, [ValidateRange(1, 36500)][int]$KeepDays)
    if ($fault = Get-NiloLanguageFault) { throw $fault; return }
    try {
        $place = Get-NiloPlace
        Assert-NiloFolder $place.root '^(collect\.ps1|spool)$'
        Assert-NiloFolder $place.spool '^(changes|.+-\d{8}\.jsonl(\.gz(\.new)?)?)$'
        Assert-NiloFolder $place.changes '.'
        if (-not $WhatIfPreference) { Assert-NiloAdministrator; Assert-NiloHyperV }
        $all = 'S-1-5-18', 'S-1-5-32-544' # SYSTEM and Administrators, in every language
        $full = @(foreach ($sid in $all) { "*${sid}:(OI)(CI)F" })
        $write = @(if (-not $WhatIfPreference) { foreach ($name in $Operators) { "*$(ConvertTo-NiloSid $name):(X,WD,RA,S)" } })
        $read = @(if (-not $WhatIfPreference) { foreach ($name in $Readers) { "*$(ConvertTo-NiloSid $name):(OI)(CI)RX" } })
        $version = [IO.Path]::Combine($place.modules, $place.version)
        if ($PSScriptRoot -ne $version -and $PSCmdlet.ShouldProcess($version, 'Copy the module')) { Copy-NiloModule $version }
        if ($PSCmdlet.ShouldProcess($place.spool, 'Make the spool, and set its rights')) {
            foreach ($path in $place.root, $place.spool, $place.changes) { [void][IO.Directory]::CreateDirectory($path) }
            Set-NiloRights $place.root $full
            Set-NiloRights $place.spool ($full + $read)
            # Without RD, DC and AD nobody lists, deletes or makes folders there; OWNER RIGHTS (S-1-3-4) takes away what an owner has.
            Set-NiloRights $place.changes ($full + '*S-1-3-4:(OI)(IO)(RA,S)' + $write)
            Assert-NiloFolder $place.root '^(collect\.ps1|spool)$' # what came in before the rights were set
        }
        if ($PSCmdlet.ShouldProcess('Nilometer', 'Register the task that polls each minute')) {
            $null = Register-ScheduledTask -TaskName Nilometer -TaskPath '\' -Xml (Get-NiloTaskXml $KeepDays) -Force -ErrorAction Stop
        }
        $script = [IO.Path]::Combine($place.root, 'collect.ps1')
        if ([IO.File]::Exists($script) -and $PSCmdlet.ShouldProcess($script, 'Delete the script of an older version')) {
            [IO.File]::Delete($script)
        }
        foreach ($older in $(if ([IO.Directory]::Exists($place.modules)) { [IO.Directory]::GetDirectories($place.modules) })) {
            if ($older -ne $version -and $PSCmdlet.ShouldProcess($older, 'Remove the older module')) {
                [IO.Directory]::Delete($older, $true)
            }
        }
    }
    catch { $PSCmdlet.ThrowTerminatingError($_) }
}

# The manifest last: without it, half a copy is no module.
function Copy-NiloModule($To) {
    [void][IO.Directory]::CreateDirectory([IO.Path]::Combine($To, 'RoleCapabilities'))
    foreach ($file in 'RoleCapabilities\Nilometer.psrc', 'Nilometer.psm1', 'Nilometer.psd1') {
        [IO.File]::Copy([IO.Path]::Combine($PSScriptRoot, $file), [IO.Path]::Combine($To, $file), $true)
    }
}

function Uninstall-NiloCollector {
    <#
    .SYNOPSIS
    Removes the task and the module. The spool stays, unless -Purge is given.
    .DESCRIPTION
    It needs an elevated session.
    .PARAMETER Purge
    Deletes the spool too, with all that was recorded and not fetched.
    .EXAMPLE
    Uninstall-NiloCollector
    #>
    [CmdletBinding(SupportsShouldProcess)]
    param([switch]$Purge)
    if ($fault = Get-NiloLanguageFault) { throw $fault; return }
    try {
        $place = Get-NiloPlace
        if ($Purge) {
            Assert-NiloFolder $place.root '^(collect\.ps1|spool)$'
            Assert-NiloFolder $place.spool '^(changes|.+-\d{8}\.jsonl(\.gz(\.new)?)?)$'
            Assert-NiloFolder $place.changes '.'
        }
        if (-not $WhatIfPreference) { Assert-NiloAdministrator }
        if ($PSCmdlet.ShouldProcess('Nilometer', 'Remove the task that polls')) {
            Unregister-ScheduledTask -TaskName Nilometer -TaskPath '\' -Confirm:$false -ErrorAction SilentlyContinue
        }
        if ([IO.Directory]::Exists($place.modules) -and $PSCmdlet.ShouldProcess($place.modules, 'Remove the module')) {
            [IO.Directory]::Delete($place.modules, $true)
        }
        if ($Purge -and [IO.Directory]::Exists($place.root) -and $PSCmdlet.ShouldProcess($place.root, 'Delete the spool and all in it')) {
            [IO.Directory]::Delete($place.root, $true)
        }
    }
    catch { $PSCmdlet.ThrowTerminatingError($_) }
}

Export-ModuleMember -Function Install-NiloCollector, Uninstall-NiloCollector, Invoke-NiloPoll, Invoke-NiloChange,
    Set-NiloVMMemory, Get-NiloSpool
