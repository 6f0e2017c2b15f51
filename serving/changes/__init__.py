"""Why ranks and scores changed since the last published list."""
