# ModuleVersion is written by nilo collector: it is that of nilo.
@{
    RootModule           = 'Nilometer.psm1'
    ModuleVersion        = '0.0.0'
    GUID                 = '6f0c7f5e-8d0a-4e0c-9b5b-3d1a2f4c7e61'
    Author               = 'The authors of Nilometer'
    CompanyName          = 'Nilometer'
    Copyright            = '(c) The authors of Nilometer. Apache License 2.0.'
    Description          = 'Collects from a Hyper-V host what its VMs have of memory, each minute, and records changes with who and why: before they are made, and their end. nilo import-hyperv makes a history of it.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @('Install-NiloCollector', 'Uninstall-NiloCollector', 'Invoke-NiloPoll', 'Invoke-NiloChange', 'Set-NiloVMMemory', 'Get-NiloSpool')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags         = @('Hyper-V', 'Memory', 'DynamicMemory', 'Audit', 'JEA', 'PSEdition_Desktop', 'PSEdition_Core', 'Windows')
            LicenseUri   = 'https://www.apache.org/licenses/LICENSE-2.0'
            ReleaseNotes = 'Replaces the script collect.ps1: Install-NiloCollector takes over its task and its spool.'
        }
    }
}
