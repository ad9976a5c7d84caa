"""The command line `lifecycle`: one module per territory; nothing heavy is imported before a command needs it."""
