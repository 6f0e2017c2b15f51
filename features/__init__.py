"""What is known about an account on a date: calendar, views, definitions, cohort, labels and the sharded build."""
