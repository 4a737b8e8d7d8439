"""Jobs: long work that outlives the request that started it.

`job` defines a job, `runner` runs jobs, `ledger` records them. Each kind of work is a folder: `backup` and `export`.
`backends` are the places where their files are kept.
"""
