"""Speed as a measured ratio: each bench runs ours and a plain loop on the same data, in turns."""
