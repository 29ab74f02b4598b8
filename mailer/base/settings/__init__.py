"""The settings of a workspace: `config.toml` and what stands beside it."""
