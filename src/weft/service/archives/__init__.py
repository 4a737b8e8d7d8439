"""The verbs on backups, restores and exports."""
