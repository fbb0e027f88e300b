"""Events: both schemas read, one reader a source."""
