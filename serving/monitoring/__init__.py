"""What monitoring writes beside the lists: tables, alarms and their answers, figures for Prometheus."""
