"""HTTP APIs as tables: one engine, one declarative manifest a service (docs/connectors/manifest.md)."""
