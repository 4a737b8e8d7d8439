"""Settings as values: one frozen dataclass a group, each handed to the room that needs it.

``weft.config`` reads them from flags, environment and file, and joins the groups. A group checks itself when it is
made, so no room ever holds one that cannot be. A rule that spans groups is checked by ``weft.config.Settings``.
"""
