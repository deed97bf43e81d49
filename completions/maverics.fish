# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_maverics_global_optspecs
    string join \n h/help V/version
end

function __fish_maverics_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_maverics_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_maverics_using_subcommand
    set -l cmd (__fish_maverics_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c maverics -n "__fish_maverics_needs_command" -s h -l help -d 'Print help'
complete -c maverics -n "__fish_maverics_needs_command" -s V -l version -d 'Print version'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "serve" -d 'Run the orchestrator'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "validate" -d 'Check configurations: form and names, with line and column'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "lint" -d 'Say which continuity tier a fleet meets, and what would break it'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "probe" -d 'Ask every identity provider whether it is well, and say where logins would go now'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "lb-gen" -d 'Write load balancer configuration that fits a deployment'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "drill" -d 'Rehearse outages in virtual time, with the very code that `serve` runs'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "demo" -d 'Identity providers, an orchestrator, a page, and a switch to break each provider'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "explain" -d 'Print the page of a finding: why it matters, and how to put it right'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "schema" -d 'Print a JSON Schema: of the configuration, or of what the commands print'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "hash-password" -d 'Hash a password for the users file of a `local` connector'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "man" -d 'Print a manual page in troff, for `man -l -`'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "generate" -d 'Write schemas, completions and manual pages into the repository'
complete -c maverics -n "__fish_maverics_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l config -d 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l stdin-filename -d 'Name that findings give to standard input' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l allow-insecure-http -d 'Accept plain http for this URL (scheme, host and port count); may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l secret-provider -d 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l address -d 'Listen address that wins over `http.address` [default: $MAVERICS_HTTP_ADDRESS]' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l drain-delay -d 'How long requests are still accepted after SIGTERM, so that balancers notice the status' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l grace -d 'How long requests in flight may take after that' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l admin -d 'Turn on the admin listener, with metrics and the operator page, on this address; wins over `admin.address`, which is 127.0.0.1:9444 by default' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l admin-token-file -d 'Where the admin token is written (mode 0600) when the configuration has no `admin.token` [default: a file in $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR or the folder for temporary files, printed at the start]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l threads -d 'Threads that accept and proxy [default: one for each core]' -r
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l state-dir -d 'Folder that keeps what identity providers published, so that a restart while one is down still signs people in; needs the keys of `session.encryption`, and a folder for each node' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand serve" -s v -l verbose -d 'Log at level debug'
complete -c maverics -n "__fish_maverics_using_subcommand serve" -l watch-config -d 'Apply the configuration when its file changes, as SIGHUP does; a file with errors changes nothing'
complete -c maverics -n "__fish_maverics_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l config -d 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l stdin-filename -d 'Name that findings give to standard input' -r
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l allow-insecure-http -d 'Accept plain http for this URL (scheme, host and port count); may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l secret-provider -d 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]' -r
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l format -d 'Format of the report [default: github where $GITHUB_ACTIONS is set, else text]' -r -f -a "text\t'For people'
json\t'For programs (schemas/output/diagnostics.schema.json)'
sarif\t'SARIF 2.1.0, for code scanning'
github\t'Workflow commands of GitHub Actions'
gitlab\t'Code quality report of GitLab'
junit\t'JUnit XML'"
complete -c maverics -n "__fish_maverics_using_subcommand validate" -s o -l output -d 'Write the report to a file instead of standard output' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set; always where CLICOLOR_FORCE is'
always\t'Always'
never\t'Never'"
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l fail-level -d 'Least level of a finding that makes the exit code 1' -r -f -a "error\t'Errors'
warn\t'Warnings and errors'
info\t'Everything'"
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l resolve -d 'Also look up environment variables and secret references'
complete -c maverics -n "__fish_maverics_using_subcommand validate" -l show-extensions -d 'Also report keys that the original product does not have'
complete -c maverics -n "__fish_maverics_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l explain -d 'Print the page of a rule' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l allow -d 'Silence a rule, by name or code, or `all`; may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l warn -d 'Make a rule\'s findings warnings' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l deny -d 'Make a rule\'s findings errors' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l tier -d 'Fail unless this tier is met' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l config -d 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l stdin-filename -d 'Name that findings give to standard input' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l allow-insecure-http -d 'Accept plain http for this URL (scheme, host and port count); may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l format -d 'Format of the report [default: github where $GITHUB_ACTIONS is set, else text]' -r -f -a "text\t'For people'
json\t'For programs (schemas/output/diagnostics.schema.json)'
sarif\t'SARIF 2.1.0, for code scanning'
github\t'Workflow commands of GitHub Actions'
gitlab\t'Code quality report of GitLab'
junit\t'JUnit XML'"
complete -c maverics -n "__fish_maverics_using_subcommand lint" -s o -l output -d 'Write the report to a file instead of standard output' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set; always where CLICOLOR_FORCE is'
always\t'Always'
never\t'Never'"
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l fail-level -d 'Least level of a finding that makes the exit code 1' -r -f -a "error\t'Errors'
warn\t'Warnings and errors'
info\t'Everything'"
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l list -d 'List all rules'
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l fix -d 'Put right what takes no decision, in the files themselves; standard input is written to standard output'
complete -c maverics -n "__fish_maverics_using_subcommand lint" -l diff -d 'Show what --fix would change, and change nothing'
complete -c maverics -n "__fish_maverics_using_subcommand lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l connector -d 'Ask only this connector; may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l timeout -d 'Budget of one question, such as 3s [default: the connector\'s own timeout]' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l count -d 'Ask this often, and apply the thresholds of the configuration [default: 1; with --watch, without end]' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l interval -d 'From one question to the next to the same provider, 100ms to 1h [default: 1s; with --watch, the connector\'s own interval, 1s to 60s]' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l format -d 'Format of the report [default: github where $GITHUB_ACTIONS is set, else text]' -r -f -a "text\t'For people'
json\t'For programs (schemas/output/probe.schema.json); with --watch, one line after each answer'
sarif\t'SARIF 2.1.0, for code scanning'
github\t'Workflow commands of GitHub Actions'
gitlab\t'Code quality report of GitLab'
junit\t'JUnit XML'
prometheus\t'Metrics as Prometheus reads them'"
complete -c maverics -n "__fish_maverics_using_subcommand probe" -s o -l output -d 'Write the report to a file instead of standard output; with --watch, anew after each answer' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l color -d 'When to use colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set; always where CLICOLOR_FORCE is'
always\t'Always'
never\t'Never'"
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l fail-level -d 'Least level of a finding that makes the exit code 1' -r -f -a "error\t'Errors'
warn\t'Warnings and errors'
info\t'Everything'"
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l config -d 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l stdin-filename -d 'Name that findings give to standard input' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l allow-insecure-http -d 'Accept plain http for this URL (scheme, host and port count); may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l secret-provider -d 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]' -r
complete -c maverics -n "__fish_maverics_using_subcommand probe" -l watch -d 'Ask again and again, and show each provider\'s last 60 answers; the thresholds apply. Ctrl-C ends it, with the exit code of that moment'
complete -c maverics -n "__fish_maverics_using_subcommand probe" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l instance -d 'A node, by a stable name and its address; may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l listen -d 'Where the balancer listens [default: :443; :80 where people come over plain http]' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l tls -d 'Where TLS ends [default: reencrypt where the nodes speak TLS, else terminate]' -r -f -a "terminate\t'At the balancer; plain HTTP to the nodes'
passthrough\t'At the nodes; no cookie, so people stay by address'
reencrypt\t'At the balancer, and TLS again to the nodes'"
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l server-name -d 'Public host name; may be repeated [default: those in the configuration]' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l cert -d 'Certificate of the balancer, with its key' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l ca -d 'Roots for the nodes\' certificates [default: those of the system]' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l node-name -d 'Name in the nodes\' certificates [default: the first public host name]' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l affinity -d 'Name of the affinity cookie [default: maverics_lb]' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l output-dir -d 'Write the file, under the name its reader expects, into this directory' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l config -d 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l stdin-filename -d 'Name that findings give to standard input' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l allow-insecure-http -d 'Accept plain http for this URL (scheme, host and port count); may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l list -d 'List all targets'
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l status-internal -d 'Hide the status endpoint from the outside'
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -l check -d 'Run the vendor\'s own validator over the result, where it is installed'
complete -c maverics -n "__fish_maverics_using_subcommand lb-gen" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l fail -d 'A provider fails: from when, for how long (to the end without), and how (--fault without), such as okta-idp@60s+10m or okta-idp@60s+10m=slow:9s; may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l fault -d 'What is wrong where --fail does not say: refused, blackhole (no answer ever), slow:9s, http:500, flap:50% (down or up by chance, anew for each probe interval), flap:50%/20s (for every 20s), wrong-issuer' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l scenario -d 'A drill kept in a file (schemas/drill-scenario.schema.json): faults, logins, and what makes it pass. Options win over it; --fail adds faults' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l connector -d 'Continuity connector to rehearse; may be repeated [default: each, by itself]' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l logins -d 'How many people sign in: 5/s, 300/m, or 0 [default: 1/s]' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l arrivals -d 'When they come, within their share of the time' -r -f -a "random\t'At a random moment'
even\t'At its beginning'"
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l duration -d 'How long the drill lasts [default: ten minutes after the last fault begins or ends]' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l seed -d 'Where chance begins [default: 1]' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l phase -d 'When each provider\'s second probe comes, after the first at 0s [default: by chance within the interval]' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l max-detect -d 'Fail when logins still go to a faulty provider after this time' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l max-failed -d 'Fail when more logins fail, after one more try each' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l format -d 'Format of the report' -r -f -a "text\t'For people'
json\t'For programs (schemas/output/drill.schema.json)'
svg\t'A picture, for a browser or a document'"
complete -c maverics -n "__fish_maverics_using_subcommand drill" -s o -l output -d 'Write the report to a file instead of standard output' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l config -d 'Configuration file, where none is named otherwise [default: $MAVERICS_CONFIG, else /etc/maverics/maverics.yaml]' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l stdin-filename -d 'Name that findings give to standard input' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l allow-insecure-http -d 'Accept plain http for this URL (scheme, host and port count); may be repeated' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -l secret-provider -d 'Secret store: secretfile:///path or env://PREFIX [default: $MAVERICS_SECRET_PROVIDER]' -r
complete -c maverics -n "__fish_maverics_using_subcommand drill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand demo" -l tier -d 'Tier of the guide to show' -r
complete -c maverics -n "__fish_maverics_using_subcommand demo" -l port -d 'First of four ports, or five with --tier 2: page, the first two providers, sign-out, the third provider; 0 takes any that are free' -r
complete -c maverics -n "__fish_maverics_using_subcommand demo" -l keep -d 'Keep the configuration files in this folder, which must be new or empty' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand demo" -l json -d 'Print addresses and passwords as one line of JSON'
complete -c maverics -n "__fish_maverics_using_subcommand demo" -s v -l verbose -d 'Log at level debug instead of warn'
complete -c maverics -n "__fish_maverics_using_subcommand demo" -l no-open -d 'Do not open a browser. None ever is; for scripts that say so to every demo'
complete -c maverics -n "__fish_maverics_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand schema" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand hash-password" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c maverics -n "__fish_maverics_using_subcommand completions" -s h -l help -d 'Print help'
complete -c maverics -n "__fish_maverics_using_subcommand man" -s h -l help -d 'Print help'
complete -c maverics -n "__fish_maverics_using_subcommand generate" -l root -d 'Root of the repository' -r -F
complete -c maverics -n "__fish_maverics_using_subcommand generate" -l check -d 'Change nothing; fail when a file is not current'
complete -c maverics -n "__fish_maverics_using_subcommand generate" -s h -l help -d 'Print help'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "serve" -d 'Run the orchestrator'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "validate" -d 'Check configurations: form and names, with line and column'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "lint" -d 'Say which continuity tier a fleet meets, and what would break it'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "probe" -d 'Ask every identity provider whether it is well, and say where logins would go now'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "lb-gen" -d 'Write load balancer configuration that fits a deployment'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "drill" -d 'Rehearse outages in virtual time, with the very code that `serve` runs'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "demo" -d 'Identity providers, an orchestrator, a page, and a switch to break each provider'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "explain" -d 'Print the page of a finding: why it matters, and how to put it right'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "schema" -d 'Print a JSON Schema: of the configuration, or of what the commands print'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "hash-password" -d 'Hash a password for the users file of a `local` connector'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "completions" -d 'Print the completions of a shell'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "man" -d 'Print a manual page in troff, for `man -l -`'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "generate" -d 'Write schemas, completions and manual pages into the repository'
complete -c maverics -n "__fish_maverics_using_subcommand help; and not __fish_seen_subcommand_from serve validate lint probe lb-gen drill demo explain schema hash-password completions man generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
