"""Jobs: long work that outlives the request that asked for it.

`job` says what a job is, `runner` runs them, `ledger` remembers them. Each kind of work is a folder: `backup` and
`export`. What these are kept in is in `backends`.
"""
