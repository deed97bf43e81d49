
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'maverics' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'maverics'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'maverics' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the orchestrator')
            [CompletionResult]::new('validate', 'validate', [CompletionResultType]::ParameterValue, 'Check configurations: form and names, with line and column')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Print the page of a finding: why it matters, and how to put it right')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print a JSON Schema: of the configuration, or of what the commands print')
            [CompletionResult]::new('hash-password', 'hash-password', [CompletionResultType]::ParameterValue, 'Hash a password for the users file of a `local` connector')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page in troff, for `man -l -`')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Write schemas, completions and manual pages into the repository')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'maverics;serve' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]')
            [CompletionResult]::new('--stdin-filename', '--stdin-filename', [CompletionResultType]::ParameterName, 'Name that findings give to standard input')
            [CompletionResult]::new('--allow-insecure-http', '--allow-insecure-http', [CompletionResultType]::ParameterName, 'Accept plain http for this URL (scheme, host and port count); may be repeated')
            [CompletionResult]::new('--secret-provider', '--secret-provider', [CompletionResultType]::ParameterName, 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]')
            [CompletionResult]::new('--address', '--address', [CompletionResultType]::ParameterName, 'Listen address that wins over `http.address` [default: $MAVERICS_HTTP_ADDRESS]')
            [CompletionResult]::new('--drain-delay', '--drain-delay', [CompletionResultType]::ParameterName, 'How long requests are still accepted after SIGTERM, so that balancers notice the status')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long requests in flight may take after that')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that accept and proxy [default: one for each core]')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Log at level debug')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Log at level debug')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Accept configurations that `maverics demo` wrote; for its own use')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;validate' {
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]')
            [CompletionResult]::new('--stdin-filename', '--stdin-filename', [CompletionResultType]::ParameterName, 'Name that findings give to standard input')
            [CompletionResult]::new('--allow-insecure-http', '--allow-insecure-http', [CompletionResultType]::ParameterName, 'Accept plain http for this URL (scheme, host and port count); may be repeated')
            [CompletionResult]::new('--secret-provider', '--secret-provider', [CompletionResultType]::ParameterName, 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format of the report [default: github where $GITHUB_ACTIONS is set, else text]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--fail-level', '--fail-level', [CompletionResultType]::ParameterName, 'Least level of a finding that makes the exit code 1')
            [CompletionResult]::new('--resolve', '--resolve', [CompletionResultType]::ParameterName, 'Also look up environment variables and secret references')
            [CompletionResult]::new('--show-extensions', '--show-extensions', [CompletionResultType]::ParameterName, 'Also report keys that the original product does not have')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;explain' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'maverics;schema' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;hash-password' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'maverics;man' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'maverics;generate' {
            [CompletionResult]::new('--root', '--root', [CompletionResultType]::ParameterName, 'Root of the repository')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Change nothing; fail when a file is not current')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'maverics;help' {
            [CompletionResult]::new('serve', 'serve', [CompletionResultType]::ParameterValue, 'Run the orchestrator')
            [CompletionResult]::new('validate', 'validate', [CompletionResultType]::ParameterValue, 'Check configurations: form and names, with line and column')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Print the page of a finding: why it matters, and how to put it right')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print a JSON Schema: of the configuration, or of what the commands print')
            [CompletionResult]::new('hash-password', 'hash-password', [CompletionResultType]::ParameterValue, 'Hash a password for the users file of a `local` connector')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions of a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page in troff, for `man -l -`')
            [CompletionResult]::new('generate', 'generate', [CompletionResultType]::ParameterValue, 'Write schemas, completions and manual pages into the repository')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'maverics;help;serve' {
            break
        }
        'maverics;help;validate' {
            break
        }
        'maverics;help;explain' {
            break
        }
        'maverics;help;schema' {
            break
        }
        'maverics;help;hash-password' {
            break
        }
        'maverics;help;completions' {
            break
        }
        'maverics;help;man' {
            break
        }
        'maverics;help;generate' {
            break
        }
        'maverics;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
