"""One module a subcommand. Data goes to stdout, talk to stderr."""
