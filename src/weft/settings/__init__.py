"""Settings as values: one frozen dataclass per group, passed to the room that needs it.

``weft.config`` reads them from flags, environment and file, and joins the groups. A group validates itself when it is
created, so no room ever holds an invalid one. ``weft.config.Settings`` checks rules that span groups.
"""
