"""Everything that knows rows: keys and codec (pure), and the transactions over Table Storage."""
