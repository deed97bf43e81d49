
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
            [CompletionResult]::new('lint', 'lint', [CompletionResultType]::ParameterValue, 'Say which continuity tier a fleet meets, and what would break it')
            [CompletionResult]::new('probe', 'probe', [CompletionResultType]::ParameterValue, 'Ask every identity provider whether it is well, and say where logins would go now')
            [CompletionResult]::new('lb-gen', 'lb-gen', [CompletionResultType]::ParameterValue, 'Write load balancer configuration that fits a deployment')
            [CompletionResult]::new('drill', 'drill', [CompletionResultType]::ParameterValue, 'Rehearse outages in virtual time, with the very code that `serve` runs')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Identity providers, an orchestrator, a page, and a switch to break each provider')
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
            [CompletionResult]::new('--admin', '--admin', [CompletionResultType]::ParameterName, 'Turn on the admin listener, with metrics and the operator page, on this address; wins over `admin.address`, which is 127.0.0.1:9444 by default')
            [CompletionResult]::new('--admin-token-file', '--admin-token-file', [CompletionResultType]::ParameterName, 'Where the admin token is written (mode 0600) when the configuration has no `admin.token` [default: a file in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or the folder for temporary files, printed at the start]')
            [CompletionResult]::new('--threads', '--threads', [CompletionResultType]::ParameterName, 'Threads that accept and proxy [default: one for each core]')
            [CompletionResult]::new('--state-dir', '--state-dir', [CompletionResultType]::ParameterName, 'Folder that keeps what identity providers published, so that a restart while one is down still signs people in; needs the keys of `session.encryption`, and a folder for each node')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Log at level debug')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Log at level debug')
            [CompletionResult]::new('--watch-config', '--watch-config', [CompletionResultType]::ParameterName, 'Apply the configuration when its file changes, as SIGHUP does; a file with errors changes nothing')
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
        'maverics;lint' {
            [CompletionResult]::new('--explain', '--explain', [CompletionResultType]::ParameterName, 'Print the page of a rule')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Silence a rule, by name or code, or `all`; may be repeated')
            [CompletionResult]::new('--warn', '--warn', [CompletionResultType]::ParameterName, 'Make a rule''s findings warnings')
            [CompletionResult]::new('--deny', '--deny', [CompletionResultType]::ParameterName, 'Make a rule''s findings errors')
            [CompletionResult]::new('--tier', '--tier', [CompletionResultType]::ParameterName, 'Fail unless this tier is met')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]')
            [CompletionResult]::new('--stdin-filename', '--stdin-filename', [CompletionResultType]::ParameterName, 'Name that findings give to standard input')
            [CompletionResult]::new('--allow-insecure-http', '--allow-insecure-http', [CompletionResultType]::ParameterName, 'Accept plain http for this URL (scheme, host and port count); may be repeated')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format of the report [default: github where $GITHUB_ACTIONS is set, else text]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--fail-level', '--fail-level', [CompletionResultType]::ParameterName, 'Least level of a finding that makes the exit code 1')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List all rules')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Put right what takes no decision, in the files themselves; standard input is written to standard output')
            [CompletionResult]::new('--diff', '--diff', [CompletionResultType]::ParameterName, 'Show what --fix would change, and change nothing')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;probe' {
            [CompletionResult]::new('--connector', '--connector', [CompletionResultType]::ParameterName, 'Ask only this connector; may be repeated')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Budget of one question, such as 3s [default: the connector''s own timeout]')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Ask this often, and apply the thresholds of the configuration [default: 1; with --watch, without end]')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'From one question to the next to the same provider, 100ms to 1h [default: 1s; with --watch, the connector''s own interval, 1s to 60s]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format of the report [default: github where $GITHUB_ACTIONS is set, else text]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output; with --watch, anew after each answer')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output; with --watch, anew after each answer')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour')
            [CompletionResult]::new('--fail-level', '--fail-level', [CompletionResultType]::ParameterName, 'Least level of a finding that makes the exit code 1')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]')
            [CompletionResult]::new('--stdin-filename', '--stdin-filename', [CompletionResultType]::ParameterName, 'Name that findings give to standard input')
            [CompletionResult]::new('--allow-insecure-http', '--allow-insecure-http', [CompletionResultType]::ParameterName, 'Accept plain http for this URL (scheme, host and port count); may be repeated')
            [CompletionResult]::new('--secret-provider', '--secret-provider', [CompletionResultType]::ParameterName, 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Ask again and again, and show each provider''s last 60 answers; the thresholds apply. Ctrl-C ends it, with the exit code of that moment')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;lb-gen' {
            [CompletionResult]::new('--instance', '--instance', [CompletionResultType]::ParameterName, 'A node, by a stable name and its address; may be repeated')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Where the balancer listens [default: :443; :80 where people come over plain http]')
            [CompletionResult]::new('--tls', '--tls', [CompletionResultType]::ParameterName, 'Where TLS ends [default: reencrypt where the nodes speak TLS, else terminate]')
            [CompletionResult]::new('--server-name', '--server-name', [CompletionResultType]::ParameterName, 'Public host name; may be repeated [default: those in the configuration]')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Certificate of the balancer, with its key')
            [CompletionResult]::new('--ca', '--ca', [CompletionResultType]::ParameterName, 'Roots for the nodes'' certificates [default: those of the system]')
            [CompletionResult]::new('--node-name', '--node-name', [CompletionResultType]::ParameterName, 'Name in the nodes'' certificates [default: the first public host name]')
            [CompletionResult]::new('--affinity', '--affinity', [CompletionResultType]::ParameterName, 'Name of the affinity cookie [default: maverics_lb]')
            [CompletionResult]::new('--output-dir', '--output-dir', [CompletionResultType]::ParameterName, 'Write the file, under the name its reader expects, into this directory')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]')
            [CompletionResult]::new('--stdin-filename', '--stdin-filename', [CompletionResultType]::ParameterName, 'Name that findings give to standard input')
            [CompletionResult]::new('--allow-insecure-http', '--allow-insecure-http', [CompletionResultType]::ParameterName, 'Accept plain http for this URL (scheme, host and port count); may be repeated')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List all targets')
            [CompletionResult]::new('--status-internal', '--status-internal', [CompletionResultType]::ParameterName, 'Hide the status endpoint from the outside')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'Run the vendor''s own validator over the result, where it is installed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;drill' {
            [CompletionResult]::new('--fail', '--fail', [CompletionResultType]::ParameterName, 'A provider fails: from when, for how long (to the end without), and how (--fault without), such as okta-idp@60s+10m or okta-idp@60s+10m=slow:9s; may be repeated')
            [CompletionResult]::new('--fault', '--fault', [CompletionResultType]::ParameterName, 'What is wrong where --fail does not say: refused, blackhole (no answer ever), slow:9s, http:500, flap:50% (down or up by chance, anew for each probe interval), flap:50%/20s (for every 20s), wrong-issuer')
            [CompletionResult]::new('--scenario', '--scenario', [CompletionResultType]::ParameterName, 'A drill kept in a file (schemas/drill-scenario.schema.json): faults, logins, and what makes it pass. Options win over it; --fail adds faults')
            [CompletionResult]::new('--connector', '--connector', [CompletionResultType]::ParameterName, 'Continuity connector to rehearse; may be repeated [default: each, by itself]')
            [CompletionResult]::new('--logins', '--logins', [CompletionResultType]::ParameterName, 'How many people sign in: 5/s, 300/m, or 0 [default: 1/s]')
            [CompletionResult]::new('--arrivals', '--arrivals', [CompletionResultType]::ParameterName, 'When they come, within their share of the time')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'How long the drill lasts [default: ten minutes after the last fault begins or ends]')
            [CompletionResult]::new('--seed', '--seed', [CompletionResultType]::ParameterName, 'Where chance begins [default: 1]')
            [CompletionResult]::new('--phase', '--phase', [CompletionResultType]::ParameterName, 'When each provider''s second probe comes, after the first at 0s [default: by chance within the interval]')
            [CompletionResult]::new('--max-detect', '--max-detect', [CompletionResultType]::ParameterName, 'Fail when logins still go to a faulty provider after this time')
            [CompletionResult]::new('--max-failed', '--max-failed', [CompletionResultType]::ParameterName, 'Fail when more logins fail, after one more try each')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'Format of the report')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write the report to a file instead of standard output')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]')
            [CompletionResult]::new('--stdin-filename', '--stdin-filename', [CompletionResultType]::ParameterName, 'Name that findings give to standard input')
            [CompletionResult]::new('--allow-insecure-http', '--allow-insecure-http', [CompletionResultType]::ParameterName, 'Accept plain http for this URL (scheme, host and port count); may be repeated')
            [CompletionResult]::new('--secret-provider', '--secret-provider', [CompletionResultType]::ParameterName, 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;demo' {
            [CompletionResult]::new('--tier', '--tier', [CompletionResultType]::ParameterName, 'Tier of the guide to show')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'First of four ports, or five with --tier 2: page, the first two providers, sign-out, the third provider; 0 takes any that are free')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Keep the configuration files in this folder, which must be new or empty')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print addresses and passwords as one line of JSON')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Log at level debug instead of warn')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Log at level debug instead of warn')
            [CompletionResult]::new('--no-open', '--no-open', [CompletionResultType]::ParameterName, 'Do not open a browser. None ever is; for scripts that say so to every demo')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'maverics;explain' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
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
            [CompletionResult]::new('lint', 'lint', [CompletionResultType]::ParameterValue, 'Say which continuity tier a fleet meets, and what would break it')
            [CompletionResult]::new('probe', 'probe', [CompletionResultType]::ParameterValue, 'Ask every identity provider whether it is well, and say where logins would go now')
            [CompletionResult]::new('lb-gen', 'lb-gen', [CompletionResultType]::ParameterValue, 'Write load balancer configuration that fits a deployment')
            [CompletionResult]::new('drill', 'drill', [CompletionResultType]::ParameterValue, 'Rehearse outages in virtual time, with the very code that `serve` runs')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Identity providers, an orchestrator, a page, and a switch to break each provider')
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
        'maverics;help;lint' {
            break
        }
        'maverics;help;probe' {
            break
        }
        'maverics;help;lb-gen' {
            break
        }
        'maverics;help;drill' {
            break
        }
        'maverics;help;demo' {
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
