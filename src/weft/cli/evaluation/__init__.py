"""``weft eval``: which way to search a collection answers its queries best. A client of ``/v1/weft/evaluations``."""
