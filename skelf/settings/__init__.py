"""The way of a setting, from TOML or `key=value` to the argument it is for."""
