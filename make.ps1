# The Makefile's two verbs for Windows: `.\make.ps1` runs the main job, `.\make.ps1 test` the tests.
# Not run here: written for Windows, never tried on it. Needs the `py` launcher and Python 3.11 or newer.
param([ValidateSet('main-job', 'test')][string]$Verb = 'main-job')
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot

function Step {
    param([string]$Program, [Parameter(ValueFromRemainingArguments)][string[]]$Rest)
    & $Program @Rest
    if ($LASTEXITCODE -ne 0) { throw "$Program $Rest failed with exit code $LASTEXITCODE" }
}

$bin = Join-Path $PSScriptRoot '.venv\Scripts'
$made = '.venv\.made'
$inputs = Get-Item requirements.lock, pyproject.toml
if (-not (Test-Path $made) -or ($inputs | Where-Object LastWriteTime -GT (Get-Item $made).LastWriteTime)) {
    Write-Output 'make: .venv from requirements.lock'
    Step py -3 -m venv .venv
    Step "$bin\python.exe" -m pip install --quiet --require-hashes --requirement requirements.lock
    Step "$bin\python.exe" -m pip install --quiet --no-deps --no-build-isolation --editable .
    Set-Content $made ''
}

if ($Verb -eq 'main-job') {
    $env:PATH = "$bin;$env:PATH"
    Step sh docs/examples/main-job.sh  # sh comes with Git for Windows
} else {
    Step "$bin\ruff.exe" check --quiet
    Step "$bin\ruff.exe" format --check --quiet
    Step "$bin\mypy.exe" --no-error-summary
    Step "$bin\pyright.exe"
    Step "$bin\lint-imports.exe" --no-logo
    Step "$bin\python.exe" -m pytest -q -n 2 --dist loadgroup
}
