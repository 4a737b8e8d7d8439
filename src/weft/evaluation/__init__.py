"""Is one way to search better than another? Measures over judged queries, intervals, paired comparisons, a verdict."""
