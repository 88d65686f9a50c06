"""What can be broken, and how: workers, servers, the lines to them, their disks, the clock."""
