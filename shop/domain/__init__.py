"""The shop's rules: no framework, no broker, no database."""
