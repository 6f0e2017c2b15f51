"""The company's figures over its ledger: bridge, retention, expansion, cohorts, time to the first expansion."""
