# Runs the module that ships against the stand-in, in one process: a check a sentence. Each writes a line of JSON to $Out/checks.jsonl.
param([string]$Module, [string]$Out, [string]$Pwsh, [string]$Only = '.')
$ErrorActionPreference = 'Continue'
Import-Module "$PSScriptRoot/HyperVStub.psm1" -Force -Global -DisableNameChecking
$loaded = Import-Module $Module -PassThru -Force -Global
$replace = {
    function script:Get-NiloUtcNow { Get-StubUtcNow }
    function script:Get-NiloHostName { Get-StubHostName }
    function script:Get-NiloUser { Get-StubUser }
    function script:Get-NiloBuild { 20348 }
    function script:Get-NiloFileOwner($Stream) { Get-StubFileOwner $Stream }
    function script:Get-NiloFreeBytes($Path) { Get-StubFreeBytes }
    function script:Wait-Nilo($Seconds) { $global:Waited += $Seconds; if ($global:OnWait) { & $global:OnWait }; Step-StubMinute ($Seconds / 60) }
}
& $loaded $replace
$number = 0
$log = [IO.StreamWriter]::new("$Out/checks.jsonl")
$global:Spool = $null
$global:StubOwners = @{}

# ---- what checks say ----

function Check([string]$Name, [scriptblock]$Do) {
    if ($Name -notmatch $Only) { return }
    $script:number++
    $global:Spool = "$Out/case$script:number"
    $null = New-Item -ItemType Directory -Path "$global:Spool/changes"
    $env:NILO_STUB_STATE = $global:Spool
    $env:NILO_STUB_OWNER = 'CONTOSO\anna'
    New-StubHost
    $global:StubOwners = @{}
    $global:Waited, $global:OnWait = 0, $null
    $global:Error.Clear()
    $clock = [Diagnostics.Stopwatch]::StartNew()
    $wrong = $null
    try { $null = & $Do } catch { $wrong = "$_ at $($_.ScriptStackTrace)" }
    $log.WriteLine((ConvertTo-Json -Compress @{ check = $Name; wrong = $wrong; ms = $clock.ElapsedMilliseconds }))
    $log.Flush()
}
function Assert-Same($Found, $Wanted, $What = 'it') {
    $found, $wanted = (ConvertTo-Json -Depth 9 -Compress -InputObject @(, $Found)), (ConvertTo-Json -Depth 9 -Compress -InputObject @(, $Wanted))
    if ($found -cne $wanted) { throw "$What is $found, and has to be $wanted" }
}
function Assert-Like($Found, $Pattern) { if ("$Found" -notlike $Pattern) { throw "'$Found' is not like '$Pattern'" } }
# What a block throws to whoever calls; it has to throw.
function Get-Thrown([scriptblock]$Do) { try { $null = & $Do } catch { return "$_" }; throw 'it threw nothing' }
function Read-Json($Path) { Get-Content -Raw -LiteralPath $Path | ConvertFrom-Json -Depth 20 -DateKind String -NoEnumerate }
function Get-Change($Ending) { foreach ($file in Get-ChildItem "$Spool/changes" -Filter "*.$Ending.json" | Sort-Object Name) { Read-Json $file.FullName } }
function Get-Line($Kind) {
    foreach ($file in Get-ChildItem "$Spool/*.jsonl", "$Spool/*.jsonl.gz" | Sort-Object Name) {
        foreach ($line in $(if ($file.Extension -eq '.gz') { gzip -dc $file.FullName } else { [IO.File]::ReadAllLines($file.FullName) })) {
            if ($line) { $read = $line | ConvertFrom-Json -Depth 20 -DateKind String -NoEnumerate; if (-not $Kind -or $read.kind -eq $Kind) { $read } }
        }
    }
}
function Get-Web { (Get-StubState).vms[0] }
function Assert-Untouched { Assert-Same (Get-Web).startup 4096 'startup'; Assert-Same @(Get-ChildItem "$Spool/changes").Count 0 'files' }
function Add-Junk($Name, [byte[]]$Bytes) { [IO.File]::WriteAllBytes("$Spool/changes/$Name", $Bytes) }
function Get-Utf8($Text) { [Text.Encoding]::UTF8.GetBytes($Text) }
# A runspace of its own, with the stand-in and the module as here.
function New-Session([scriptblock]$Prepare, [switch]$NoStub) {
    $session = [powershell]::Create()
    $setup = {
        param($Stub, $Module, $Replace, $Spool, $NoStub)
        if (-not $NoStub) { Import-Module $Stub -Global -DisableNameChecking }
        $loaded = Import-Module $Module -PassThru -Global
        & $loaded ([scriptblock]::Create($Replace))
        $global:Spool = $Spool
    }
    $null = $session.AddScript("$setup").AddArgument("$PSScriptRoot/HyperVStub.psm1").AddArgument($Module).AddArgument("$replace").AddArgument($Spool).AddArgument([bool]$NoStub).Invoke()
    if ($session.HadErrors) { throw "setup: $($session.Streams.Error)" }
    $session.Commands.Clear()
    $session
}

. "$PSScriptRoot/changes.ps1"
. "$PSScriptRoot/polls.ps1"
. "$PSScriptRoot/sessions.ps1"
$log.Close()
if ($Only -in '.', 'the story alone') {
    & $loaded { function script:Wait-Nilo($Seconds) { Step-StubMinute ($Seconds / 60) } }
    & "$PSScriptRoot/story.ps1" -Out "$Out/story"
}
