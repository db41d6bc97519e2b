"""Many runs in one line: a folder for each, a process for each, a device for each, and what became of them."""
