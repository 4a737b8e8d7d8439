"""The catalog of several servers: rows in a PostgreSQL database that all of them ask and change."""
