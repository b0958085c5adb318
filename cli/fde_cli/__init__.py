"""The `fde` command: one thin module a subcommand, each importing its part when it is called."""
