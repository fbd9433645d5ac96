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
$uv = Join-Path $PSScriptRoot '.uv\bin\uv.exe'
$python = Join-Path $bin 'python.exe'

# Runs `$Steps` if one of `$Inputs` is newer than `$Made`, or if that is not there yet.
function Make {
    param([string]$Made, [string[]]$Inputs, [scriptblock]$Steps)
    if (-not (Test-Path $Made) -or (Get-Item $Inputs | Where-Object LastWriteTime -GT (Get-Item $Made).LastWriteTime)) {
        & $Steps
        Set-Content $Made ''
    }
}

Make '.venv\.made' requirements.lock, requirements-build.lock, pyproject.toml {
    Write-Output 'make: .venv from requirements.lock'
    Step py -3 -m pip install --quiet --require-hashes --upgrade --target .uv --requirement requirements-build.lock
    if (-not (Test-Path $python)) { Step py -3 -m venv .venv }
    Step $uv --quiet pip install --python $python --compile-bytecode --require-hashes --requirement requirements.lock
    Step $uv --quiet pip install --python $python --no-deps --build-constraints requirements-build.lock --editable .
}

if ($Verb -eq 'main-job') {
    $env:PATH = "$bin;$env:PATH"
    Step sh docs/examples/main-job.sh  # sh comes with Git for Windows
} else {
    Make '.venv\.tests-made' requirements-test.lock, '.venv\.made' {
        Write-Output 'make: .venv with requirements-test.lock'
        Step $uv --quiet pip install --python $python --compile-bytecode --require-hashes --requirement requirements-test.lock
    }
    Step "$bin\ruff.exe" check --quiet
    Step "$bin\ruff.exe" format --check --quiet
    Step "$bin\mypy.exe" --no-error-summary
    Step "$bin\pyright.exe"
    Step "$bin\lint-imports.exe" --no-logo
    Step "$bin\python.exe" -m pytest -q -n 2 --dist loadgroup
}
