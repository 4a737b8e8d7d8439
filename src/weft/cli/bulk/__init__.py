"""``weft embed --out``: the rows of files with their vectors, as Parquet; on one machine, or as a job of Ray Data."""
