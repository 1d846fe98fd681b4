"""The buyer portal: what a buyer who was given a link may see and say, whoever serves the pages."""
