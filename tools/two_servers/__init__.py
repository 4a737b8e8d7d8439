"""The same generated questions to two servers of the protocol, and where their answers differ.

``server`` speaks to one server. ``things`` is what both hold, ``history`` how it comes there. ``searches``, ``boosts``,
``figures``, ``graphql`` and ``requests`` draw questions from a seed, by ``filters`` and ``documents``; ``reading`` and
``answers`` compare; ``known`` has the differences that Weft has on purpose; ``report`` counts.
"""
