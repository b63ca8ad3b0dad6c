"""From somebody's files to a report on a page: what the commands for practitioners do."""
