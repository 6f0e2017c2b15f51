"""What people see: gates, reasons, plays, the ranked list, and the files and pages that carry them."""
