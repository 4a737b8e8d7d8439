"""The verbs on what is kept elsewhere: backups, restores, exports."""
